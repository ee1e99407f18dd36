"""The statistics of handling see sharpening, JPEG blocks, gaps and shoulders; and survive any photo."""

import cv2
import numpy as np
import pytest
import torch

from hdrrecon.networks.linearize.postprocessing_statistics import (
    DARK_CODES,
    ENDS_SIZE,
    HANDLING_SIZE,
    HEIGHT_BINS,
    HEIGHT_LEVELS,
    HEIGHTS_SIZE,
    SATURATION_BINS,
    SATURATION_LEVELS,
    SATURATION_SIZE,
    end_statistics,
    height_statistics,
    postprocessing_traces,
    saturation_statistics,
)
from hdrrecon.networks.linearize.response_statistics import EDGE_ROWS, place_statistics

GRID = slice(36, 39)  # strongest, spread and border of the 8 x 8 grid, along rows
GAPS = -1


def photo(seed: int = 0, side: int = 160) -> np.ndarray:
    """(side, side, 3) uint8: blurred noise, as rich as a photo."""
    noise = np.random.default_rng(seed).random((side, side, 3)).astype(np.float32)
    blurred = cv2.GaussianBlur(noise, (0, 0), 2)
    return np.rint(40 + 160 * (blurred - blurred.min()) / np.ptp(blurred)).astype(np.uint8)


def as_code(image: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(image.transpose(2, 0, 1).astype(np.float32) / 255)


def test_coding_shows_the_grid():
    image = photo()
    coded = cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 30])[1], cv2.IMREAD_COLOR)
    strongest, spread, border = postprocessing_traces(as_code(coded))[GRID]
    plain = postprocessing_traces(as_code(image))[GRID]
    assert strongest > plain[0] and spread > plain[1] and border > 1.2 * plain[2]


def test_a_stretched_histogram_has_gaps():
    """Twice the contrast leaves every other code empty."""
    image = photo()

    def gaps(x):
        return float(postprocessing_traces(as_code(x))[GAPS])

    assert gaps((image // 2) * 2) > gaps(image) + 0.2


def test_sharpening_overshoots():
    """Halos: middles of wide edges that lie outside their ends become more frequent."""
    image = photo(side=220).astype(np.float32)
    sharp = np.clip(image + 3 * (image - cv2.GaussianBlur(image, (0, 0), 1.5)), 0, 255)

    def overshoot(x):
        return float(place_statistics(as_code(np.rint(x)), 4)[2 * EDGE_ROWS :].mean())

    assert overshoot(sharp) > 1.05 * overshoot(image)


def test_a_contrast_of_codes_raises_heights_at_its_level_only():
    """A ramp in the dark half, twice as steep: its heights move up, those of the bright half stay."""

    def ramp(slope):
        return torch.cat([slope * torch.arange(40) / 255, 0.6 + torch.arange(60) / 255])[None, None].expand(3, 20, -1)

    def table(code):
        return height_statistics(code, 1)[: HEIGHT_LEVELS * HEIGHT_BINS].view(HEIGHT_LEVELS, HEIGHT_BINS)

    def place(rows):
        return float((rows.sum(0) * torch.arange(HEIGHT_BINS)).sum() / rows.sum())

    flat, steep = table(ramp(1.0)), table(ramp(2.0))
    assert place(steep[:2]) > place(flat[:2]) and place(steep[11:]) == pytest.approx(place(flat[11:]))


def test_saturation_is_told_by_level():
    code = torch.zeros(3, 20, 20)
    code[0, :10], code[:, 10:] = 0.3, 0.8  # dark red above, bright grey below
    table = saturation_statistics(code)[: SATURATION_LEVELS * SATURATION_BINS].view(SATURATION_LEVELS, SATURATION_BINS)
    assert table[4].argmax() == SATURATION_BINS - 1 and table[12].argmax() == 0


def test_ends_are_shares_of_single_codes():
    code = torch.full((3, 10, 10), 7 / 255)
    code[:, :5] = 250 / 255
    of_green = end_statistics(code)[: ENDS_SIZE // 2]
    assert of_green.nonzero().flatten().tolist() == [7, DARK_CODES + 250 - 192]
    assert float((of_green / 8).square().sum()) == pytest.approx(1)


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (50, 1), (3, 4), (9, 9)])
@pytest.mark.parametrize("fill", [0.0, 1.0, None])
def test_any_photo_gives_finite_statistics(size, fill):
    code = torch.rand(3, *size) if fill is None else torch.full((3, *size), fill)
    for values, length in (
        (postprocessing_traces(code), HANDLING_SIZE),
        (end_statistics(code), ENDS_SIZE),
        (saturation_statistics(code), SATURATION_SIZE),
        (height_statistics(code, 3), HEIGHTS_SIZE),
    ):
        assert values.shape == (length,) and torch.isfinite(values).all()
