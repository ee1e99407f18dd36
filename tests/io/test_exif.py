"""EXIF blocks that claim many times their bytes are not handed on; merely damaged ones are."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hdrrecon.io.exif import is_sound
from tests.io.files import exif_with


def block(order: str, entries: list[tuple[int, int, int, int]]) -> bytes:
    """A TIFF of one directory; entries (tag, type, count, value)."""
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    body = b"".join(struct.pack(order + "HHII", *entry) for entry in entries)
    return b"Exif\0\0" + head + struct.pack(order + "H", len(entries)) + body + bytes(4)


def test_real_blocks_are_sound():
    assert is_sound(exif_with(6)) and is_sound(exif_with(6).removeprefix(b"Exif\0\0"))


@pytest.mark.parametrize("order", "<>")
def test_few_bytes_that_claim_megabytes_are_not(order):
    """Type 12 has 8 bytes a value; the claims of the directories below count too."""
    many = [(1000 + i, 12, 1_000_000, 8) for i in range(20)]
    assert not is_sound(block(order, many))
    assert not is_sound(block(order, many[:1]))
    assert is_sound(block(order, [(1000, 12, 100, 8)]))
    inner = struct.pack(order + "HHHII", 1, 1000, 12, 1_000_000, 8) + bytes(4)
    pointing = block(order, [(0x8769, 4, 1, 26)])
    assert is_sound(pointing) and not is_sound(pointing + inner)


def test_a_directory_that_points_to_itself_ends():
    assert is_sound(block("<", [(tag, 4, 1, 8) for tag in (0x8769, 0x8825, 0xA005)]))


@given(st.binary(max_size=300))
def test_short_damage_is_left_to_the_library(data):
    """What no directory can be read of is passed on while it is short."""
    assert is_sound(data[:4])
    assert is_sound(b"II*\0" + struct.pack("<I", 10**6) + data)
