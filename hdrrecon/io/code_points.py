"""Colour named by ITU-T H.273 code points (`cICP`, `nclx`) whose transfer is a plain power, as a `Profile`."""

from __future__ import annotations

from hdrrecon.color import D65, PRIMARIES
from hdrrecon.io.icc import Profile, profile_from_gamma
from hdrrecon.io.pq import PRIMARIES_BY_CODE

_GAMMAS = {4: 1 / 2.2, 5: 1 / 2.8, 8: 1.0}  # BT.470 M, BT.470 BG, linear: code = light ** gamma


def profile_of_transfer(primaries: int, transfer: int) -> Profile | None:
    """The profile of a power or linear transfer; None for all that are displayed as sRGB, and for PQ and HLG."""
    if transfer not in _GAMMAS:
        return None
    places = PRIMARIES[PRIMARIES_BY_CODE.get(primaries, "rec709")]
    return profile_from_gamma(f"H.273 {primaries}/{transfer}", _GAMMAS[transfer], (*places, D65))
