"""Pages of a TIFF: all are found, and the photo among them."""

import io

import numpy as np
import pytest
import tifffile

from hdrrecon.io import ReadError
from hdrrecon.io.tiff_tags import directories, exif_block, is_raw, page_alone, photo_page
from tests.io.files import encode, picture


def two_pages(**options) -> bytes:
    """A thumbnail, as its tag 254 says, and then the photo."""
    file = io.BytesIO()
    with tifffile.TiffWriter(file, **options) as writer:
        writer.write(picture(6, 10), photometric="rgb", subfiletype=1, metadata=None)
        writer.write(picture(), photometric="rgb", metadata=None, extratags=[(271, 2, 0, "Maker", True)])
    return file.getvalue()


LAYOUTS = [{"byteorder": "<"}, {"byteorder": ">"}, {"bigtiff": True}, {"byteorder": ">", "bigtiff": True}]


@pytest.mark.parametrize("options", LAYOUTS)
def test_the_photo_is_not_the_thumbnail(options):
    data = two_pages(**options)
    pages = directories(data)
    assert [page.size for page in pages] == [(10, 6), (40, 24)]
    assert photo_page(pages) is pages[1] and not pages[0].is_photo and not is_raw(data)


@pytest.mark.parametrize("options", LAYOUTS)
def test_a_page_alone_is_all_that_a_decoder_sees(options):
    data = two_pages(**options)
    alone = page_alone(data, photo_page(directories(data)))
    with tifffile.TiffFile(io.BytesIO(alone)) as file:
        assert len(file.pages) == 1 and "Make" not in file.pages[0].tags
        np.testing.assert_array_equal(file.asarray(), picture())


def test_the_exif_block_says_who_made_it():
    from PIL import Image

    data = two_pages()
    exif = Image.Exif()
    exif.load(exif_block(data, photo_page(directories(data))))
    assert exif[271] == "Maker"
    assert b"Maker" not in (exif_block(data, directories(data)[0]) or b""), "of its own page only"


def test_loops_end_and_cut_files_are_refused():
    data = encode(picture(), "TIFF")
    at = int.from_bytes(data[4:8], "little")
    end = at + 2 + 12 * int.from_bytes(data[at : at + 2], "little")
    looped = data[:end] + data[4:8] + data[end + 4 :]
    assert len(directories(looped)) == 1
    with pytest.raises(ReadError, match="truncated"):
        directories(data[: at + 1])
    with pytest.raises(ReadError, match="no image"):
        photo_page([])
