"""From trained floating-point networks to the integer model that ships: rounding, frequency tables, centroids,
self-test."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import numpy as np

from hdrrecon.io.atomic import atomic_write
from hdrrecon.networks.rawcodec.block_transform import BlockTransform
from hdrrecon.networks.rawcodec.entropy_model import RATIO, SCALES, SMALLEST, EntropyModel
from hdrrecon.networks.rawcodec.synthesis import Synthesis
from hdrrecon.rawcodec.analysis import Chooser, Target
from hdrrecon.rawcodec.bitstream import Header
from hdrrecon.rawcodec.integer_net import rounded_conv
from hdrrecon.rawcodec.latent_coder import GROUPS, SUBSTEPS, PassParameters, walk
from hdrrecon.rawcodec.latent_stage import with_step
from hdrrecon.rawcodec.model import Model, load_model, model_from, self_test
from hdrrecon.rawcodec.rans import TOTAL
from hdrrecon.rawcodec.symbol_coder import CERTAIN, FLAG_TABLES, expected_flags, zero_costs
from hdrrecon.rawcodec.tables import COUNT, ESCAPE, LARGEST, integer_frequencies, laplace_probabilities

PRIOR_COUNT = 200.0  # symbols' worth of Laplace distribution mixed into each table


def integer_state(net: EntropyModel) -> dict[str, np.ndarray]:
    """Rounded layers, named as `rawcodec.model` reads them."""
    state = net.state_dict()
    out = {}
    for name in (k.removesuffix(".weight") for k in state if k.endswith(".weight")):
        weight, bias = rounded_conv(state[f"{name}.weight"].numpy(), state[f"{name}.bias"].numpy())
        out[f"entropy.{name}.weight"], out[f"entropy.{name}.bias"] = weight, bias
    return out


def initial_tables() -> np.ndarray:
    """(64, 64) integer frequencies of Laplace distributions from narrow to wide."""
    return integer_frequencies(laplace_probabilities(SMALLEST * RATIO ** (np.arange(SCALES) / (SCALES - 1))))


def first_state(net: EntropyModel, transform: BlockTransform, prior: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Arrays of a model whose tables are not measured yet."""
    return {
        **integer_state(net),
        "entropy.tables": (tables := initial_tables()),
        "entropy.zero_cost": zero_costs(tables),
        "entropy.flags": expected_flags(),
        "map.mean": prior["mean"],
        "map.directions": prior["directions"],
        "map.log_scale": prior["log_scale"].astype(np.int64),
        "rounding.centroids": np.zeros((COUNT, 2), np.float32),
        "rounding.error": np.full(COUNT, 1 / 12, np.float32),
        "rounding.unsent": np.full(len(GROUPS), 0.1, np.float32),
        "analysis": transform.analysis.detach().numpy(),
        "synthesis": transform.synthesis.detach().numpy(),
    }


class Statistics:
    """What coding training images with a model tells of its tables."""

    def __init__(self) -> None:
        self.counts = np.zeros((COUNT, ESCAPE + 1))
        self.flags = np.zeros((FLAG_TABLES, 2))
        self.shift = np.zeros((COUNT, 2, 2))  # sum of distances towards 0, and count; of size 1 and of larger symbols
        self.error = np.zeros((COUNT, 2))
        self.unsent = np.zeros((len(GROUPS), 2))

    def add(self, model: Model, planes: np.ndarray, found: Target, step: int) -> None:
        """Code one image: `planes` (h, w, 23), and its target."""
        header = Header(0, 8, 8, 0, 0, step, 0, 0)
        latents, base = found.latents, 2.0 ** (-step / 32)
        choose = Chooser(model, found, base)
        sent = np.zeros((len(GROUPS), *latents.shape[:2]), bool)

        def code(group: int, index: int, parameters: PassParameters) -> np.ndarray:
            symbols = choose(group, parameters)
            steps = parameters.step[:, None] / SUBSTEPS
            rest = choose.wanted / steps - parameters.mean / parameters.step[:, None] - symbols
            which = np.where(np.abs(symbols) > LARGEST, ESCAPE, np.clip(symbols, -LARGEST, LARGEST) + LARGEST)
            np.add.at(self.counts, (parameters.index.ravel(), which.ravel()), 1)
            nonzero = symbols != 0
            flags = (nonzero & (parameters.index < CERTAIN)).any(1).astype(int)
            np.add.at(self.flags, (model.symbols.flag_tables(parameters.index), flags), 1)
            kind = (np.minimum(np.abs(symbols), 2) - 1)[nonzero]
            np.add.at(self.shift[..., 0], (parameters.index[nonzero], kind), (-rest * np.sign(symbols))[nonzero])
            np.add.at(self.shift[..., 1], (parameters.index[nonzero], kind), 1)
            np.add.at(self.error[..., 0], parameters.index.ravel(), rest.ravel() ** 2)
            np.add.at(self.error[..., 1], parameters.index.ravel(), 1)
            sent[group].reshape(-1)[parameters.where] = True
            return symbols

        walk(with_step(planes, header), model.guide_nets, model.groups, model.rounding, code)
        ends = np.cumsum(GROUPS)
        for g, (end, size) in enumerate(zip(ends, GROUPS, strict=True)):
            left = latents[~sent[g]][:, end - size : end] / base
            self.unsent[g] += (np.square(left).sum(), left.size)

    def tables(self) -> np.ndarray:
        """Integer frequencies: counts made symmetric, mixed with what a Laplace distribution of the same spread
        expects."""
        inner = self.counts[:, :ESCAPE] + self.counts[:, ESCAPE - 1 :: -1]
        counts = np.concatenate([inner / 2, self.counts[:, ESCAPE:]], 1)
        smooth = laplace_probabilities(SMALLEST * RATIO ** (np.arange(SCALES) / (SCALES - 1)))
        return integer_frequencies(counts + PRIOR_COUNT * smooth)

    def flag_frequencies(self) -> np.ndarray:
        """(24, 2) integer frequencies of the flags."""
        share = (self.flags + 50 * expected_flags() / TOTAL) / (self.flags.sum(1, keepdims=True) + 50)
        none = np.clip(np.round(TOTAL * share[:, 0]), 1, TOTAL - 1).astype(np.int64)
        return np.stack([none, TOTAL - none], 1)

    def rounding(self) -> dict[str, np.ndarray]:
        """`rounding.*` arrays."""
        shift = self.shift[..., 0] / (self.shift[..., 1] + 200)
        error = (self.error[:, 0] + 20 / 12) / (self.error[:, 1] + 20)
        unsent = self.unsent[:, 0] / np.maximum(self.unsent[:, 1], 1)
        return {
            "rounding.centroids": np.clip(shift, -0.4, 0.4).astype(np.float32),
            "rounding.error": error.astype(np.float32),
            "rounding.unsent": unsent.astype(np.float32),
        }


def calibrated(state: dict[str, np.ndarray], samples: Iterable[tuple[np.ndarray, Target, int]], rounds: int = 2):
    """Measure tables and rounding on training images: (planes, target, step) each; returns the completed arrays."""
    samples = list(samples)
    for _ in range(rounds):
        model, found = model_from(state, {}), Statistics()
        for planes, wanted, step in samples:
            found.add(model, planes, wanted, step)
        tables = found.tables()
        measured = {
            "entropy.tables": tables,
            "entropy.zero_cost": zero_costs(tables),
            "entropy.flags": found.flag_frequencies(),
        }
        state = {**state, **measured, **found.rounding()}
    return state


def write_model(path: Path, state: dict[str, np.ndarray], synthesis: Synthesis | None, about: dict) -> None:
    """Write the file that `rawcodec.model.load_model` reads, with its self-test; and read it again."""
    from safetensors.numpy import save_file

    metadata: dict[str, object] = {"about": about}
    if synthesis is not None:
        state = {**state, **{f"network.{k}": v.numpy() for k, v in synthesis.state_dict().items()}}
        metadata["network_config"] = asdict(synthesis.config)
    metadata["self_test"] = self_test(model_from(state, metadata))
    with atomic_write(path) as temporary:
        save_file(
            {k: np.ascontiguousarray(v) for k, v in state.items()},
            temporary,
            {k: json.dumps(v) for k, v in metadata.items()},
        )
    load_model(path)
