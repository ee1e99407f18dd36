"""XMP packets of JPEG files: a gain map announced in the photo's own packet, and gain map numbers read.

The photo's packet is edited as text, so that everything else in it stays byte for byte.

Source: XMP specification part 1 and 3 (Adobe); Ultra HDR image format 1.1 (developer.android.com).
"""

from __future__ import annotations

import re
from xml.etree import ElementTree

from hdrrecon.io.mark import NAMESPACE, SOFTWARE

HDRGM = "http://ns.adobe.com/hdr-gain-map/1.0/"
CONTAINER = "http://ns.google.com/photos/1.0/container/"
_ITEM = "http://ns.google.com/photos/1.0/container/item/"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_END = re.compile(rb"</([\w.-]+):RDF\s*>")
_PADDING = re.compile(rb"\s{100,}(?=<\?xpacket end)")
# What earlier gain maps and motion photos left: the list of pictures, and loose attributes and elements.
_STALE = re.compile(
    rb"<(?:G?Container):Directory\b.*?</(?:G?Container):Directory>"
    rb"|<hdrgm:(\w+)\b[^>]*?(?:/>|>.*?</hdrgm:\1>)"
    rb"|\s(?:hdrgm|hdrrecon):\w+=(?:\"[^\"]*\"|'[^']*')"
    rb"|\s(?:GCamera|Camera):(?:Motion|MicroVideo)\w*=(?:\"[^\"]*\"|'[^']*')",
    re.DOTALL,
)

_EMPTY = re.compile(
    rb"<rdf:Description\s+rdf:about=(?:\"\"|'')(?:\s+xmlns:\w+=\"[^\"]*\")*\s*"
    rb"(?:/>|>\s*</rdf:Description>)"
)


def packet(description: str) -> bytes:
    """A packet with this one rdf:Description."""
    return (
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{_RDF}">{description}</rdf:RDF></x:xmpmeta>'
    ).encode()


def announcement(gain_map_bytes: int) -> str:
    """The rdf:Description by which a photo says that a gain map of so many bytes follows it."""
    item = '<rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="{}" Item:Mime="image/jpeg"{}/></rdf:li>'
    return (
        f'<rdf:Description rdf:about="" xmlns:hdrgm="{HDRGM}" xmlns:Container="{CONTAINER}" '
        f'xmlns:Item="{_ITEM}" xmlns:hdrrecon="{NAMESPACE}" hdrrecon:Software="{SOFTWARE}" '
        f'hdrgm:Version="1.0"><Container:Directory><rdf:Seq>'
        + item.format("Primary", "")
        + item.format("GainMap", f' Item:Length="{gain_map_bytes}"')
        + "</rdf:Seq></Container:Directory></rdf:Description>"
    )


def inserted(xmp: bytes, description: str) -> bytes | None:
    """The packet with one more rdf:Description, its padding used up; None if that is not possible."""
    ends = list(_END.finditer(xmp))
    if len(ends) != 1 or ends[0][1] != b"rdf" or b"\0" in xmp:  # another prefix, or UTF-16
        return None
    at = ends[0].start()
    return _PADDING.sub(b"\n", xmp[:at] + description.encode() + xmp[at:])


def without_gain_map(xmp: bytes) -> bytes | None:
    """The packet without what announces further pictures; None if something of it remains, or it is no XML."""
    cleaned = _EMPTY.sub(b"", _STALE.sub(b"", xmp))
    try:
        ElementTree.fromstring(cleaned.strip(b"\0 \n"))
    except ElementTree.ParseError:
        return None
    return None if b"GainMap" in cleaned or b":Directory" in cleaned else cleaned


def gain_map_fields(xmp: bytes) -> dict[str, list[str]]:
    """hdrgm fields of a packet by name, one or three texts each; {} where there are none or it is no XML."""
    try:
        root = ElementTree.fromstring(xmp.strip(b"\0 \n"))
    except ElementTree.ParseError:
        return {}
    fields: dict[str, list[str]] = {}
    for description in root.iter(f"{{{_RDF}}}Description"):
        found = {name: [text] for name, text in description.items()}
        for element in description:
            listed = [li.text or "" for li in element.iter(f"{{{_RDF}}}li")]
            found[element.tag] = listed or [element.text or ""]
        start = f"{{{HDRGM}}}"
        fields |= {name[len(start) :]: texts for name, texts in found.items() if name.startswith(start)}
    return fields
