"""Named inputs become photos, photos become result names, and no result ever lands on another or on a photo."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hdrrecon.batch.collect import Source, expand, find, parse_shard, plan, preview_of, target
from hdrrecon.io import write
from hdrrecon.io.mark import is_result
from hdrrecon.view.picture import write_picture


@pytest.fixture
def tree(tmp_path, monkeypatch) -> Path:
    for name in (
        "a/x.jpg",
        "a/x.png",
        "a/b/y.JPG",
        "a/b/notes.txt.bak",
        "a/.hidden.jpg",
        "a/._x.jpg",
        "a/.git/z.png",
        "a/done.exr",
        "a/x.preview.png",
        "c/x.jpg",
        "c/readme.md",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    write_picture(tmp_path / "a" / "x.preview.png", np.zeros((4, 4, 3), np.uint8))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(sources) -> list[str]:
    return [s.path.as_posix() for s in sources]


def test_folders_are_searched_to_the_bottom(tree):
    sources, problems = expand(["a"])
    assert names(sources) == ["a/b/y.JPG", "a/x.jpg", "a/x.png"] and not problems
    assert {s.root for s in sources} == {Path("a")}


def test_files_globs_and_folders_together_count_once(tree):
    sources, problems = expand(["a/x.jpg", "./a/../a/x.jpg", "a/*.jpg", "a/**/*.[jJ][pP][gG]", "a"])
    assert sorted(p.resolve().relative_to(tree).as_posix() for p in (s.path for s in sources)) == [
        "a/b/y.JPG",
        "a/x.jpg",
        "a/x.png",
    ]
    assert not problems


def test_globs_keep_sub_folders(tree):
    sources, _ = expand(["a/**/*.JPG"])
    assert plan(sources, Path("out"), ".exr")[0][1] == Path("out/b/y.exr")
    assert names(expand(["?"])[0]) == ["a/b/y.JPG", "a/x.jpg", "a/x.png", "c/x.jpg"], (
        "a folder that matches is searched"
    )


def test_brackets_in_a_real_name_are_no_glob(tree):
    (tree / "IMG[1].jpg").touch()
    assert names(expand(["IMG[1].jpg"])[0]) == ["IMG[1].jpg"]


def test_lists(tree):
    (tree / "lists").mkdir()
    (tree / "lists" / "night.txt").write_text(
        "\ufeff# the night shots\n\n../a/x.jpg\r\na/b\nmissing.jpg\nother.txt\n", encoding="utf-8"
    )
    sources, problems = expand(["lists/night.txt"])
    assert sorted(p.resolve().relative_to(tree).as_posix() for p in (s.path for s in sources)) == [
        "a/b/y.JPG",
        "a/x.jpg",
    ]
    assert len(problems) == 2 and "missing.jpg" in problems[0] and "not followed" in problems[1]
    (tree / "all.txt").write_text("a/x.jpg\na/b/y.JPG\n")
    assert [t.as_posix() for _, t in plan(expand(["all.txt"])[0], Path("o"), ".exr")] == ["o/a/b/y.exr", "o/a/x.exr"]


def test_what_names_nothing_is_told(tree):
    (tree / "empty").mkdir()
    (tree / "list.txt").write_text("# nothing\n")
    (tree / "binary.txt").write_bytes(b"\xff\xfe\x00\xd8")
    sources, problems = expand(["nowhere.jpg", "empty", "*.webp", "list.txt", "binary.txt", "a/x.jpg"])
    assert names(sources) == ["a/x.jpg"]
    assert [p.split(":")[0] for p in problems[:4]] == ["nowhere.jpg", "empty", "*.webp", "list.txt"] and len(
        problems
    ) == 5


def test_results_inside_the_input_folder_are_not_photos(tree):
    (tree / "a" / "hdr").mkdir()
    (tree / "a" / "hdr" / "y.tif").touch()
    assert len(expand(["a"])[0]) == 4
    assert len(expand(["a"], without=Path("a/hdr"))[0]) == 3
    assert len(expand(["a"], without=Path("a"))[0]) == 4, "results beside the photos do not hide them"


def test_target_keeps_sub_folders():
    assert target(Path("out"), Path("in/a/b/x.tar.jpg"), Path("in"), ".hdr") == Path("out/a/b/x.tar.hdr")
    assert target(Path("out"), Path("elsewhere/x.jpg"), Path("in"), ".exr") == Path("out/x.exr")


def test_photos_that_differ_by_extension_do_not_meet(tree):
    got = {s.path.as_posix(): t.as_posix() for s, t in plan(expand(["a", "c"])[0], Path("out"), ".exr")}
    assert got == {
        "a/b/y.JPG": "out/b/y.exr",
        "a/x.jpg": "out/x.jpg.exr",
        "a/x.png": "out/x.png.exr",
        "c/x.jpg": "out/c/x.exr",
    }


def test_a_photo_is_never_a_target(tree):
    (tree / "a" / "t.tif").touch()
    got = {s.path.name: t for s, t in plan(expand(["a/t.tif"])[0], Path("a"), ".tif")}
    assert got["t.tif"].name == "t.tif.tif" or got["t.tif"].parent != Path("a")
    assert got["t.tif"].resolve() != (tree / "a" / "t.tif").resolve()


@settings(max_examples=200, deadline=None)
@given(
    st.sets(
        st.tuples(
            st.sampled_from(["p", "q", "p/p"]),
            st.sampled_from(["", "a", "A", "a/b"]),
            st.sampled_from(["x.jpg", "x.png", "X.jpg", "x.jpg.png", "x.exr", "x-2.jpg"]),
        ),
        min_size=1,
    ),
    st.sampled_from(["out", "p", "."]),
)
def test_no_two_results_ever_meet(photos, out):
    sources = [Source(Path(root, sub, name), Path(root)) for root, sub, name in sorted(photos)]
    sources = list({s.path: s for s in sources}.values())

    def fold(p):
        return str(p.resolve()).casefold()

    targets = [fold(t) for _, t in plan(sources, Path(out), ".exr")]
    assert len(set(targets)) == len(targets) == len(sources)
    assert not set(targets) & {fold(s.path) for s in sources}


def test_shards():
    assert parse_shard("0/1") == (0, 1) and parse_shard("3/4") == (3, 4)
    for bad in ("4/4", "1", "a/b", "-1/2", "1/0", ""):
        with pytest.raises(ValueError, match="i/n"):
            parse_shard(bad)


def test_previews_are_planned_like_results():
    """x.preview.jpg as .png, and the strip of x.jpg, would both be x.preview.png."""
    sources = [Source(Path("in/x.jpg"), Path("in")), Source(Path("in/x.preview.jpg"), Path("in"))]
    targets = [t for _, t in plan(sources, Path("out"), ".png", preview=True)]
    everything = [*targets, *map(preview_of, targets)]
    assert len({str(path) for path in everything}) == 4
    assert [t.name for _, t in plan(sources, Path("out"), ".png")] == ["x.png", "x.preview.png"]


@pytest.mark.parametrize("extension", [".exr", ".hdr", ".tif", ".png", ".jpg", ".avif", ".heic", ".jxl"])
def test_results_are_known_by_what_is_in_them(tmp_path, extension):
    pytest.importorskip("imagecodecs")
    pytest.importorskip("pillow_heif")
    from PIL import Image

    light = np.random.default_rng(0).random((16, 24, 3)).astype(np.float32) * 3
    Image.fromarray((80 * light).astype(np.uint8)).save(tmp_path / "photo.jpg")
    result = write(tmp_path / f"x{extension}", light, base=tmp_path / "photo.jpg" if extension == ".jpg" else None)
    renamed = result.rename(tmp_path / f"holiday{extension}")
    assert is_result(renamed) and not is_result(tmp_path / "photo.jpg")
    found = find([tmp_path])
    assert [s.path.name for s in found.sources] == ["photo.jpg"] and not found.problems
    assert find([str(tmp_path / "*")]).sources == found.sources
    assert [s.path for s in find([renamed]).sources] == [renamed], "what is named is tried"


def test_pipes_loops_and_locked_folders_are_named_and_stop_nothing(tmp_path):
    for name in ("a.jpg", "sub/b.jpg", "locked/c.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "loop.jpg").symlink_to(tmp_path / "loop.jpg")
    (tmp_path / "nothing.jpg").symlink_to(tmp_path / "gone.jpg")
    (tmp_path / "round").symlink_to(tmp_path)
    (tmp_path / "locked").chmod(0)
    try:
        readable = os.access(tmp_path / "locked", os.R_OK)  # root may read everything
        for given in (str(tmp_path), str(tmp_path / "*"), str(tmp_path / "**" / "*.jpg")):
            found = find([given])
            kept = {s.path.name for s in found.sources}
            assert {"a.jpg", "b.jpg"} <= kept <= {"a.jpg", "b.jpg", *(["c.jpg"] if readable else [])}
            told = " ".join(found.problems)
            assert (
                "pipe.jpg: a named pipe" in told and "loop.jpg: " in told and "nothing.jpg: a link to nothing" in told
            )
        assert readable or "locked: this folder cannot be read" in " ".join(find([tmp_path]).problems)
        assert "a named pipe" in find([tmp_path / "pipe.jpg"]).problems[0]
        assert "a device" in find(["/dev/null"]).problems[0]
    finally:
        (tmp_path / "locked").chmod(0o755)


def test_lists_of_other_encodings(tmp_path):
    (tmp_path / "Müller.jpg").touch()
    for encoding in ("latin-1", "utf-8", "utf-8-sig", "utf-16"):
        (tmp_path / "list.txt").write_bytes("# Fotos\nMüller.jpg\n".encode(encoding))
        assert [s.path.name for s in expand([tmp_path / "list.txt"])[0]] == ["Müller.jpg"], encoding
    raw = os.fsdecode(b"caf\xe9.jpg")
    (tmp_path / raw).touch()
    (tmp_path / "list.txt").write_bytes(b"caf\xe9.jpg\n")
    assert [s.path.name for s in expand([tmp_path / "list.txt"])[0]] == [raw]


def test_names_as_long_as_file_systems_allow(tmp_path):
    names = ["a" * 251 + ".jpg", "a" * 251 + ".png", "ä" * 125 + ".jpg"]
    sources = [Source(tmp_path / name, tmp_path) for name in names]
    targets = [t for _, t in plan(sources, tmp_path / "out", ".exr", preview=True)]
    everything = [*targets, *map(preview_of, targets)]
    assert len(set(everything)) == 6
    assert all(len(os.fsencode(path.name)) <= 255 for path in everything)
    assert all(path.name.endswith((".exr", ".preview.png")) for path in everything)
