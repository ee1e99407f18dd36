"""The counts of bytes equal those of the code values they stand for: to the count."""

import numpy as np
import pytest
import torch

from hdrrecon.networks.linearize import counts_on_cpu
from hdrrecon.networks.linearize.counts_of_bytes import count_bytes
from hdrrecon.networks.linearize.counts_on_cpu import count


def bytes_of(kind: str, size: tuple[int, int]) -> np.ndarray:
    """(3, H, W) uint8: neighbours alike as in a photo, "even" ones, all values alike, or few of them."""
    rng = np.random.default_rng(3)
    if kind == "even":
        return rng.integers(0, 256, (3, *size), dtype=np.uint8)
    values = rng.random((3, *size))
    values = (values + np.roll(values, 1, 1) + np.roll(values, 1, 2) + 2 * values.mean(0)) / 5
    if kind == "levels":  # differences that lie on the border of a bin, again and again
        return np.uint8(6 * np.rint(values * 42))
    return np.uint8(np.rint(np.clip(1.3 * values, 0, 1) * 255))


@pytest.mark.parametrize("kind", ["even", "alike", "levels"])
@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1), (2, 2), (3, 9), (9, 3), (17, 16), (130, 151), (40, 700)])
def test_equal_to_the_count(kind, size, monkeypatch):
    """Whatever the size, and wherever blocks end."""
    monkeypatch.setattr(counts_on_cpu, "PX_AT_ONCE", 1000)
    stored = bytes_of(kind, size)
    got, wanted = count_bytes(stored), count((torch.from_numpy(stored).float() / 255).numpy())
    for name, table in vars(wanted).items():
        mine = getattr(got, name)
        assert mine.dtype == table.dtype and mine.shape == table.shape, name
        rounded = name in ("differences", "grid") or name == "slopes"
        np.testing.assert_allclose(mine, table, rtol=1e-6 if rounded else 0, atol=1e-8 if rounded else 0, err_msg=name)
