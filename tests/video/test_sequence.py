"""Films as numbered files, in and out."""

import pytest

import hdrrecon

av = pytest.importorskip("av")
from hdrrecon import video  # noqa: E402
from hdrrecon.video.decode import VideoError  # noqa: E402
from hdrrecon.video.sequence import SequenceTarget, files_of, is_sequence  # noqa: E402
from tests.video.test_film import clip  # noqa: E402


@pytest.fixture(scope="module")
def reconstructor():
    return hdrrecon.Reconstructor("fast", "cpu")


def test_numbered_files_in_and_out_and_resume(reconstructor, tmp_path):
    import cv2

    (tmp_path / "in").mkdir()
    for index, rgb in enumerate(clip(4)):
        cv2.imwrite(str(tmp_path / "in" / f"a.{index + 9}.png"), rgb[..., ::-1])
    (tmp_path / "in" / "a.11.png").write_bytes(b"damaged")
    report = video.reconstruct(tmp_path / "in", tmp_path / "exr" / "b.%03d.exr", reconstructor=reconstructor)
    assert report.frames == 4 and "a.11.png" in report.notes[0]
    made = sorted((tmp_path / "exr").iterdir())
    assert [p.name for p in made] == [f"b.{i:03d}.exr" for i in range(1, 5)]
    before = made[1].read_bytes()
    made[1].unlink()
    again = video.reconstruct(tmp_path / "in", tmp_path / "exr" / "b.%03d.exr", reconstructor=reconstructor)
    assert (again.frames, again.skipped) == (1, 3) and made[1].read_bytes() == before
    film = video.reconstruct(tmp_path / "exr", tmp_path / "film.mp4", fps=24)
    assert film.frames == 4 and film.levels.brightest > 203


def test_files_come_in_the_order_of_their_numbers(tmp_path):
    for name in ("a.10.png", "a.9.png", "a.100.png", ".hidden.png", "notes.txt"):
        (tmp_path / name).touch()
    for source in (tmp_path, tmp_path / "a.%04d.png", tmp_path / "a.*.png"):
        assert [p.name for p in files_of(source)] == ["a.9.png", "a.10.png", "a.100.png"] and is_sequence(source)
    assert not is_sequence(tmp_path / "a.9.png")


def test_no_files_and_files_of_two_kinds_are_refused(tmp_path):
    with pytest.raises(VideoError, match="names no pictures"):
        files_of(tmp_path)
    for name in ("a.1.png", "a.2.exr"):
        (tmp_path / name).touch()
    with pytest.raises(VideoError, match="several kinds"):
        files_of(tmp_path)
    assert [p.name for p in files_of(tmp_path / "a.*.exr")] == ["a.2.exr"]


def test_names_count_from_one_and_one_name_is_no_film(tmp_path):
    assert SequenceTarget(tmp_path / "b.%03d.exr").path(0) == tmp_path / "b.001.exr"
    assert SequenceTarget(tmp_path).path(41) == tmp_path / "frame.000042.exr"
    with pytest.raises(ValueError, match="%06d"):
        SequenceTarget(tmp_path / "b.exr")
