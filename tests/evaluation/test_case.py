"""What a case promises of its photo and its truth, of virtual cameras and of real ones."""

from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from hdrrecon.evaluation.case import Case
from hdrrecon.evaluation.conditions import CONDITIONS, take_photo


def test_a_photo_clips_where_its_truth_passes_1(small_hdr):
    case = take_photo(CONDITIONS["clip_95"], small_hdr, "a")
    assert case.photo.dtype == np.uint8 and case.truth.dtype == np.float32 and case.clip_from == "truth"
    assert (case.photo[case.truth >= 1] == 255).all() and (case.photo[case.truth < 0.9] < 255).all()


def test_methods_cannot_exchange_what_they_are_judged_by(small_hdr, small_photo):
    case = Case("a", "real", small_photo, small_hdr, None)
    with pytest.raises(FrozenInstanceError):
        case.truth = small_photo
