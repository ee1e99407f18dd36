"""`--dry-run` lists and writes nothing; `--verbose` says what is done."""

import logging

from PIL import Image
from typer.testing import CliRunner

from hdrrecon.batch.dry_run import memory_bytes
from hdrrecon.cli.main import app
from tests.conftest import needs_weights


def test_a_dry_run_lists_sizes_and_writes_nothing(tmp_path, small_photo, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        Image.fromarray(small_photo).save(f"{name}.png")
    (tmp_path / "hdr").mkdir()
    (tmp_path / "hdr" / "b.exr").write_bytes(b"there")
    before = sorted(tmp_path.rglob("*"))
    done = CliRunner().invoke(app, ["run", "a.png", "b.png", "-o", "hdr", "--dry-run"])
    assert done.exit_code == 0 and sorted(tmp_path.rglob("*")) == before
    lines = done.stdout.splitlines()
    assert "a.png -> hdr/a.exr  128 x 96" in lines[0] and "MB of memory" in lines[0]
    assert "would be skipped" in lines[1] and lines[-1].startswith("1 photos, 0.0 megapixels")


def test_memory_grows_with_the_photo_alone_once_a_band_is_full():
    small, large = memory_bytes((4000, 3000)), memory_bytes((8000, 6000))
    assert abs(large - small - 3 * (48_000_000 - 12_000_000)) < 4e6, "bands differ by less than a row"


def test_verbose_tells_model_and_response(tmp_path, small_photo, caplog):
    needs_weights()
    Image.fromarray(small_photo).save(tmp_path / "a.png")
    with caplog.at_level(logging.INFO, "hdrrecon"):
        arguments = ["--verbose", "run", str(tmp_path / "a.png"), "-o", str(tmp_path / "a.exr"), "--model", "fast"]
        CliRunner().invoke(app, arguments)
    logging.getLogger("hdrrecon").setLevel(logging.NOTSET)
    assert "model fast on" in caplog.text and "128 x 96, response" in caplog.text and "restored" in caplog.text
