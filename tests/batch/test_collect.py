"""Named inputs become photos, photos become result names, and no result ever lands on another or on a photo."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hdrrecon.batch.collect import Source, expand, parse_shard, plan, target


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
