"""What counts as an image."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from hdrrecon.io import ReadError
from hdrrecon.pipeline.inputs import ROUNDING, ingest


def test_floats_a_rounding_error_outside_are_taken_to_the_end():
    """Resized photos overshoot by a last bit; what is farther out is no photo."""
    code = np.float32([[[-ROUNDING / 2, 0.5, 1 + ROUNDING / 2]]])
    for image in (code, torch.from_numpy(code.transpose(2, 0, 1).copy())):
        stored = ingest(image).stored
        assert stored.min() == 0 and stored.max() == 1
    with pytest.raises(ValueError, match=r"code values in \[0, 1\]"):
        ingest(np.float32([[[0, 0.5, 1.01]]]))


def test_bytes_and_open_files_are_read_as_the_file(tmp_path, small_photo):
    Image.fromarray(small_photo).save(tmp_path / "sun.png")
    data = (tmp_path / "sun.png").read_bytes()
    with open(tmp_path / "sun.png", "rb") as opened:
        given = [data, bytearray(data), memoryview(data), io.BytesIO(data), opened]
        for image in given:
            assert np.array_equal(ingest(image).stored[0].numpy(), small_photo)
        assert not opened.closed
    with pytest.raises(ReadError, match="the given bytes"):
        ingest(data[:100])
    with pytest.raises(TypeError, match="binary mode"):
        ingest(io.StringIO("text"))


def test_channels_first_of_four_columns_is_not_taken_for_alpha():
    with pytest.raises(ValueError, match="channels first"):
        ingest(np.zeros((3, 8, 4), np.uint8))
    assert ingest(np.zeros((8, 8, 4), np.uint8)).alpha is not None
