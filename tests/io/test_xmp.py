"""XMP packets: a gain map announced in the photo's own, taken out again, and its numbers read."""

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hdrrecon.io.xmp import HDRGM, announcement, gain_map_fields, inserted, packet, without_gain_map

PHOTO = packet('<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" dc:format="image/jpeg"/>')


@given(st.integers(1, 2**31))
def test_what_is_announced_is_taken_out_again(size):
    """All else of the photo's packet stays byte for byte."""
    announced = inserted(PHOTO, announcement(size))
    ElementTree.fromstring(announced)
    assert f'Item:Length="{size}"'.encode() in announced and gain_map_fields(announced) == {"Version": ["1.0"]}
    assert without_gain_map(announced) == PHOTO and without_gain_map(PHOTO) == PHOTO


def test_padding_is_used_up():
    padded = b'<?xpacket begin=""?>' + PHOTO + b" " * 2000 + b'<?xpacket end="w"?>'
    announced = inserted(padded, announcement(5))
    assert len(announced) < len(padded) and announced.endswith(b'\n<?xpacket end="w"?>')


@pytest.mark.parametrize(
    "xmp", [b"", b"no xml", PHOTO.decode().encode("utf-16"), PHOTO.replace(b"rdf:", b"r:"), PHOTO * 2]
)
def test_packets_that_cannot_be_extended(xmp):
    assert inserted(xmp, announcement(5)) is None


def test_fields_as_attributes_and_as_lists():
    listed = (
        "<hdrgm:GainMapMax><rdf:Seq><rdf:li>1</rdf:li><rdf:li>2</rdf:li><rdf:li>3</rdf:li></rdf:Seq></hdrgm:GainMapMax>"
    )
    xmp = packet(f'<rdf:Description xmlns:hdrgm="{HDRGM}" hdrgm:Gamma="0.5" other="1">{listed}</rdf:Description>')
    assert gain_map_fields(xmp) == {"Gamma": ["0.5"], "GainMapMax": ["1", "2", "3"]}
    assert gain_map_fields(b"<no xml") == {} == gain_map_fields(PHOTO)
