"""Facts of a raw file survive a stream, and are found for bare arrays."""

import numpy as np
import pytest

from hdrrecon.rawcodec import StreamError
from hdrrecon.rawcodec.description import Description, fitted_description, jpeg_white

rawpy = pytest.importorskip("rawpy")
pytest.importorskip("tifffile")
MATRIX = np.array([[1.7, -0.6, -0.1], [-0.2, 1.5, -0.3], [0.0, -0.5, 1.5]])
FACTS = Description(512, 15000, (2.0, 1.0, 1.5), MATRIX, 6, "GBRG", 0.4)


def test_a_description_survives():
    found = Description.parse(bytes(FACTS))
    assert (found.black, found.white, found.orientation, found.pattern) == (512, 15000, 6, "GBRG")
    np.testing.assert_allclose(found.to_rec709, MATRIX, atol=1e-3)
    np.testing.assert_allclose((*found.gains, found.jpeg_white), (2, 1, 1.5, 0.4), rtol=1e-6)
    assert Description.parse(b"") is None


@pytest.mark.parametrize("data", [b"short", bytes(FACTS)[:8] + b"\xff" * 34])
def test_nonsense_is_no_description(data):
    with pytest.raises(StreamError):
        Description.parse(data)


def test_a_matrix_is_found_for_a_bare_array(exposure):
    raw, jpeg = exposure
    from hdrrecon.rawcodec.codec import jpeg_pixels

    facts = fitted_description(raw, jpeg_pixels(jpeg))
    light, shown = facts.balanced(raw), 3 * raw
    seen = (shown.max(-1) < 0.9) & (shown.min(-1) > 0.01)
    assert np.median(np.abs(light[seen] / shown[seen] - 1)) < 0.05
    assert jpeg_white(raw, jpeg_pixels(jpeg), facts) == pytest.approx(1, abs=0.1)
