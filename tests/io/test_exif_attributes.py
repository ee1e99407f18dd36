"""What is known of a photo travels into its EXR; where it was taken does not."""

import numpy as np
import pytest
from PIL import Image

import hdrrecon
from hdrrecon.io.exif_attributes import exif_attributes
from tests.conftest import needs_weights


def block() -> Image.Exif:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Maker", "Model 1\x00"
    exif.get_ifd(0x8769).update({0x829A: 0.008, 0x829D: 2.8, 0x8827: 400, 0x9003: "2026:01:02 03:04:05"})
    exif.get_ifd(0x8825).update({1: "N", 2: (1.0, 2.0, 3.0)})
    return exif


def test_standard_names_and_no_place():
    found = exif_attributes(block().tobytes())
    assert found["expTime"] == pytest.approx(1 / 125) and found["aperture"] == pytest.approx(2.8)
    assert found["isoSpeed"] == 400 and found["capDate"] == "2026:01:02 03:04:05"
    assert (found["cameraMake"], found["cameraModel"]) == ("Maker", "Model 1")
    assert not any("gps" in name.lower() for name in found)


@pytest.mark.parametrize(
    "exif", [None, b"", b"Exif\x00\x00", b"Exif\x00\x00II*\x00\xff\xff\xff\xff", bytes(range(256))]
)
def test_damage_stops_nothing(exif):
    assert exif_attributes(exif) == {}


def test_it_reaches_the_file(tmp_path, small_photo):
    import OpenEXR

    needs_weights()
    Image.fromarray(small_photo).save(tmp_path / "a.jpg", exif=block().tobytes())
    hdrrecon.reconstruct_file(tmp_path / "a.jpg", tmp_path / "a.exr", model="fast", device="cpu")
    with OpenEXR.File(str(tmp_path / "a.exr")) as file:
        header = dict(file.parts[0].header)
    assert header["expTime"] == pytest.approx(1 / 125) and header["cameraModel"] == "Model 1"


@pytest.mark.parametrize("primaries", ["p3", "rec2020", "acescg"])
def test_other_primaries_are_declared_and_undone_by_a_reader(tmp_path, small_hdr, primaries):
    """Whole and by rows alike; a white stays what the primaries call white; what is read is what was written."""
    from hdrrecon.io.rows import row_writer

    image = small_hdr.copy()
    image[0] = 0.5
    hdrrecon.write(tmp_path / "a.exr", image, dtype="float", primaries=primaries)
    with row_writer(tmp_path / "b.exr", image.shape[:2], dtype="float", primaries=primaries) as rows:
        rows.write(image[:50])
        rows.write(image[50:])
    stored = hdrrecon.read(tmp_path / "a.exr")
    assert np.array_equal(stored, hdrrecon.read(tmp_path / "b.exr"))
    assert np.allclose(stored[0], 0.5, atol=2e-4) and not np.allclose(stored[60:], image[60:], rtol=1e-2)
    photo = hdrrecon.io.read_photo(tmp_path / "a.exr")
    assert np.allclose(photo.pixels @ photo.to_rec709.T, image, rtol=1e-3, atol=1e-4)
    with pytest.raises(ValueError, match="primaries"):
        hdrrecon.write(tmp_path / "a.tif", image, primaries=primaries)
