"""Photos and results behind fsspec URLs: the same light as on one machine. On a real two-worker cluster where Ray is
installed."""

import os
from pathlib import Path

import fsspec
import numpy as np
import pytest
from PIL import Image

import hdrrecon
from hdrrecon.batch.ray import ReconstructFiles, deliver, reconstruct_all, remote_jobs
from tests.conftest import needs_weights


@pytest.fixture
def photos(tmp_path, small_photo) -> Path:
    for name in ("a.png", "sub/b.png", "sub/b.bmp"):
        (tmp_path / "p" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(small_photo[::2, ::2]).save(tmp_path / "p" / name)
    (tmp_path / "p" / "broken.jpg").write_bytes(b"\xff\xd8 and no more")
    for name in (".hidden.png", "light.exr", "notes.txt"):
        (tmp_path / "p" / name).touch()
    return tmp_path / "p"


@pytest.fixture
def memory():
    """An object store that lives in this process."""
    system = fsspec.filesystem("memory")
    yield system
    system.store.clear()
    system.pseudo_dirs[:] = [""]


def test_names_keep_sub_folders_and_never_meet(photos, tmp_path):
    rows = remote_jobs(str(photos), "s3://bucket/light/")
    assert [row["target"] for row in rows] == [
        f"s3://bucket/light/{n}" for n in ("a.exr", "broken.exr", "sub/b.bmp.exr", "sub/b.png.exr")
    ]
    assert all(row["source"].startswith("file://") for row in rows)
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="no photos"):
        remote_jobs(str(tmp_path / "empty"), "out")


def test_from_a_store_to_a_store(photos, memory, tmp_path):
    """The callable that Ray's actors run, without Ray."""
    needs_weights()
    memory.put(str(photos), "/in", recursive=True)
    rows = remote_jobs("memory://in", "memory://out")
    batch = {name: np.array([row[name] for row in rows], dtype=object) for name in ("source", "target")}
    develop = ReconstructFiles(device="cpu", response="srgb", dtype="float")
    first = develop(batch)
    assert list(first["status"]) == ["done", "failed", "done", "done"] and list(first["source"]) == list(
        batch["source"]
    )
    assert "memory://" in first["error"][1] and "broken.jpg" in first["error"][1] and "tmp" not in first["error"][1]
    assert sorted(memory.find("/out")) == ["/out/a.exr", "/out/sub/b.bmp.exr", "/out/sub/b.png.exr"]
    memory.get("/out/a.exr", str(tmp_path / "a.exr"))
    hdrrecon.Reconstructor(device="cpu").to_file(photos / "a.png", tmp_path / "b.exr", response="srgb", dtype="float")
    assert np.array_equal(hdrrecon.read(tmp_path / "a.exr"), hdrrecon.read(tmp_path / "b.exr"))
    assert list(develop(batch)["status"]) == ["skipped", "failed", "skipped", "skipped"]


def test_a_result_that_cannot_be_brought_home_leaves_nothing(memory, tmp_path, monkeypatch):
    (tmp_path / "x.exr").write_bytes(b"light")

    def broken(self, source, target, **_):
        self.pipe_file(target, b"li")
        raise ConnectionError("the line went dead")

    monkeypatch.setattr(type(memory), "put_file", broken)
    with pytest.raises(ConnectionError):
        deliver(tmp_path / "x.exr", "memory://out/x.exr")
    assert memory.find("/out") == []


def test_ray_missing_is_said_in_one_sentence(photos, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.setitem(sys.modules, "ray.data", None)
    with pytest.raises(ModuleNotFoundError, match=r"needs: pip install"):
        reconstruct_all(str(photos), "out")


def test_on_a_cluster_of_two_workers(photos, tmp_path, monkeypatch):
    ray = pytest.importorskip("ray", reason='needs: pip install "hdrrecon[ray]"')
    needs_weights()
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join([str(Path(hdrrecon.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    )
    monkeypatch.setenv("RAY_worker_niceness", "0")  # else workers starve on a busy machine
    ray.init(num_cpus=3, include_dashboard=False, log_to_driver=False, configure_logging=False)
    try:
        rows = reconstruct_all(str(photos), str(tmp_path / "out"), workers=2, device="cpu", response="srgb")
    finally:
        ray.shutdown()
    assert [row["status"] for row in rows] == ["done", "failed", "done", "done"]
    hdrrecon.Reconstructor(device="cpu").to_file(photos / "a.png", tmp_path / "b.exr", response="srgb")
    np.testing.assert_allclose(hdrrecon.read(tmp_path / "out/a.exr"), hdrrecon.read(tmp_path / "b.exr"), rtol=2e-3)
