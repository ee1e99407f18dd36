"""ResponseNet's training: counted once, kept, and enough to tell two cameras apart."""
import csv

import numpy as np
import pytest
import torch

from hdrrecon import zoo
from hdrrecon.networks.response_net import ResponseConfig, ResponseNet
from hdrrecon.train.fit_response import (Counted, FitRecipe, count_chunk, count_photos, count_shots, disturbed, drawn, fit,
                                         load_chunks, used_codes)
from hdrrecon.camera.basis import load_basis
from hdrrecon.networks.response_statistics import SIZE
from hdrrecon.train.validation import validation_shots
from tests.train.test_loop import curves, scenes  # noqa: F401 (fixtures)


def test_a_chunk_is_counted_once(scenes, curves, tmp_path, monkeypatch):  # noqa: F811
    path = tmp_path / "counts" / "000.npz"
    count_chunk(scenes, curves, 0, path, 6)
    first = path.read_bytes()
    count_chunk(scenes, curves, 1, path, 6)
    assert path.read_bytes() == first
    chunk = load_chunks([path, path])
    assert chunk.statistics.shape[0] == 12 and torch.isfinite(chunk.statistics).all()
    assert (chunk.inverse.diff(dim=1) >= -1e-6).all()


def test_the_fit_learns_and_its_weights_load(scenes, curves, tmp_path):  # noqa: F811
    count_chunk(scenes, curves, 0, tmp_path / "000.npz", 48)
    validation = count_shots(validation_shots(scenes, curves, 6))
    data = load_chunks([tmp_path / "000.npz"])
    best = fit(data, data, validation, tmp_path / "run", ResponseConfig(hidden=(32,), dropout=0.0),
               FitRecipe(steps=150, batch=16, rate=5e-4, noise=0.0, group_dropout=0.0))
    losses = [float(row["train_loss"]) for row in csv.DictReader(open(tmp_path / "run" / "log.csv"))]
    assert losses[-1] < 0.9 * losses[0]
    out = zoo.load_file(best)(data.statistics)
    assert (out["inverse"].diff(dim=1) >= 0).all() and torch.isfinite(out["family_logits"]).all()


def test_used_codes_are_shares_of_well_exposed_values():
    statistics = torch.zeros(1, 1760)
    statistics[0, [10, 40, 63]] = 1.0  # R has values in bins 10, 40 and, clipped, 63
    share = used_codes(statistics, 1024)
    assert float(share.sum()) == pytest.approx(1) and float(share[0, 1000:].sum()) < 1e-3
    assert float(share[0, 10 * 16 + 8]) == pytest.approx(float(share[0, 40 * 16 + 8]), rel=1e-3)
    assert isinstance(Counted(statistics, share, torch.zeros(1)), Counted) and np.isfinite(share.numpy()).all()


def test_ordinary_photos_answer_with_the_camera_mean(tmp_path, small_photo):
    import imageio.v3 as imageio

    imageio.imwrite(tmp_path / "a.png", small_photo)
    count_photos(tmp_path, 0, tmp_path / "photos.npz", 4)
    chunk = load_chunks([tmp_path / "photos.npz"])
    assert (chunk.family == 0).all() and torch.allclose(chunk.inverse[0], torch.from_numpy(load_basis().camera_mean).float())


def test_batches_hold_the_stated_share_of_photos_and_hidden_kinds_show_their_mean():
    many = lambda family: Counted(torch.ones(50, SIZE), torch.zeros(50, 1024), torch.full((50,), family))
    batch = drawn(many(1), many(0), FitRecipe(batch=100, photo_share=0.2))
    assert len(batch.family) == 100 and int((batch.family == 0).sum()) == 20
    hidden = disturbed(batch.statistics, ResponseNet(), FitRecipe(noise=0.0, group_dropout=1.0))
    assert (hidden == 0).all()  # an untrained net's centre
    assert (disturbed(batch.statistics, ResponseNet(), FitRecipe(noise=0.0, group_dropout=0.0)) == 1).all()
