"""Validation shots are the same in every run, and scenes and clipped shares take turns."""

import pytest
import torch

from hdrrecon.train.data.validation import SIZE, validation_shots


@pytest.fixture(scope="module")
def shots(scenes, curves):
    return validation_shots(scenes, curves, 6)


def test_every_run_has_the_same_shots(scenes, curves, shots):
    again = validation_shots(scenes, curves, 6)
    assert all(torch.equal(a[k], b[k]) for a, b in zip(shots, again) for k in a)


def test_more_shots_begin_with_the_fewer(scenes, curves, shots):
    fewer = validation_shots(scenes, curves, 2)
    assert len(shots) == 6 and all(torch.equal(a["code"], b["code"]) for a, b in zip(fewer, shots))


def test_shots_are_views_that_clip_the_stated_share(shots):
    assert all(shot["code"].shape == shot["truth"].shape == (1, 3, SIZE, SIZE) for shot in shots)
    assert all(shot["inverse"].shape == (1, 3, 1024) for shot in shots)
    shares = [float((shot["truth"].amax(1) >= 1).float().mean()) for shot in shots]
    assert shares == pytest.approx([0.05, 0.15] * 3, abs=0.01)
    assert not torch.equal(shots[0]["truth"], shots[2]["truth"]), "the camera has turned"
