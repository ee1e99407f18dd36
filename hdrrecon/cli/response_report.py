"""What the command line says about an estimated response: short for `hdrrecon info`, in full for `hdrrecon response`.

Heavy imports wait until something is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from hdrrecon.camera.response import ResponseCurve

CODES = (16, 32, 64, 96, 128, 160, 192, 224, 240)  # of 255: where a curve is printed


def short_lines(curve: ResponseCurve, prior: Mapping[str, float] | None = None) -> Iterator[str]:
    """The families, and light at `CODES` of every channel, with labels as wide as `hdrrecon info` has them.

    Args:
        curve: an estimate.
        prior: probabilities of the families by EXIF, where they were counted in.
    """
    if prior:
        yield f"exif      says {shares(prior)}; counted in below (run --no-exif leaves it out)"
    yield f"response  estimated: {shares(curve.facts.get('families', {})) or 'of no known family'}"
    for samples, name in zip(curve.inverse, ("",) if len(curve.inverse) == 1 else ("R ", "G ", "B ")):
        values = zip(CODES, at_codes(samples))
        yield "          " + name + "  ".join(f"g({code}) {light:.4f}" for code, light in values)


def evidence_lines(name: str, curve: ResponseCurve) -> Iterator[str]:
    """What the estimate is based on, and a table of light, its uncertainty and sRGB's at `CODES`.

    Args:
        name: the photo's.
        curve: what `hdrrecon.estimate_response` returned.
    """
    import numpy as np

    from hdrrecon.camera.response import ResponseCurve

    facts, seen = curve.facts, curve.facts["evidence"]
    light, srgb, spread = curve.inverse.mean(0), ResponseCurve.srgb().inverse[0], np.asarray(facts["spread"])
    away = float(np.sqrt(np.mean((light - srgb) ** 2)))
    yield (
        f"{name}: {seen['size'][1]} x {seen['size'][0]} pixels, {100 * seen['clipped']:.1f} % clipped, "
        f"{100 * seen['crushed']:.1f} % crushed, {seen['codes']} of 256 codes occupied"
    )
    yield f"family: {shares(facts['families'])}"
    if "prior" in facts:
        yield f"EXIF says: {shares(facts['prior'])} (counted in; --no-exif leaves it out)"
    yield (
        f"RMSE from sRGB: {away:.3f}; mean uncertainty: {float(np.mean(spread)):.3f}; confidence: "
        f"{facts['confidence']:.2f} (0: the photo told nothing, 1: it left no doubt)"
    )
    yield ""
    yield "code   light     +-       sRGB"
    for code, *values in zip(CODES, at_codes(light), at_codes(spread), at_codes(srgb)):
        yield f"{code:4d}   " + "   ".join(f"{value:.4f}" for value in values)


def shares(of: Mapping[str, float]) -> str:
    """Probabilities of camera families, the largest first."""
    return ", ".join(f"{family} {100 * share:.0f} %" for family, share in sorted(of.items(), key=lambda f: -f[1]))


def at_codes(samples: np.ndarray) -> np.ndarray:
    """Values at `CODES` of a function (K,) that is sampled evenly from code 0 to 255."""
    import numpy as np

    return np.interp(np.array(CODES) / 255, np.linspace(0, 1, len(samples)), samples)
