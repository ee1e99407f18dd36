"""The raw codec's model: what `weights/rawcodec.safetensors` holds, and its self-test."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from hdrrecon.rawcodec.base_coder import MapPrior
from hdrrecon.rawcodec.errors import StreamError
from hdrrecon.rawcodec.guide import CHANNELS
from hdrrecon.rawcodec.integer_net import IntegerConv
from hdrrecon.rawcodec.latent_coder import GROUPS, GroupNets, PassParameters, Rounding, walk
from hdrrecon.rawcodec.symbol_coder import SymbolCoder

NAME = "rawcodec"


@dataclass(frozen=True)
class Model:
    """Everything encoder and decoder share.

    The entropy path is integers: `guide_nets`, `groups`, `symbols`, `prior`; `model_id` identifies it. The rest
    works on floats: `rounding`, `analysis` and `synthesis` (192, 192), and `network`, the state of the synthesis
        network.
    """

    guide_nets: tuple[IntegerConv, ...]
    groups: tuple[GroupNets, ...]
    symbols: SymbolCoder
    prior: MapPrior
    rounding: Rounding
    analysis: np.ndarray
    synthesis: np.ndarray
    network: dict[str, np.ndarray]
    network_config: dict[str, int]
    model_id: int


@lru_cache(maxsize=1)
def shipped_model() -> Model:
    """The model that ships, verified and self-tested.

    Raises:
        OSError: the file is damaged.
        StreamError: this machine does not compute what the stream's format asks for.
    """
    from hdrrecon import zoo

    entry = zoo.CODECS[NAME]
    path = zoo.weights_path(entry.file)
    if (found := zoo.sha256(path)) != entry.sha256:
        raise OSError(
            f"{path} is damaged: its SHA-256 is {found[:12]}..., shipped was {entry.sha256[:12]}...; reinstall hdrrecon"
        )
    return load_model(path)


def load_model(path: Path) -> Model:
    """Read a model's file and run its self-test."""
    from safetensors import safe_open

    with safe_open(path, "np") as file:
        metadata = {k: json.loads(v) for k, v in (file.metadata() or {}).items()}
        state = {k: file.get_tensor(k) for k in file.keys()}
    model = model_from(state, metadata)
    if "self_test" in metadata and self_test(model) != metadata["self_test"]:
        raise StreamError(
            "this machine computes the raw codec's integer networks wrongly; report its processor and numpy version"
        )
    return model


def model_from(state: dict[str, np.ndarray], metadata: dict) -> Model:
    """Put a model together from the arrays of its file."""

    def layer(name: str, relu: bool = True) -> IntegerConv:
        return IntegerConv(state[f"entropy.{name}.weight"], state[f"entropy.{name}.bias"], relu)

    def group(index: int) -> GroupNets:
        at = f"groups.{index}"
        optional = {
            n: layer(f"{at}.{n}") if f"entropy.{at}.{n}.weight" in state else None for n in ("coarser", "nearby")
        }
        return GroupNets(
            order=(layer(f"{at}.order.0"), layer(f"{at}.order.1", relu=False)),
            parameters=(*(layer(f"{at}.parameters_.{i}") for i in range(2)), layer(f"{at}.parameters_.2", relu=False)),
            has_mean=index < 2,
            **optional,
        )

    prior = MapPrior(state["map.mean"], state["map.directions"], state["map.log_scale"].astype(np.int64))
    return Model(
        guide_nets=tuple(layer(f"guide.{i}") for i in range(2)),
        groups=tuple(group(i) for i in range(len(GROUPS))),
        symbols=SymbolCoder(state["entropy.tables"], state["entropy.flags"], state["entropy.zero_cost"]),
        prior=prior,
        rounding=Rounding(*(state[f"rounding.{n}"] for n in ("centroids", "error", "unsent"))),
        analysis=state["analysis"].astype(np.float32),
        synthesis=state["synthesis"].astype(np.float32),
        network={k.removeprefix("network."): v for k, v in state.items() if k.startswith("network.")},
        network_config=metadata.get("network_config", {}),
        model_id=entropy_id(state),
    )


def entropy_id(state: dict[str, np.ndarray]) -> int:
    """CRC-32 of all that decides what a stream means: names and bytes of all arrays but the synthesis network's."""
    crc = 0
    for name in sorted(k for k in state if not k.startswith("network.")):
        array = np.ascontiguousarray(state[name])
        crc = zlib.crc32(array.astype(array.dtype.newbyteorder("<")).tobytes(), zlib.crc32(name.encode(), crc))
    return crc


def self_test(model: Model) -> int:
    """CRC-32 of what the integer networks make of a fixed input: the same on every machine that can be trusted."""
    count = 12 * 10 * (CHANNELS + 2)
    noise = (np.arange(1, count + 1, dtype=np.uint64) * np.uint64(2654435761) % np.uint64(2**32)) >> np.uint64(22)
    guide = noise.astype(np.int64).reshape(12, 10, -1) - 512
    crc = 0

    def code(group: int, index: int, parameters: PassParameters) -> np.ndarray:
        nonlocal crc
        mean = np.broadcast_to(parameters.mean, parameters.index.shape)
        for part in (parameters.where, parameters.index, mean, parameters.step):
            crc = zlib.crc32(np.ascontiguousarray(part, "<i4").tobytes(), crc)
        pattern = np.arange(parameters.index.size).reshape(parameters.index.shape)
        return np.where(pattern % 7 == 0, pattern % 5 - 2, 0)

    walk(guide, model.guide_nets, model.groups, model.rounding, code)
    return crc
