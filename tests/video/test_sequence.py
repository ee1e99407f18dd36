"""Films as numbered files, in and out."""

import pytest

import hdrrecon

av = pytest.importorskip("av")
from hdrrecon import video  # noqa: E402
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
