"""What reading gives: channels told apart, sizes, and files that are none."""

from __future__ import annotations

import os

import numpy as np
import pytest

from hdrrecon.io import ReadError, read, read_photo
from hdrrecon.io.photo import LIGHT_SUFFIXES, RAW_NAMES, READABLE, Decoded, Photo, file_bytes


def test_pipes_and_devices_are_no_images(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    for reader in (read, read_photo):
        with pytest.raises(ReadError, match="pipe.jpg is a named pipe"):
            reader(tmp_path / "pipe.jpg")
        with pytest.raises(ReadError, match="/dev/null is a device"):
            reader("/dev/null")


def test_files_are_read_and_folders_named(tmp_path):
    (tmp_path / "x").write_bytes(b"abc")
    assert file_bytes(tmp_path / "x") == b"abc"
    with pytest.raises(IsADirectoryError, match="is a folder"):
        file_bytes(tmp_path)
    with pytest.raises(FileNotFoundError, match="nothing"):
        file_bytes(tmp_path / "nothing")


@pytest.mark.parametrize("channels, color, alpha", [(1, 1, False), (2, 1, True), (3, 3, False), (4, 3, True)])
def test_the_number_of_channels_says_which_is_alpha(channels, color, alpha):
    array = np.arange(2 * 3 * channels, dtype=np.uint8).reshape(2, 3, channels)
    decoded = Decoded.from_channels(array, orientation=6)
    np.testing.assert_array_equal(decoded.color, array[..., :color])
    assert (decoded.alpha is not None) is alpha and decoded.orientation == 6
    if alpha:
        np.testing.assert_array_equal(decoded.alpha, array[..., -1])


@pytest.mark.parametrize("shape", [(3,), (2, 3, 5), (2, 0, 3), (2, 3, 0), (1, 2, 3, 4)])
def test_other_shapes_are_no_image(shape):
    with pytest.raises(ReadError, match="no image"):
        Decoded.from_channels(np.zeros(shape, np.uint8))


def test_sizes_and_names():
    photo = Photo(np.zeros((2, 5, 3), np.float32))
    assert (photo.width, photo.height) == (5, 2)
    assert RAW_NAMES | LIGHT_SUFFIXES <= READABLE and all(name == name.lower() for name in READABLE)
