"""8-bit pictures through Pillow: every mode becomes grey or RGB, with or without alpha."""

import numpy as np
import pytest
from PIL import Image

from hdrrecon.io import ReadError
from hdrrecon.io.pillow import decode_with_pillow
from tests.io.files import encode, picture


@pytest.mark.parametrize(
    "mode, channels, alpha", [("1", 1, False), ("L", 1, False), ("LA", 1, True), ("RGB", 3, False), ("RGBA", 3, True)]
)
def test_modes(mode, channels, alpha):
    image = Image.fromarray(picture()).convert(mode)
    decoded = decode_with_pillow("png", encode(image, "PNG"))
    want = np.asarray(image.convert("L") if mode == "1" else image).reshape(24, 40, -1)
    np.testing.assert_array_equal(decoded.color, want[..., :channels])
    assert decoded.color.dtype == np.uint8 and (decoded.alpha is not None) is alpha


def test_palettes_are_looked_up():
    image = Image.fromarray(picture()).quantize(16)
    np.testing.assert_array_equal(
        decode_with_pillow("png", encode(image, "PNG")).color, np.asarray(image.convert("RGB"))
    )
    clear = decode_with_pillow("png", encode(image, "PNG", transparency=0))
    np.testing.assert_array_equal(clear.alpha == 0, np.asarray(image) == 0)


def test_bands_of_rows_are_the_whole(monkeypatch):
    monkeypatch.setattr("hdrrecon.io.pillow._ROWS_PX", 40 * 7)  # 24 rows: bands of 7, and 3 that are left
    np.testing.assert_array_equal(decode_with_pillow("bmp", encode(picture(), "BMP")).color, picture())


@pytest.mark.filterwarnings("ignore:Truncated File Read")  # Pillow's own word, of TIFF
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_damage_is_a_read_error(kind):
    with pytest.raises(ReadError, match=f"the {kind} is damaged or truncated"):
        decode_with_pillow(kind.lower(), encode(picture(), kind)[:60])


def test_formats_beyond_8_bits_are_refused():
    deep = Image.fromarray(np.ones((4, 5), np.float32))
    with pytest.raises(ReadError, match="pixel format 'F' is not supported"):
        decode_with_pillow("tiff", encode(deep, "TIFF"))
