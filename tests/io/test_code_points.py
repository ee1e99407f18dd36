"""Code points of ITU-T H.273 whose transfer is a plain power."""

import numpy as np
import pytest

from hdrrecon.color import matrix_between
from hdrrecon.io.code_points import profile_of_transfer


@pytest.mark.parametrize("transfer, exponent", [(4, 2.2), (5, 2.8), (8, 1.0)])
def test_the_published_exponents(transfer, exponent):
    """H.273 table 3: 4 is an assumed display gamma of 2.2, 5 of 2.8, 8 is linear."""
    profile = profile_of_transfer(1, transfer)
    codes = np.linspace(0, 1, 33)
    for curve in profile.curves:
        np.testing.assert_allclose(curve(codes), codes**exponent, atol=1e-6)
    assert profile.is_linear == (transfer == 8)


@pytest.mark.parametrize("transfer", [1, 2, 6, 13, 14, 15, 16, 18])
def test_what_is_shown_as_srgb_and_hdr_have_none(transfer):
    assert profile_of_transfer(1, transfer) is None


@pytest.mark.parametrize("code, name", [(1, "rec709"), (9, "rec2020"), (12, "p3"), (77, "rec709")])
def test_primaries_by_their_number(code, name):
    """Of an unknown number nothing is known: Rec.709."""
    np.testing.assert_allclose(profile_of_transfer(code, 8).to_rec709, matrix_between(name, "rec709"), atol=1e-3)
