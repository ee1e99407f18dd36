"""Files written by rows are the files written whole."""

import errno
import os

import numpy as np
import pytest

from hdrrecon.io import read, write
from hdrrecon.io.rows import BY_ROWS, row_writer


def image(height: int = 301, width: int = 70, channels: int = 3) -> np.ndarray:
    light = np.random.default_rng(0).random((height, width, channels), np.float32)
    light[::7] = 0.5  # runs, for the encoders that count them
    return light**6 * 100


def by_rows(path, light, step, alpha=None, confidence=None, **options):
    def part(plane, rows):
        return None if plane is None else plane[rows]

    with row_writer(
        path, light.shape[:2], alpha=alpha is not None, confidence=confidence is not None, **options
    ) as writer:
        for top in range(0, len(light), step):
            rows = slice(top, top + step)
            writer.write(light[rows], part(alpha, rows), part(confidence, rows))
    return path


@pytest.mark.parametrize("extension", sorted(BY_ROWS))
@pytest.mark.parametrize("step", [1, 17, 301])
def test_the_same_bytes(tmp_path, extension, step):
    whole, rows = write(tmp_path / f"whole{extension}", image()), by_rows(tmp_path / f"rows{extension}", image(), step)
    assert rows.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("extension", [".tif", ".npy", ".exr"])
def test_alpha(tmp_path, extension):
    light = image(channels=4)
    whole = write(tmp_path / f"whole{extension}", light)
    assert by_rows(tmp_path / f"rows{extension}", light[..., :3], 40, light[..., 3]).read_bytes() == whole.read_bytes()


def test_the_formats_limits_are_said_once(tmp_path):
    with pytest.warns(UserWarning, match=r"x\.hdr: .*alpha"):
        by_rows(tmp_path / "x.hdr", image(), 40, image()[..., 0])
    with pytest.warns(UserWarning, match=r"x\.exr: 903 values beyond 65504") as caught:
        by_rows(tmp_path / "x.exr", np.full((43, 7, 3), 1e6, np.float32), 10)
    assert len(caught) == 1 and read(tmp_path / "x.exr").max() == 65504


def test_what_is_wrong_is_refused_and_leaves_nothing(tmp_path):
    bad = image()
    bad[200, 3, 1] = np.nan
    for extension in sorted(BY_ROWS):
        with pytest.raises(ValueError, match="1 image values are NaN"):
            by_rows(tmp_path / f"x{extension}", bad, 50)
        if extension != ".hdr":  # holds none
            with pytest.raises(ValueError, match="1 alpha values are NaN"):
                by_rows(tmp_path / f"x{extension}", image(), 50, bad[..., 1])
    with pytest.raises(ValueError, match="1 confidence values are NaN"):
        by_rows(tmp_path / "x.exr", image(), 50, confidence=bad[..., 1])
    with pytest.raises(ValueError, match="by rows"):
        by_rows(tmp_path / "x.png", image(), 50)
    with pytest.raises(ValueError, match="confidence"):
        by_rows(tmp_path / "x.tif", image(), 50, confidence=bad[..., 0])
    with pytest.raises(ValueError, match="of 301 rows"), row_writer(tmp_path / "x.exr", (301, 70)) as writer:
        writer.write(image()[:100])
    assert os.listdir(tmp_path) == []


def test_a_full_disk_is_an_error_and_leaves_nothing(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("hdrrecon.io.exr_rows.write_exr", full)
    with pytest.raises(OSError, match="No space"):
        by_rows(tmp_path / "x.exr", image(), 50)
    assert os.listdir(tmp_path) == []
