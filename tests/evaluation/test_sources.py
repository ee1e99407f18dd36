"""Folders of truths and of pairs: what is found, and what they lack."""

import numpy as np
import pytest

from hdrrecon.evaluation.sources import AS_GIVEN, REAL, find_pairs, find_truths, open_case, read_linear, read_truth


def test_folders_say_what_they_lack(tmp_path):
    with pytest.raises(FileNotFoundError, match="not a folder"):
        find_truths(tmp_path / "none")
    with pytest.raises(FileNotFoundError, match="no HDR truths"):
        find_truths(tmp_path)
    for name in ("a.npy", "a.hdr"):
        (tmp_path / name).touch()
    with pytest.raises(ValueError, match="both a.hdr and a.npy"):
        find_truths(tmp_path)


def test_pairs_are_found_and_what_is_alone_is_named(pair_folder):
    pairs, lonely = find_pairs(pair_folder)
    assert [p.image for p in pairs] == ["a", "b", "other"] and lonely == ["lonely.png has no truth"]


def test_a_truth_of_another_size_than_its_photo_is_refused(pair_folder):
    fitting, other = (next(p for p in find_pairs(pair_folder)[0] if p.image == name) for name in ("a", "other"))
    case = open_case(fitting, None, read_truth(fitting, None))
    assert case.condition == REAL and case.clip_from == "photo" and case.response is None
    with pytest.raises(ValueError, match="other.png is 128 x 96, its truth other.npy 128 x 95"):
        open_case(other, None, read_truth(other, None))


def test_truths_are_shrunk_by_area_means(truths):
    source = find_truths(truths)[0]
    whole, half = read_truth(source, None), read_truth(source, 64)
    np.testing.assert_allclose(half, whole.reshape(48, 2, 64, 2, 3).mean((1, 3)), rtol=1e-5)
    np.testing.assert_array_equal(read_truth(source, 500), whole)


def test_a_truth_alone_clips_at_1(truths):
    source = find_truths(truths)[0]
    case = open_case(source, None, read_truth(source, None))
    assert case.condition == AS_GIVEN and (case.photo[case.truth >= 1] == 255).all()


def test_code_values_are_no_light(tmp_path, small_photo):
    np.save(tmp_path / "a.npy", small_photo)
    with pytest.raises(ValueError, match="wanted linear light"):
        read_linear(tmp_path / "a.npy")
