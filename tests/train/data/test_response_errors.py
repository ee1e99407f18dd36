"""Errors of stage 1 are measured once and put on any true response of the same family."""

import pytest
import torch

from hdrrecon.camera.basis import FAMILIES
from hdrrecon.train.data.response_errors import ResponseErrors

CODES = torch.linspace(0, 1, 1024)


def batches():
    """Photos that carry their own gamma as their value; one of each family."""
    gammas = torch.tensor([1.8, 2.2, 2.6])
    inverse = CODES ** gammas[:, None]
    while True:
        code = (gammas / 4).view(3, 1, 1, 1).expand(3, 3, 4, 4)
        yield {"code": code, "inverse": inverse[:, None].expand(3, 3, 1024), "family": torch.arange(3)}


def a_little_too_steep(code):
    return CODES ** (4 * code.mean() + 0.3)


def test_what_was_wrong_once_is_wrong_again_in_the_same_way():
    errors = ResponseErrors.measured(a_little_too_steep, batches(), 9)
    batch = next(batches())
    made = errors.added(batch["inverse"], batch["family"])
    for gamma, curve in zip((1.8, 2.2, 2.6), made[:, 0]):
        assert torch.allclose(curve[30:], CODES[30:] ** (gamma + 0.3), atol=2e-3)


def test_answers_are_responses():
    torch.manual_seed(0)
    errors = ResponseErrors(torch.randn(30, 1024), torch.arange(30) % len(FAMILIES))
    made = errors.added((CODES**2.2).expand(8, 3, 1024), torch.arange(8) % 3)
    assert (
        (made.diff(dim=-1) >= 0).all() and (made[..., 0] == 0).all() and torch.allclose(made[..., -1], torch.ones(8, 3))
    )
    assert torch.equal(made[:, 0], made[:, 2])


def test_families_keep_their_own_errors():
    stops = torch.stack([torch.full((1024,), float(i)) for i in range(3)]).repeat(4, 1)
    errors = ResponseErrors(stops, torch.arange(12) % 3)
    flat = (0.1 + CODES / 2).expand(3, 3, 1024)
    for family in range(3):
        made = errors.added(flat, torch.full((3,), family))
        # A constant factor is undone by the ends; what is left is the same curve for all of one family.
        assert torch.allclose(made[0], made[1]) and torch.allclose(made[0], made[2])


def test_a_family_without_errors_is_an_error():
    with pytest.raises(ValueError, match=FAMILIES[2]):
        ResponseErrors(torch.zeros(4, 1024), torch.tensor([0, 1, 0, 1]))


def test_they_survive_a_file(tmp_path):
    errors = ResponseErrors(torch.randn(9, 1024), torch.arange(9) % 3)
    errors.save(tmp_path / "errors.safetensors")
    again = ResponseErrors.load(tmp_path / "errors.safetensors")
    assert torch.allclose(errors.stops, again.stops, atol=2e-3) and torch.equal(errors.counts, again.counts)
