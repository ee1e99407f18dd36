"""One photo between its response and its light: groups, strength, and rows that do not depend on the cut."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hdrrecon.camera.response import ResponseCurve
from hdrrecon.pipeline.pixels import PixelCodes
from hdrrecon.pipeline.prepared import LEAST_CRUSHED, PreparedPhoto, blend_in_stops, full_groups, something_missing

CPU = torch.device("cpu")
amounts = st.floats(2.0**-14, 64, width=32)


@given(st.integers(1, 20000))
def test_groups_are_always_full_and_hold_every_index_once(number):
    kept, sizes = [], set()
    for first, group in full_groups(torch.arange(number), CPU):
        sizes.add(len(group))
        kept.append(group[: min(len(group), number - first)])
        assert int(kept[-1][0]) == first and int(group.max()) < number
    assert torch.equal(torch.cat(kept), torch.arange(number)) and len(sizes) == 1


@given(amounts, amounts, st.floats(0, 1))
def test_strength_goes_in_stops_from_the_photo_to_the_light(light, linear, strength):
    got = blend_in_stops(torch.tensor([light]), torch.tensor([linear]), strength).log2().item()
    a, b = torch.tensor(linear).log2().item(), torch.tensor(light).log2().item()
    assert got == pytest.approx(a + strength * (b - a), abs=1e-3)


def test_no_stops_lead_from_black_so_its_light_is_added_in_parts():
    light, black = torch.tensor([0.4, 0.0]), torch.zeros(2)
    assert blend_in_stops(light, black, 0.25).tolist() == pytest.approx([0.1, 0])


def test_without_stages_the_light_is_the_linearised_photo_and_clipped_pixels_are_not_sure():
    stored = torch.randint(30, 200, (12, 9, 3), dtype=torch.uint8)
    stored[3, 4] = 255
    codes, curve = PixelCodes(stored), ResponseCurve.srgb()
    photo = PreparedPhoto(codes, curve, codes.linear_table(curve))
    whole, sure = photo.light(slice(0, 12), confidence=True)
    torch.testing.assert_close(whole, torch.from_numpy(curve.linearize(stored.numpy() / 255.0)).float())
    assert sure[3, 4] == 0 and sure.sum() == 12 * 9 - 1
    assert photo.source(slice(0, 12)).nonzero().tolist() == [[3, 4]] and photo.source(slice(3, 4))[0, 4] == 2
    parts = torch.cat([photo.light(slice(top, top + 4))[0] for top in (0, 4, 8)])
    assert torch.equal(parts, whole)


@pytest.mark.parametrize("rows", [1, 5, 100])
def test_a_few_black_pixels_are_no_shadow_and_one_clipped_pixel_is_enough(rows):
    stored = torch.full((10, 10, 3), 90, dtype=torch.uint8)
    stored.view(-1, 3)[: LEAST_CRUSHED - 1] = 0
    assert not something_missing(PixelCodes(stored), True, rows)
    stored.view(-1, 3)[LEAST_CRUSHED - 1] = 1
    assert something_missing(PixelCodes(stored), True, rows) and not something_missing(PixelCodes(stored), False, rows)
    stored[9, 9, 1] = 255
    assert something_missing(PixelCodes(stored), False, rows)
