"""Results are known by their own mark, photos are not taken for them."""

import pytest
from PIL import Image

from hdrrecon.io.mark import NAMESPACE, SOFTWARE, box_mark, is_result, png_mark
from tests.io.files import encode, jpeg, picture, with_png_chunk


def packet(software: str) -> bytes:
    return f'<rdf:Description xmlns:hdrrecon="{NAMESPACE}" hdrrecon:Software="{software}"/>'.encode()


def described(text: bytes) -> bytes:
    exif = Image.Exif()
    exif[0x010E] = text.decode()
    return exif.tobytes()


MARKED = {
    "png": with_png_chunk(encode(picture(), "PNG"), b"tEXt", png_mark()),
    "avif": encode(picture(), "AVIF") + box_mark(),
    "jpeg": jpeg(picture(), xmp=packet(SOFTWARE)),
    "older": jpeg(picture(), xmp=packet("hdrrecon 0.1")),
}
PLAIN = {
    "png": encode(picture(), "PNG"),
    "avif": encode(picture(), "AVIF"),
    "jpeg": jpeg(picture()),
    "another's": jpeg(picture(), xmp=packet("other 1.0")),
    "comment": jpeg(picture(), comment=SOFTWARE.encode()),  # a caption may name the program
    "packet in a comment": jpeg(picture(), comment=b"http://ns.adobe.com/xap/1.0/\0" + packet(SOFTWARE)),
    "packet in EXIF": jpeg(picture(), exif=described(packet(SOFTWARE))),
    "empty": b"",
    "cut": MARKED["jpeg"][:12],
}


@pytest.mark.parametrize("kind", MARKED)
def test_marked_files(tmp_path, kind):
    (tmp_path / "x").write_bytes(MARKED[kind])
    assert is_result(tmp_path / "x")


@pytest.mark.parametrize("kind", PLAIN)
def test_files_of_others(tmp_path, kind):
    (tmp_path / "x").write_bytes(PLAIN[kind])
    assert not is_result(tmp_path / "x")


def test_what_cannot_be_read_is_no_result(tmp_path):
    assert not is_result(tmp_path / "missing") and not is_result(tmp_path)


def test_decoders_pass_over_the_box(tmp_path):
    from hdrrecon.io import read

    (tmp_path / "x.avif").write_bytes(MARKED["avif"])
    assert read(tmp_path / "x.avif").shape == (24, 40, 3)
