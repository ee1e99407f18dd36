"""A batch among accidents: killed in the middle, a full disk, two processes in one folder; and who does what."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import hdrrecon
import hdrrecon.pipeline.inputs
from hdrrecon.batch.photos import Crew, crew_for, sentence
from hdrrecon.cli.main import app

PRELUDE = """
import os, sys, time
import numpy as np
from types import SimpleNamespace as Namespace
import hdrrecon.api, hdrrecon.pipeline.inputs, hdrrecon.io.atomic
from hdrrecon.cli.main import app

class Doubles:
    device = Namespace(type="cpu")
    def __init__(self, model, device, precision): pass
    def to_file(self, code, target, **how):
        return hdrrecon.write(target, 2 * code)

hdrrecon.api.Reconstructor = Doubles
hdrrecon.pipeline.inputs.ingest = lambda path: hdrrecon.read(path).astype(np.float32) / 255
"""
HANGS_IN_THE_FOURTH = """
import threading
flush, count, lock = hdrrecon.io.atomic._flush, [0], threading.Lock()
def _flush(handle, flags):
    with lock:
        count[0] += flags == os.O_RDWR
        number = count[0]
    # All others that follow, too: how many threads there are depends on the cores.
    if flags == os.O_RDWR and number >= 4: time.sleep(100)
    flush(handle, flags)
hdrrecon.io.atomic._flush = _flush
"""


@pytest.fixture
def photos(tmp_path, monkeypatch) -> Path:
    """p/0.png to p/7.png of increasing brightness, in the working folder."""
    (tmp_path / "p").mkdir()
    for i in range(8):
        Image.new("RGB", (16, 12), (10 * i + 10,) * 3).save(tmp_path / "p" / f"{i}.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


class Doubles:
    """Stands for a `Reconstructor`: doubles the code values."""

    device = SimpleNamespace(type="cpu")

    def __init__(self, model, device, precision):
        pass

    def to_file(self, code, target, **how):
        return hdrrecon.write(target, 2 * code)


@pytest.fixture
def doubles(monkeypatch):
    monkeypatch.setattr("hdrrecon.api.Reconstructor", Doubles)
    monkeypatch.setattr("hdrrecon.pipeline.inputs.ingest", lambda path: hdrrecon.read(path).astype(np.float32) / 255)


def start(code: str, *arguments: str) -> subprocess.Popen:
    call = f"{PRELUDE}\n{code}\napp({['run', *arguments]!r})"
    return subprocess.Popen([sys.executable, "-c", call], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def run(*arguments: str):
    return CliRunner().invoke(app, ["run", *arguments])


def is_whole(number: int) -> bool:
    light = hdrrecon.read(f"out/{number}.exr")
    return light.shape == (12, 16, 3) and np.allclose(light, 2 * (10 * number + 10) / 255, rtol=1e-3)


def shown(folder: str) -> list[str]:
    return sorted(p.name for p in Path(folder).iterdir() if not p.name.startswith("."))


def test_killed_in_the_middle_nothing_is_half_written_and_resuming_loses_nothing(photos, doubles):
    process = start(HANGS_IN_THE_FOURTH, "p", "-o", "out")
    deadline = time.monotonic() + 600
    while (
        not (Path("out").is_dir() and len(shown("out")) == 3 < len(list(Path("out").iterdir())))
        and time.monotonic() < deadline
    ):
        time.sleep(0.02)  # until there are three results, and a fourth under a hidden name
    process.send_signal(signal.SIGKILL)
    process.communicate()
    done = shown("out")
    assert len(done) == 3 and all(is_whole(int(Path(name).stem)) for name in done)
    stamps = {name: (Path("out") / name).stat().st_mtime_ns for name in done}
    result = run("p", "-o", "out")
    assert result.exit_code == 0 and result.stdout.startswith("5 done, 0 failed, 3 skipped\n")
    assert all(is_whole(i) for i in range(8)) and all(
        (Path("out") / n).stat().st_mtime_ns == t for n, t in stamps.items()
    )


def test_two_processes_in_one_folder_leave_whole_files(photos):
    processes = [start("", "p", "-o", "out", "--overwrite") for _ in range(2)]
    for process in processes:
        output, errors = process.communicate(timeout=600)
        assert output == "8 done, 0 failed, 0 skipped\n", errors
    assert sorted(p.name for p in Path("out").iterdir()) == [f"{i}.exr" for i in range(8)] and all(
        is_whole(i) for i in range(8)
    )


def test_what_another_process_finished_meanwhile_is_skipped(photos, doubles, monkeypatch):
    read = hdrrecon.pipeline.inputs.ingest

    def ingest(path):
        if Path(path).stem == "0":  # while this one is read, another process does all the others
            for i in range(1, 8):
                hdrrecon.write(f"out/{i}.exr", np.full((12, 16, 3), 7, np.float32))
        return read(path)

    monkeypatch.setattr("hdrrecon.pipeline.inputs.ingest", ingest)
    assert run("p", "-o", "out").stdout.startswith("1 done, 0 failed, 7 skipped\n")
    assert hdrrecon.read("out/5.exr").max() == 7


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
        RuntimeError(
            f'Failed to write pixel data to image file "x". {os.strerror(errno.ENOSPC)}.'
        ),  # OpenEXR's own words
    ],
    ids=["system", "OpenEXR"],
)
def test_a_full_disk_ends_the_batch_with_a_clear_sentence_and_leaves_nothing_behind(
    photos, doubles, monkeypatch, error
):
    import OpenEXR

    def fill(file, name):
        Path(name).write_bytes(b"half of it")
        raise error

    monkeypatch.setattr(OpenEXR.File, "write", fill)
    for i in range(40):
        Image.new("RGB", (16, 12)).save(f"p/more{i}.png")
    result = run("p", "-o", "out")
    assert result.exit_code == 1 and "0 done" in result.stdout and "not begun" in result.stdout
    first = result.stderr.splitlines()[0]
    assert first.startswith("p/0.png: cannot write out/0.exr: the disk is full; free some space") and "skipped" in first
    assert list(Path("out").iterdir()) == []


def test_one_corrupt_photo_among_a_thousand(photos, doubles, monkeypatch):
    """Reading and writing are left out here: a thousand names, one of them no photo."""
    for i in range(1000):
        Path(f"p/x{i:03d}.jpg").touch()
    Path("p/x500.jpg").write_bytes(b"\xff\xd8 and no more")
    good = np.zeros((4, 4, 3), np.float32)
    monkeypatch.setattr(
        "hdrrecon.pipeline.inputs.ingest", lambda path: hdrrecon.read(path) if path.stat().st_size else good
    )
    monkeypatch.setattr(Doubles, "to_file", lambda self, light, target, **how: target)
    result = run("p", "-o", "out")
    assert result.exit_code == 1 and result.stdout == "1007 done, 1 failed, 0 skipped\n"
    assert len(result.stderr.splitlines()) == 1 and "x500.jpg" in result.stderr


def test_crews_never_want_more_cores_than_there_are():
    for cores in range(1, 130):
        crew = crew_for("cpu", 1000, cores)
        assert crew.reconstruct == min(cores, 16)
        assert crew_for("cuda", 1000, cores).reconstruct == 2, "one computes, one writes"
    assert crew_for("cpu", 2, 64) == Crew(reconstruct=2)
    assert crew_for("cpu", 1, 64) == Crew()


def test_torch_has_its_threads_back_after_a_batch(photos, doubles):
    import torch

    before = torch.get_num_threads()
    run("p", "-o", "out")
    assert torch.get_num_threads() == before


def test_errors_are_one_line_that_names_the_photo():
    assert sentence("a.jpg", ValueError("two\n  lines")) == "a.jpg: two lines"
    assert sentence("a.jpg", KeyError("no key")) == "a.jpg: no key"
    assert sentence("a.jpg", MemoryError()) == "a.jpg: MemoryError"
    assert sentence("a.jpg", ValueError("a.jpg is empty")) == "a.jpg is empty"
    assert sentence("a.jpg", OSError(errno.EIO, "lost")) == "a.jpg: lost"


def test_photos_that_are_worked_on_together_share_the_memory():
    from hdrrecon.batch.photos import Order
    from hdrrecon.options import ReconstructOptions

    order = Order(ReconstructOptions(memory="2GB", exif=False))
    assert order.shared_by(4).how == ReconstructOptions(memory=5 * 10**8, exif=False)
    assert Order().shared_by(4) == Order()
