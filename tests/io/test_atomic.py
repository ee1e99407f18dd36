"""A file is whole or absent."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hdrrecon.io import write
from hdrrecon.io.atomic import atomic_write, sweep

writing = sys.modules[write.__module__]  # the module; its name in the package is the function's


def test_the_name_appears_only_at_the_end(tmp_path):
    with atomic_write(tmp_path / "x.exr") as temporary:
        assert temporary.parent == tmp_path and temporary.suffix == ".exr" and temporary.name.startswith(".")
        temporary.write_bytes(b"new")
        assert not (tmp_path / "x.exr").exists()
    assert (tmp_path / "x.exr").read_bytes() == b"new"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_exception_in_the_middle_keeps_the_old_file(tmp_path, error):
    (tmp_path / "x.exr").write_bytes(b"old")
    with pytest.raises(error), atomic_write(tmp_path / "x.exr") as temporary:
        temporary.write_bytes(b"half of the n")
        raise error
    assert [p.read_bytes() for p in tmp_path.iterdir()] == [b"old"]


@pytest.mark.parametrize(
    "extension, encoder",
    [
        (".hdr", "encode_hdr"),
        (".tif", "encode_float_tiff"),
        (".exr", "write_exr"),
    ],
)
def test_a_full_disk_leaves_nothing(tmp_path, monkeypatch, extension, encoder):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(writing, encoder, full)
    with pytest.raises(OSError, match="No space left"):
        write(tmp_path / f"x{extension}", np.ones((3, 4, 3)))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError("OpenEXR could not write: No space left on device."),
    ],
)
def test_what_cannot_be_finished_is_named(tmp_path, error):
    """By its own name, not by that of the hidden file."""
    with (
        pytest.raises(OSError, match=r"cannot write .*/x\.exr: .*No space left") as caught,
        atomic_write(tmp_path / "x.exr"),
    ):
        raise error
    assert caught.value.errno == error.errno
    with pytest.raises(FileNotFoundError, match=r"other\.txt"), atomic_write(tmp_path / "x.exr"):
        open(tmp_path / "other.txt")
    with pytest.raises(OSError) as caught, atomic_write(tmp_path / "x.exr") as temporary:
        raise OSError(f'could not write "{temporary}"')
    assert str(caught.value) == f'cannot write {tmp_path / "x.exr"}: could not write "x.exr"'


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs POSIX signals")
def test_a_killed_run_leaves_no_file_of_that_name(tmp_path):
    script = (
        "import os, signal, sys\nfrom hdrrecon.io.atomic import atomic_write\n"
        "with atomic_write(sys.argv[1]) as temporary:\n"
        "    temporary.write_bytes(b'half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path / "x.exr")], cwd=root, check=False)
    assert done.returncode == -signal.SIGKILL
    assert not (tmp_path / "x.exr").exists()
    assert all(p.name.startswith(".hdrrecon-") for p in tmp_path.iterdir())


def test_permissions_follow_the_umask(tmp_path):
    with atomic_write(tmp_path / "x") as temporary:
        temporary.write_bytes(b"")
    (tmp_path / "plain").write_bytes(b"")
    assert (tmp_path / "x").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_places_that_cannot_be_written_to_are_named(tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError, match=r"cannot write .*x\.exr"), atomic_write(tmp_path / "file" / "x.exr"):
        pass
    with pytest.raises(IsADirectoryError, match="folder"), atomic_write(tmp_path):
        pass

    def denied(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "open", denied)  # chmod would not stop root, who runs many a CI
    with pytest.raises(PermissionError, match=r"x\.exr: Permission denied"), atomic_write(tmp_path / "x.exr"):
        pass


def test_long_names_and_threads(tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    name = tmp_path / ("n" * 250 + ".npy")

    def save(value: int) -> None:
        write(name, np.full((16, 16, 3), float(value)))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(save, range(16)))
    assert np.ptp(np.load(name)) == 0
    assert len(list(tmp_path.iterdir())) == 1


def test_what_killed_runs_left_is_swept_away_but_not_what_is_being_written(tmp_path):
    left = tmp_path / ".hdrrecon-0123456789ab.exr"
    left.write_bytes(b"half")
    other = tmp_path / ".hdrrecon-of-someone-else"
    other.touch()
    with atomic_write(tmp_path / "x.exr") as temporary:
        assert not left.exists() and other.exists()
        temporary.write_bytes(b"whole")
        assert sweep(tmp_path) == 0 and temporary.exists()
        assert int(subprocess.check_output([sys.executable, "-c", SWEEP, str(tmp_path)])) == 0
        assert temporary.exists()
    assert (tmp_path / "x.exr").read_bytes() == b"whole"


SWEEP = "import sys; from pathlib import Path; from hdrrecon.io.atomic import sweep; print(sweep(Path(sys.argv[1])))"


def test_file_and_folder_are_on_the_disk_before_it_returns(tmp_path, monkeypatch):
    """The file before it gets its name, the folder after: else a power cut could leave an empty result."""
    import os
    import stat

    flushed, fsync = [], os.fsync

    def watched(handle):
        kind = "folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file"
        flushed.append((kind, (tmp_path / "x.npy").exists()))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", watched)
    with atomic_write(tmp_path / "x.npy") as temporary:
        temporary.write_bytes(b"light")
    assert flushed == [("file", False), ("folder", True)]
