"""The header of a JPEG XL: what it declares, and how PQ is declared in it."""

from __future__ import annotations

import numpy as np
import pytest

from hdrrecon.io import write
from hdrrecon.io.jxl_header import SRGB, declared_pq, read_header, read_size
from tests.io.files import picture
from tests.io.test_pq import glow

imagecodecs = pytest.importorskip("imagecodecs")


def test_the_tags_are_in_the_bytes(tmp_path):
    """`jxlinfo -v` of libjxl says of this header: Rec.2100 primaries, PQ transfer function, intensity_target 1000
    nits."""
    data = write(tmp_path / "x.jxl", np.ones((40, 50, 3)), peak_nits=1000).read_bytes()
    start = data.index(b"jxlc") + 4  # in a container, whose last box says who wrote it
    assert data[start : start + 15].hex() == "ff0a8905720979f4408f0100000020"
    header = read_header(data)
    assert (header.primaries, header.transfer, header.xyb, header.extra) == (9, 16, True, True)


def test_headers_of_other_shapes():
    """Eight bits in sRGB are one bit of header; a picture that declares fields of its own is left alone."""
    assert read_header(b"\xff\x0a" + (1 | 1 << 6 | 1 << 9 | 1 << 10).to_bytes(3, "little")).transfer == SRGB
    data = imagecodecs.jpegxl_encode(glow(), distance=0.5)
    with pytest.raises(ValueError, match="without fields"):
        declared_pq(declared_pq(data, 1000), 1000)
    for cut in (b"", data[:1], data[:2], data[:5], b"\0\0\0\x0cJXL \r\n\x87\n"):
        with pytest.raises(ValueError, match="JPEG XL"):
            read_header(cut)


@pytest.mark.parametrize("size", [(1, 1), (3, 1), (64, 64), (90, 160), (24, 40), (257, 513), (600, 800)])
def test_the_size_is_read_whatever_form_the_header_gives_it(size):
    data = imagecodecs.jpegxl_encode(picture(*size))
    assert read_size(data) == size[::-1]
