"""The shipped weights and the models made of them.

Files lie in `weights/`: inside the package in an installed wheel, beside it in a checkout or an editable
install. Each is a safetensors file whose metadata names its network and configuration, so a file rebuilds its
own network; each has a card (`weights/NAME.md`) with data, licence, command, scores and cost.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from fnmatch import fnmatch
from functools import lru_cache
from pathlib import Path

from hdrrecon.options import UsageError

TRAINED_ON = (
    "103 HDR panoramas (101 CC0, six of them by likely origin; 2 BSD-3-Clause) and response curves; see the card"
)
ALL_SCENES = "151 HDR scenes (149 CC0, six of them by likely origin; 2 BSD-3-Clause), listed in weights/scenes.md"
HEAD_TRAINED_ON = f"{TRAINED_ON}; its head on {ALL_SCENES}"
STREET_TRAINED_ON = f"{TRAINED_ON}; then on {ALL_SCENES}"


@dataclass(frozen=True)
class Weights:
    """One file of `weights/`."""

    file: str
    sha256: str
    license: str = "CC0-1.0"
    trained_on: str = TRAINED_ON


@dataclass(frozen=True)
class Model:
    """A combination of stages a user can name.

    `linearize`, `restore` and `refine` name entries of `WEIGHTS`, or None where the stage is left out.
    """

    name: str
    about: str
    linearize: str | None
    restore: str | None
    parameters: int  # of all stages
    scores: dict[str, float] = field(default_factory=dict)  # means over views, "hdrrecon-eval v1, clip_95"
    refine: str | None = None
    cost: float = 0.0  # 10**9 multiply-adds for a square photo in which something clipped, whatever its size

    @property
    def license(self) -> str:
        return " AND ".join(
            sorted({part for name in self.stages for part in WEIGHTS[name].license.split(" AND ")}, reverse=True)
        )

    @property
    def stages(self) -> tuple[str, ...]:
        """Names of its weights, in the order of the pipeline."""
        return tuple(name for name in (self.linearize, self.restore, self.refine) if name)

    @property
    def cards(self) -> tuple[Path, ...]:
        """Of each of its weights, the page that says what it was made of, how, and how good it is."""
        return tuple(weights_path(WEIGHTS[name].file).with_suffix(".md") for name in self.stages)


WEIGHTS = {
    "response-net": Weights(
        "response-net.safetensors", "1fd86f7bd7313ffab358afd95ce34fa90669b1df3b892fc599108a5eebd4f997"
    ),
    "masked-features": Weights(
        "masked-features.safetensors",
        "988c726e00a5698d855f4ed547903e421e265294b1d52afedc6a7c24de409759",
        "CC0-1.0 AND Apache-2.0",
        HEAD_TRAINED_ON,
    ),
    "masked-features-small": Weights(
        "masked-features-small.safetensors",
        "80fa4e4b96ba6f736f4eeb552bb85ea6e56f7d8e093321866fbde7cea16533bd",
        "CC0-1.0 AND Apache-2.0",
        STREET_TRAINED_ON,
    ),
    "kernel-prediction": Weights(
        "kernel-prediction.safetensors",
        "e7a7300f9ac4d77f1a2cb12d5d79faf37026a40fd6c8efe766d8fbf3e890a60a",
        trained_on=STREET_TRAINED_ON,
    ),
    "kernel-prediction-alone": Weights(
        "kernel-prediction-alone.safetensors",
        "02e188b6bf2f54189d0207ca3b035312b95397361759e6fa534f83a5ccf07e7c",
        trained_on=STREET_TRAINED_ON,
    ),
    "linearization-net": Weights(
        "linearization-net.safetensors", "bd0f1aaae7ecb3ae66f688c6686052e5f30e2abef1168c66f50608286f69799f"
    ),
    "light-budget": Weights(
        "light-budget.safetensors",
        "4dfe7d199ecc32cad01e841a85f1391d0e43d4c42987c6bd7e6946ef7937b7a2",
        trained_on="146 HDR panoramas; see the card",
    ),
    "crf-net": Weights("crf-net.safetensors", "8ee8197edfb0a4af743b44a6c58ae5a5b9df5161929b02b819f5c8a510d792d9"),
    "guide-net": Weights("guide-net.safetensors", "96e29a93f98a33034677c17a100d30b1ffb09c90dc273362a998c9d8a1d7aef9"),
    "unwrap-net": Weights("unwrap-net.safetensors", "d7b6635e34f843cbff01a51bb7066f50c806190a05de121f22762c1bd167a8ec"),
}

# Models of other things than light: `rawcodec.model` loads its own.
CODECS = {
    "rawcodec": Weights(
        "rawcodec.safetensors",
        "90e830c5e975aae0fe4ca35ee8059829ecbad9ef0f13cc3f8c5837b45613ae02",
        trained_on="151 HDR scenes, simulated cameras; see the card",
    ),
}

# Where the network lives that a weights file names in its metadata. The keys are what shipped files say.
NETWORKS = {
    "response_net:ResponseNet": "linearize.response_net",
    "linearization_net:LinearizationNet": "linearize.linearization_net",
    "crf_net:CrfNet": "linearize.crf_net",
    "masked_features:MaskedFeatures": "restore.masked_features",
    "light_budget:LightBudget": "restore.light_budget",
    "kernel_prediction:DKPN": "refine.kernel_prediction",
    "guide_net:GuideNet": "sensors.guide_net",
    "unwrap_net:UnwrapNet": "sensors.unwrap_net",
    "unwrap_net:RolloverNet": "sensors.unwrap_net",
    "exposure_net:ExposureNet": "sensors.exposure_net",
}

# Written by tools/update_docs.py, which measures what ships.
_SCORES: dict[str, dict[str, float]] = json.loads(Path(__file__).with_name("scores.json").read_text(encoding="utf-8"))

DEFAULT_MODEL = "full"
MODELS = {
    model.name: model
    for model in (
        Model(
            "full",
            "estimated response, restored highlights, refined",
            "response-net",
            "masked-features",
            5_772_957,
            _SCORES["full"],
            "kernel-prediction",
            cost=7.8,
        ),
        Model(
            "fast",
            "the same with a small restoring network and nothing after it",
            "response-net",
            "masked-features-small",
            3_520_459,
            _SCORES["fast"],
            cost=0.88,
        ),
        Model(
            "masked-features",
            "estimated response, restored highlights: stages 1 and 2",
            "response-net",
            "masked-features",
            4_506_007,
            _SCORES["masked-features"],
            cost=4.7,
        ),
        Model(
            "dkpn",
            "kernel prediction standing alone after the estimated response",
            "response-net",
            None,
            1_871_087,
            _SCORES["dkpn"],
            "kernel-prediction-alone",
            cost=2.0,
        ),
        Model(
            "linearize",
            "estimated response alone: clipped light stays at the clip level",
            "response-net",
            None,
            544_483,
            _SCORES["linearize"],
            cost=0.0005,
        ),
        Model(
            "linearization-net",
            "the response as published by Liu et al. 2020, for comparison",
            "linearization-net",
            None,
            838_356,
            _SCORES["linearization-net"],
            cost=3.4,
        ),
        Model(
            "crf-net",
            "the response as published by Li & Peers 2017, for comparison",
            "crf-net",
            None,
            890_507,
            _SCORES["crf-net"],
            cost=21.8,
        ),
    )
}


def list_models(pattern: str = "*") -> list[str]:
    """Names of the models that ship, matching a shell pattern, the default first."""
    return [name for name in MODELS if fnmatch(name, pattern)]


def model_info(name: str) -> Model:
    """What is known of a model of `list_models`: `about`, `scores`, `license`, `cost`, `parameters`, `stages`, `cards`.

    Raises:
        UsageError: naming the models there are.
    """
    if name not in MODELS:
        raise UsageError(f"no model {name!r}; there are: {', '.join(MODELS)}")
    return MODELS[name]


def weights_path(file: str) -> Path:
    """Path of a file of `weights/`.

    Raises:
        FileNotFoundError: naming the places looked at.
    """
    package = Path(__file__).resolve().parent
    places = (package / "weights", package.parent / "weights")
    for place in places:
        if (place / file).is_file():
            return place / file
    raise FileNotFoundError(
        f"no {file} in {' or '.join(map(str, places))}; reinstall hdrrecon, its weights are part of it"
    )


@lru_cache(maxsize=8)
def load(name: str):
    """The network of an entry of `WEIGHTS`, on the CPU, in evaluation mode; verified, and cached: treat it as
    read-only.

    Raises:
        OSError: if the file is not the one that was shipped.
    """
    entry = WEIGHTS[name]
    path = weights_path(entry.file)
    if (found := sha256(path)) != entry.sha256:
        raise OSError(
            f"{path} is damaged: its SHA-256 is {found[:12]}..., shipped was {entry.sha256[:12]}...; reinstall hdrrecon"
        )
    return load_file(path)


def load_file(path: Path):
    """Rebuild the network a weights file was saved from (`train.loop.save_weights`), in evaluation mode.

    Raises:
        ValueError: a file that is none of these.
    """
    from importlib import import_module

    from safetensors import SafetensorError, safe_open

    if Path(path).exists() and not Path(path).is_file():  # a pipe would be waited for, for ever
        raise ValueError(f"{path} is no file; wanted weights, .safetensors")
    try:
        with safe_open(path, "pt") as file:
            metadata = {k: json.loads(v) for k, v in (file.metadata() or {}).items()}
            state = {k: file.get_tensor(k) for k in file.keys()}
    except (SafetensorError, ValueError, RuntimeError, TypeError) as error:
        raise ValueError(f"{path} is no safetensors file, or a damaged one: {error}") from None
    if "network" not in metadata:
        raise ValueError(f"{path} does not say which network it is for; it was not saved by hdrrecon's training")
    if not isinstance(metadata["network"], str) or metadata["network"] not in NETWORKS:
        raise ValueError(
            f"{path} is for the network {metadata['network']!r}; this hdrrecon knows {', '.join(NETWORKS)}"
        )
    module = import_module(f"hdrrecon.networks.{NETWORKS[metadata['network']]}")
    network_class = getattr(module, metadata["network"].split(":")[1])
    try:
        config = {k: tuple(v) if isinstance(v, list) else v for k, v in metadata["config"].items()}
        network = network_class(network_class.Config(**config))
        network.load_state_dict(state)
    except Exception as error:  # whatever a spoilt configuration makes of a network
        reason = " ".join(str(error).split())[:200]
        raise ValueError(f"{path} does not fit the network it names, {metadata['network']}: {reason}") from error
    return network.eval().requires_grad_(False)


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    import hashlib

    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
