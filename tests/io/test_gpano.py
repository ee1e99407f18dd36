"""What an XMP packet says about a panorama."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hdrrecon.io.gpano import GPano, read_gpano

SIZES = "FullPanoWidthPixels", "FullPanoHeightPixels", "CroppedAreaImageWidthPixels", "CroppedAreaImageHeightPixels"


def packet(elements: bool, **fields) -> bytes:
    if elements:
        return "".join(f"<GPano:{name}>{value}</GPano:{name}>" for name, value in fields.items()).encode()
    return ("<rdf:Description " + " ".join(f'GPano:{n}="{v}"' for n, v in fields.items()) + "/>").encode()


@pytest.mark.parametrize("elements", [False, True])
def test_attributes_and_elements_say_the_same(elements):
    sizes = dict(zip(SIZES, (4096, 2048, 4096, 2048), strict=True))
    found = read_gpano(packet(elements, ProjectionType="equirectangular", PoseHeadingDegrees="90.5", **sizes))
    assert found == GPano("equirectangular", (4096, 2048), (4096, 2048), 90.5) and found.whole


@pytest.mark.parametrize(
    "panorama, whole",
    [
        (GPano("equirectangular"), True),
        (GPano("equirectangular", (4096, 2048), (4094, 2048)), True),  # rounding of stitchers
        (GPano("equirectangular", (4096, 2048), (4096, 1200)), False),
        (GPano("cylindrical", (4096, 2048), (4096, 2048)), False),
    ],
)
def test_whose_edges_meet(panorama, whole):
    assert panorama.whole is whole


@pytest.mark.parametrize("xmp", [None, b"", b"<x:xmpmeta/>", packet(False, UsePanoramaViewer="True")])
def test_photos_that_are_no_panorama(xmp):
    assert read_gpano(xmp) is None


@given(st.text(st.characters(codec="ascii", exclude_characters="\"'<>"), max_size=30))
def test_sizes_that_are_no_numbers_are_passed_over(text):
    found = read_gpano(packet(False, ProjectionType="equirectangular", **dict.fromkeys(SIZES, text)))
    assert found.projection == "equirectangular" and found.heading_deg is None
    assert found.full is None or min(found.full) >= 1
    for word in ("nan", "inf", "-5", "0"):
        assert read_gpano(packet(False, **dict.fromkeys(SIZES, word))).full is None
