"""Real raw files in, DNG out; the commands."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import hdrrecon
from hdrrecon import rawcodec
from hdrrecon.cli.main import app
from hdrrecon.rawcodec import container, files
from hdrrecon.rawcodec.description import Description

rawpy = pytest.importorskip("rawpy")
pytest.importorskip("tifffile")
SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "raw" / "tinydng_colorchart.dng"


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    if not SHARED.is_file():
        pytest.skip("needs ../shared/data/raw")
    path = tmp_path_factory.mktemp("packed") / "photo.jpg"
    done = CliRunner().invoke(app, ["raw", "pack", str(SHARED), "-o", str(path), "--exposure", "1.5", "--bpp", "0.05"])
    assert done.exit_code == 0, done.output
    return path


def psnr(a, b):
    return -10 * np.log10(np.mean((a.astype(float) - b) ** 2))


def test_a_camera_raw_goes_in_and_comes_out(packed, tmp_path):
    from hdrrecon.rawcodec.camera_raw import read_camera_raw

    truth = read_camera_raw(SHARED)
    assert packed.stat().st_size - len(rawcodec.remove(packed.read_bytes())) <= 0.05 * truth.light[..., 0].size / 8 + 40
    assert CliRunner().invoke(app, ["raw", "unpack", str(packed), "-o", str(tmp_path / "out.dng")]).exit_code == 0
    found = read_camera_raw(tmp_path / "out.dng")
    assert psnr(found.light, truth.light) > 40
    np.testing.assert_allclose(found.description.gains, truth.description.gains, rtol=1e-3)


def test_info_says_what_is_in_it(packed, tmp_path):
    done = CliRunner().invoke(app, ["raw", "info", str(packed)])
    assert done.exit_code == 0 and "belongs to this picture" in done.output and "RGGB" in done.output
    Image.open(packed).save(tmp_path / "again.jpg")
    done = CliRunner().invoke(app, ["raw", "info", str(tmp_path / "again.jpg")])
    assert done.exit_code == 1 and "no raw stream" in done.output


def test_the_general_info_command_checks_the_stream(exposure, stream, tmp_path):
    raw, jpeg = exposure
    whole, short, edited, plain = (tmp_path / f"{n}.jpg" for n in ("whole", "short", "edited", "plain"))
    whole.write_bytes(rawcodec.embed(jpeg, stream))
    short.write_bytes(rawcodec.embed(jpeg, stream[:-5]))
    plain.write_bytes(jpeg)
    Image.open(plain).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(edited)
    container.side_file(edited).write_bytes(stream)
    said = {path.stem: files.summary(path) for path in (whole, short, edited, plain)}
    assert said["plain"] is None
    assert said["whole"].startswith(f"valid: {len(stream)} bytes, {8 * len(stream) / raw[..., 0].size:.4f} bits")
    assert said["short"].startswith("damaged, ") and "of 8 passes decode" in said["short"]
    assert said["edited"].startswith("not valid: ") and "edited or saved again" in said["edited"]
    shown = CliRunner().invoke(app, ["info", str(whole)])
    assert shown.exit_code == 0 and f"raw       stream {said['whole']}" in shown.output


def test_linear_light_comes_out_upright_in_units_of_the_photo(exposure, tmp_path):
    raw, jpeg = exposure
    facts = Description(0, 65535, (1.0, 1.0, 1.0), np.eye(3), 6, "RGGB", 1 / 3)
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(rawcodec.embed(jpeg, rawcodec.encode(raw, jpeg, 1, description=bytes(facts))))
    rawcodec.unpack(photo, tmp_path / "light.exr")
    light = hdrrecon.read(tmp_path / "light.exr")
    np.testing.assert_allclose(light, np.rot90(rawcodec.decode(photo), -1) * 3, atol=2e-3)


def test_what_cannot_be_written_is_refused_before_anything_is(exposure, stream, tmp_path):
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(rawcodec.embed(exposure[1], stream))
    with pytest.raises(ValueError, match="dng"):
        rawcodec.unpack(photo, tmp_path / "out.png")
    done = CliRunner().invoke(app, ["raw", "unpack", str(tmp_path / "missing.jpg")])
    assert done.exit_code == 1 and "missing.jpg" in done.output
    done = CliRunner().invoke(app, ["raw", "pack", str(photo), "-o", str(tmp_path / "new.jpg")])
    assert done.exit_code == 1 and not (tmp_path / "new.jpg").exists()


def test_a_full_disk_leaves_nothing(exposure, stream, tmp_path, monkeypatch):
    import errno

    photo = tmp_path / "photo.jpg"
    photo.write_bytes(rawcodec.embed(exposure[1], stream))

    def full(self, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match=r"out\.dng"):
        rawcodec.unpack(photo, tmp_path / "out.dng")
    assert [p.name for p in tmp_path.iterdir()] == ["photo.jpg"]


def test_a_stream_may_lie_beside(packed, tmp_path):
    done = CliRunner().invoke(
        app, ["raw", "pack", str(SHARED), "-o", str(tmp_path / "p.jpg"), "--beside", "--bpp", "0.01"]
    )
    assert done.exit_code == 0 and (tmp_path / "p.jpg.hdrraw").is_file()
    assert rawcodec.extract((tmp_path / "p.jpg").read_bytes()) is None
    assert rawcodec.decode(tmp_path / "p.jpg").shape == (1156, 1734, 3)


def test_the_cameras_own_jpeg_is_aligned(packed, tmp_path):
    """Its border is cropped by a few pixels, as cameras do."""
    own = tmp_path / "own.jpg"
    Image.open(packed).crop((6, 4, 1734 - 10, 1156 - 8)).save(own, quality=95)
    done = CliRunner().invoke(app, ["raw", "pack", str(SHARED), str(own), "-o", str(tmp_path / "out.jpg")])
    assert done.exit_code == 0, done.output
    from hdrrecon.rawcodec.camera_raw import read_camera_raw

    truth = read_camera_raw(SHARED).light[4 : 1156 - 8, 6 : 1734 - 10]
    assert psnr(rawcodec.decode(tmp_path / "out.jpg"), truth) > 38
