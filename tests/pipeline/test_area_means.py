"""Means of rows and columns, of floats and of bytes, are those of adaptive pooling."""

import numpy as np
import pytest
import torch
from torch.nn.functional import adaptive_avg_pool2d

from hdrrecon.pipeline.area_means import area_means, byte_means, pooled_bytes, windows

SIZES = [((37, 53), (11, 20)), ((1, 1), (1, 1)), ((64, 48), (64, 48)), ((97, 64), (96, 63)), ((5, 900), (3, 256))]


def pooled(image: np.ndarray, to: tuple[int, int]) -> np.ndarray:
    """(H, W, C) -> (h, w, C), in float64."""
    return adaptive_avg_pool2d(torch.from_numpy(image).double().permute(2, 0, 1), to).permute(1, 2, 0).numpy()


@pytest.mark.parametrize("size, to", SIZES)
@pytest.mark.parametrize("planar", [False, True])
def test_means_of_floats(size, to, planar):
    image = np.random.default_rng(0).random((*size, 5), dtype=np.float32)
    laid = image.transpose(0, 2, 1) if planar else image
    results = [area_means(lambda rows: laid[rows], size, to, 5, planar=planar, most_px=px) for px in (1, 500, 1 << 17)]
    assert all(np.array_equal(result, results[0]) for result in results), "where bands end must not show"
    means = results[0].transpose(0, 2, 1) if planar else results[0]
    np.testing.assert_allclose(means, pooled(image, to), atol=1e-6)


@pytest.mark.parametrize("size, to", SIZES)
@pytest.mark.parametrize("channels", [1, 3])
def test_means_of_bytes_are_rounded_once(size, to, channels, monkeypatch):
    monkeypatch.setattr("hdrrecon.pipeline.area_means.PX_AT_ONCE", 700)
    image = np.random.default_rng(1).integers(0, 256, (*size, channels), dtype=np.uint8)
    np.testing.assert_array_equal(byte_means(image, to, 255), np.float32(pooled(image, to) / 255))


def test_bands_without_anything_are_left_out():
    """`None` is a band of zeros."""
    image = np.zeros((40, 30, 2), np.float32)
    image[20:25] = 1
    asked = []

    def rows(band: slice) -> np.ndarray | None:
        asked.append(band)
        return image[band] if image[band].any() else None

    means = area_means(rows, (40, 30), (8, 6), 2, most_px=300)
    np.testing.assert_allclose(means, pooled(image, (8, 6)), atol=1e-6)
    assert len(asked) == 4


def test_windows_cover_everything():
    start, stop = windows(10, 4)
    assert start.tolist() == [0, 2, 5, 7] and stop.tolist() == [3, 5, 8, 10]


@pytest.mark.parametrize("size, to", [((97, 300), (40, 64)), ((301, 203), (64, 128)), ((60, 700), (4, 256))])
def test_pooled_to_the_bit(size, to, monkeypatch):
    """Rows by `adaptive_avg_pool2d`, one by one, and then means of rows: what stage 1 has always seen."""
    monkeypatch.setattr("hdrrecon.pipeline.area_means.PX_AT_ONCE", 700)
    rng = np.random.default_rng(2)
    stored = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
    table = np.float32(np.sort(rng.random((256, 3)), 0))
    code = torch.from_numpy(np.stack([table[stored[..., c], c] for c in range(3)]))
    narrow = adaptive_avg_pool2d(code.reshape(1, -1, 1, size[1]), (1, to[1])).view(3, size[0], to[1])
    start, stop = windows(size[0], to[0])
    want = torch.cat([narrow[:, a:b].mean(1, keepdim=True) for a, b in zip(start, stop)], 1)
    got = pooled_bytes(lambda rows: stored[rows], size, table, to)
    np.testing.assert_array_equal(got, want.permute(1, 2, 0).numpy())
