"""Trains the raw codec from scenes to the file that ships: exposures, map prior, entropy model, tables, synthesis."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from hdrrecon.networks.rawcodec.block_transform import BlockTransform
from hdrrecon.networks.rawcodec.entropy_model import EntropyModel
from hdrrecon.rawcodec.analysis import Target, target
from hdrrecon.rawcodec.latent_stage import guide_inputs
from hdrrecon.rawcodec.model import load_model
from hdrrecon.train.data.curves import CurveSampler
from hdrrecon.train.data.scenes import Scene
from hdrrecon.train.rawcodec.entropy import EntropyRecipe, train_entropy
from hdrrecon.train.rawcodec.export import calibrated, first_state, write_model
from hdrrecon.train.rawcodec.exposures import load_exposures, make_exposures, read_exposure
from hdrrecon.train.rawcodec.map_prior import fit_map_prior
from hdrrecon.train.rawcodec.synthesis import SynthesisRecipe, load_synthesis, train_synthesis

CALIBRATION = 48  # exposures that tables are counted on
_STEPS = (30, 180)  # base steps of calibration, 1/32 octave below 1


def train_rawcodec(
    scenes: list[Scene],
    sampler: CurveSampler,
    out: Path,
    exposures: int = 320,
    entropy: EntropyRecipe = EntropyRecipe(),
    synthesis: SynthesisRecipe | None = SynthesisRecipe(),
    seed: int = 0,
) -> Path:
    """All of it, in order; what a run left behind is used again. Returns `out`/rawcodec.safetensors."""
    folder = out / "exposures"
    make_exposures(scenes, sampler, folder, exposures, seed)
    training, _ = load_exposures(folder)
    prior = fit_map_prior(training)
    entropy_state = torch.load(train_entropy(folder, out, entropy), weights_only=True)
    net, transform = EntropyModel(), BlockTransform()
    net.load_state_dict(entropy_state["net"]), transform.load_state_dict(entropy_state["transform"])
    state = calibrated(first_state(net, transform, prior), _samples(training, transform, seed))
    about = {"entropy steps": entropy_state["step"], "exposures": len(training)}
    path = out / "rawcodec.safetensors"
    write_model(path, state, None, about)
    if synthesis is not None:
        trained = load_synthesis(train_synthesis(load_model(path), folder, out, synthesis))
        write_model(path, state, trained, about)
    return path


def _samples(files: list[Path], transform: BlockTransform, seed: int) -> list[tuple[np.ndarray, Target, int]]:
    """Inputs, target and a step of random training exposures."""
    rng = np.random.default_rng([seed, 1])
    analysis = transform.analysis.detach().numpy()
    out = []
    for i in rng.permutation(len(files))[:CALIBRATION]:
        one = read_exposure(files[i])
        found = target(analysis, one.guide.shape[1:], [one.band()])
        out.append((guide_inputs(one.guide, one.grid), found, int(rng.integers(*_STEPS))))
    return out
