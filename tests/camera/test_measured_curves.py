"""Files of measured response curves: ours, plain tables, those of CAVE; and what is none."""

import numpy as np
import pytest

from hdrrecon.camera.measured_curves import camera_curve, read_curves, read_emor
from hdrrecon.camera.response import CODES


def gammas(path, side="forward"):
    x = np.linspace(0, 1, 200)
    exponents = (0.4, 0.5, 0.6, 0.8, 1.0)
    table = np.stack([x, *(x ** (g if side == "forward" else 1 / g) for g in exponents)], 1)
    np.savetxt(path, 255 * table, delimiter=",", header="x,a,b,c,d,e", comments="")
    return exponents


@pytest.mark.parametrize("side", ["forward", "inverse"])
def test_a_table_of_ones_own_curves(tmp_path, side):
    exponents = gammas(tmp_path / "mine.csv", side)
    found = read_curves(tmp_path / "mine.csv", side)
    np.testing.assert_allclose(found.forward[1:], np.stack([CODES**g for g in exponents[1:]]), atol=0.02)
    np.testing.assert_allclose(found.inverse, np.stack([CODES ** (1 / g) for g in exponents]), atol=0.005)


def test_cave_text_file(tmp_path):
    def numbers(v):
        return " ".join(f"{x:.6f}" for x in v)

    x = np.linspace(0, 1, 101)
    text = "".join(f"film-{g}\nfilm\nI =\n{numbers(x)}\nB =\n{numbers(x**g)}\n" for g in (0.5, 0.8))
    (tmp_path / "dorfCurves.txt").write_text(text)
    found = read_curves(tmp_path / "dorfCurves.txt")
    np.testing.assert_allclose(found.inverse, np.stack([CODES**2, CODES**1.25]), atol=4e-3)


@pytest.mark.parametrize(
    "content, words",
    [
        ("", "not a table"),
        ("0 0\n1 1\n", "at least 3 rows"),
        ("0 0\n0.5 hello\n1 1", "line 2"),
        ("0 -1\n0.5 0\n1 1", "negative"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path, content, words):
    (tmp_path / "x.txt").write_text(content)
    with pytest.raises(ValueError, match=words):
        read_curves(tmp_path / "x.txt")


def test_foreign_npz_and_emor_tables_are_refused(tmp_path):
    np.savez(tmp_path / "x.npz", a=1)
    with pytest.raises(ValueError, match="holds a; wanted"):
        read_curves(tmp_path / "x.npz")
    (tmp_path / "y.npz").write_bytes(b"junk")
    with pytest.raises(ValueError, match="no .npz"):
        read_curves(tmp_path / "y.npz")
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8\0\x10JFIF\n1 2\n3 4\n")
    with pytest.raises(ValueError, match="no text"):
        read_curves(tmp_path / "photo.jpg")
    (tmp_path / "x.txt").write_text("E =\n1 2\nf0 =\n1\n")
    with pytest.raises(ValueError, match="not a table of EMoR"):
        read_emor(tmp_path / "x.txt")


def test_a_bracket_counts_as_clipped_from_code_250_up_and_never_falls():
    measured = np.linspace(0.02, 0.9, 256)
    measured[100] = 0  # noise
    curve = camera_curve(measured)
    assert curve[0] == 0 and (curve[CODES >= 250 / 255] == 1).all() and (np.diff(curve) >= 0).all()
    assert curve[np.searchsorted(CODES, 200 / 255)] == pytest.approx(measured[200], abs=0.005)
