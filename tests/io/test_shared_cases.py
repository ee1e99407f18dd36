"""The cases that the maintainers keep beside the checkout; skipped where they are not."""

from __future__ import annotations

import resource
from pathlib import Path

import numpy as np
import pytest

from hdrrecon.color import srgb_to_linear
from hdrrecon.io import ReadError, read, read_photo

CASES = Path(__file__).resolve().parents[3] / "shared" / "cases"
pytestmark = [
    pytest.mark.skipif(not CASES.is_dir(), reason="../shared/cases is not there"),
    pytest.mark.filterwarnings("ignore"),
]


@pytest.mark.parametrize(
    "name",
    [
        "avif_wrong_ispe.avif",
        "bomb.bmp",
        "exr_singular_chroma.exr",
        "jpeg_hole.jpg",
        "pfm_dotscale.pfm",
        "png16_claim60k.png",
        "png_without_palette.png",
    ],
)
def test_refused_by_name_and_without_memory(name):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for reader in (read, read_photo):
        with pytest.raises(ReadError, match=name):
            reader(CASES / name)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000


@pytest.mark.parametrize(
    "name, shape",
    [
        ("avif10_irot.avif", (64, 40, 3)),
        ("avif8_irot.avif", (64, 40, 3)),
        ("avif10_p3icc.avif", (40, 64, 3)),
        ("plain.png", (16, 64, 3)),
        ("png16_icc_overlapping_tags.png", (4, 4, 3)),
        ("png_legit_icc_1.5MB.png", (4, 4, 3)),
        ("tiff_la_planar8.tif", (32, 48, 4)),
        ("tiff_named.bmp", (32, 48, 3)),
        ("tiff_private_tag.tif", (32, 48, 3)),
        ("tiff_rgbx16.tif", (32, 48, 3)),
        ("tiff_rgbx8.tif", (32, 48, 3)),
        ("tiff_thumb_first.tif", (32, 48, 3)),
    ],
)
def test_read_as_they_are_meant(name, shape):
    if name.startswith("avif10"):
        pytest.importorskip("imagecodecs")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert read(CASES / name).shape == shape
    photo = read_photo(CASES / name)
    if "p3icc" in name:
        assert not np.allclose(photo.to_rec709, np.eye(3))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000


@pytest.mark.parametrize("name, power", [("png_gama1.png", 1.0), ("png_gama045.png", 2.2)])
def test_stated_gamma(name, power):
    codes = read(CASES / name) / 255
    np.testing.assert_allclose(srgb_to_linear(read_photo(CASES / name).pixels), codes**power, atol=1e-5)
