"""Classic expansion operators: formulae that brighten a photo's highlights. No weights, the baselines of everything.

Each takes linear light (H, W, 3) in [0, 1], 1.0 = the level at which the photo clips, and returns float32 light of
the same shape in the same unit. Only luminance is expanded; colour keeps its ratios.

The papers write luminance for a display of L_max cd/m2. Ours has no display, so each output is brought back to
the photo's own unit, mid-tones first:

* `landis_2002`, `inverse_reinhard` and `kovaleski_oliveira_2014` leave dark and middle tones as they are; the
  largest luminance is a keyword, in multiples of the clip level (10 = a photo whose white is shown at 100 cd/m2
  on a display of 1000 cd/m2).
* `akyuz_2007`, `huo_2014` and `masia_2017` rescale everything, so L_max is one factor over the whole image. It is
  chosen such that the median mid-tone stays where it was (`anchored`).

Formulae: Banterle et al., "Advanced High Dynamic Range Imaging", 2nd ed. 2017, and the papers named below.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hdrrecon.color import linear_to_srgb, luminance, srgb_to_linear

MID_TONES = (0.05, 0.5)  # of the clip level, about 1.5 stops to either side of an 18 % grey card


def akyuz_2007(linear: np.ndarray, *, gamma: float = 1.0) -> np.ndarray:
    """Stretch the luminance range, L_w = L_max ((L - min) / (max - min)) ** gamma.

    Args:
        linear: (H, W, 3) light in [0, 1].
        gamma: 1 is the paper's finding (viewers liked the plain stretch best): the mid-tones then stay and only the
            black level is removed. Above 1 highlights grow.

    Source: Akyuz, Fleming, Riecke, Reinhard, Buelthoff, "Do HDR displays support LDR content?", SIGGRAPH 2007.
    """
    light = _luminance(linear)
    low, high = light.min(), light.max()
    if high <= low:
        return _with_luminance(linear, light, light)
    return _with_luminance(linear, light, anchored(((light - low) / (high - low)) ** gamma, light))


def landis_2002(linear: np.ndarray, *, peak: float = 10.0, threshold: float = 0.5, alpha: float = 2.0) -> np.ndarray:
    """Blend from L to L_max L above a threshold, with weight ((L - t) / (max - t)) ** alpha.

    Args:
        linear: (H, W, 3) light in [0, 1].
        peak: L_max, what the brightest luminance is multiplied by.
        threshold: t; darker pixels are returned as they are.
        alpha: how late the growth comes.

    Source: Landis, "Production-ready global illumination", SIGGRAPH 2002 course 16.
    """
    light = _luminance(linear)
    weight = (np.maximum(light - threshold, 0) / max(light.max() - threshold, 1e-6)) ** alpha
    return _with_luminance(linear, light, light * (1 - weight) + peak * light * weight)


def inverse_reinhard(
    linear: np.ndarray, *, peak: float = 10.0, threshold: float = 0.9, radius_px: float = 32.0
) -> np.ndarray:
    """Undo Reinhard's tone curve where an expand map says that there is a light.

    The curve L_d = L_w (1 + L_w / peak^2) / (1 + L_w) is inverted; an expand map E in [0, 1] blends it in,
    L_d (1 - E) + L_w E. E is the share of bright pixels nearby, smoothed without crossing edges. Banterle et al.
    estimate it from the density of median-cut light sources instead, Kuo et al. from the brightest pixels as here.

    Args:
        linear: (H, W, 3) light in [0, 1].
        peak: what the clip level becomes inside a large light.
        threshold: luminance from which a pixel counts as bright.
        radius_px: standard deviation of the smoothing.

    Source: Banterle, Ledda, Debattista, Chalmers, "Inverse tone mapping", GRAPHITE 2006; Kuo, Tang, Chien,
    "Content-adaptive inverse tone mapping", VCIP 2012.
    """
    light = _luminance(linear)
    shown = np.minimum(light, 1)
    # The quadratic's root, written as a quotient: exact near black, where the usual form cancels.
    expanded = 2 * shown / (1 - shown + np.sqrt((1 - shown) ** 2 + 4 * shown / peak**2))
    bright = np.clip((light - threshold) / (1 - threshold), 0, 1)
    expand = bilateral(bright, linear_to_srgb(shown), radius_px, 0.1)
    return _with_luminance(linear, light, light * (1 - expand) + expanded * expand)


def kovaleski_oliveira_2014(
    linear: np.ndarray,
    *,
    boost: float = 4.0,
    threshold: float = 254 / 255,
    radius_px: float = 150.0,
    range_code: float = 25 / 255,
) -> np.ndarray:
    """Multiply the surroundings of clipped pixels, up to their edges, by up to `boost`.

    A map of pixels with a channel above the threshold is cross-bilaterally filtered along the luminance; the gain
    (3 e + 1) / 4 of the paper, relative to unexpanded pixels, is 1 + 3 e.

    Args:
        linear: (H, W, 3) light in [0, 1].
        boost: largest gain; 4 in the paper.
        threshold: sRGB code value above which a channel is clipped; the paper takes 230 / 255 for video.
        radius_px, range_code: standard deviations of the filter, in pixels and in code values.

    Source: Kovaleski & Oliveira, "High-quality reverse tone mapping for a wide range of exposures", SIBGRAPI 2014.
    """
    light = _luminance(linear)
    clipped = (np.max(linear, axis=-1) >= srgb_to_linear(threshold)).astype(np.float64)
    enhance = bilateral(clipped, linear_to_srgb(np.minimum(light, 1)), radius_px, range_code)
    return _with_luminance(linear, light, light * (1 + (boost - 1) * enhance))


def huo_2014(linear: np.ndarray, *, exponent: float = 0.86) -> np.ndarray:
    """Undo the local adaptation of the retina, L_w = L (L_s ** n + sigma ** n) ** (1 / n).

    L is the luminance as a share of its maximum, L_s the surround (two bilateral passes, 16 px and 0.3, then 10 px
    and 0.1), sigma the geometric mean of L.

    Args:
        linear: (H, W, 3) light in [0, 1].
        exponent: n.

    Source: Huo, Yang, Dong, Brost, "Physiological inverse tone mapping based on retina response",
    The Visual Computer 30, 2014.
    """
    light = _luminance(linear)
    share = light / max(light.max(), 1e-6)
    surround = bilateral(share, share, 16, 0.3)
    surround = bilateral(surround, surround, 10, 0.1)
    sigma = np.exp(np.log(share + 1e-6).mean())
    return _with_luminance(
        linear, light, anchored(share * (surround**exponent + sigma**exponent) ** (1 / exponent), light)
    )


def masia_2017(linear: np.ndarray, *, gamma: float | None = None) -> np.ndarray:
    """Raise a smooth base layer to a power that the image's statistics suggest, L_w = detail base ** gamma.

    gamma = 2.4379 + 0.2319 ln L_av - 1.1228 k + 0.0085 p, with L_av the geometric mean luminance (a share of the
    clip level), k the key (its place between darkest and brightest, logarithmically) and p the percentage of
    clipped pixels. Below 1 it would flatten highlights; 1 is used then.

    Args:
        linear: (H, W, 3) light in [0, 1].
        gamma: a value of your own instead.

    Source: Masia, Serrano, Gutierrez, "Dynamic range expansion based on image statistics", Multimedia Tools and
    Applications 76, 2017.
    """
    light = _luminance(linear)
    gamma = max(1.0, masia_gamma(linear)) if gamma is None else gamma
    base = np.maximum(bilateral(light, light, 32, 0.01), 1e-6)
    return _with_luminance(linear, light, anchored(light / base * base**gamma, light))


def masia_gamma(linear: np.ndarray) -> float:
    """The power that `masia_2017` reads from an image's statistics; it may be negative."""
    light = np.log(_luminance(linear) + 1e-6)
    mean, low, high = light.mean(), *np.percentile(light, (1, 99))
    key = (mean - low) / (high - low) if high > low else 0.5
    clipped_percent = 100 * np.mean(np.max(linear, axis=-1) >= srgb_to_linear(254 / 255))
    return float(2.4379 + 0.2319 * mean - 1.1228 * key + 0.0085 * clipped_percent)


CLASSIC: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    f.__name__: f for f in (akyuz_2007, landis_2002, inverse_reinhard, kovaleski_oliveira_2014, huo_2014, masia_2017)
}
"""The operators by name."""
PREFIX = "classic:"  # of an operator that is named in the place of a model


def anchored(expanded: np.ndarray, light: np.ndarray) -> np.ndarray:
    """Scale an expanded luminance such that the median mid-tone keeps its value; where there is no mid-tone, the
    median of everything that is not black."""
    some = (expanded > 0) & (light > 0)
    mid = some & (light >= MID_TONES[0]) & (light <= MID_TONES[1])
    chosen = mid if mid.any() else some
    if not chosen.any():
        return expanded
    return expanded * np.exp(np.median(np.log(light[chosen]) - np.log(expanded[chosen])))


def bilateral(values: np.ndarray, guide: np.ndarray, sigma_px: float, sigma_range: float) -> np.ndarray:
    """Smooth `values` (H, W) within `sigma_px` pixels, among pixels whose `guide` (H, W) differs by about
    `sigma_range`.

    Costs the same for any radius: pixels are gathered in a coarse grid over position and guide, the grid is blurred
    and looked up again.

    Source: Paris & Durand 2006; Chen, Paris, Durand, "Real-time edge-aware image processing with the bilateral
    grid", SIGGRAPH 2007.
    """
    from scipy.ndimage import gaussian_filter, map_coordinates

    height, width = values.shape
    rows, columns = np.mgrid[0:height, 0:width]
    place = np.stack([rows / sigma_px, columns / sigma_px, (guide - guide.min()) / sigma_range]).reshape(3, -1)
    cells = np.rint(place).astype(np.int64)
    shape = tuple(cells.max(axis=1) + 2)  # one cell more than is filled, for the lookup between cells
    at = np.ravel_multi_index(tuple(cells), shape)
    size = int(np.prod(shape))
    count = np.bincount(at, minlength=size).astype(np.float64).reshape(shape)
    total = np.bincount(at, weights=np.ravel(values), minlength=size).reshape(shape)

    def blur(grid):
        return map_coordinates(gaussian_filter(grid, 1.0, mode="constant"), place, order=1, mode="nearest")

    return (blur(total) / np.maximum(blur(count), 1e-12)).reshape(height, width)


def _luminance(linear: np.ndarray) -> np.ndarray:
    """Luminance (H, W) float64, no less than 0, of an image that is what the operators want."""
    linear = np.asarray(linear)
    if linear.ndim != 3 or linear.shape[2] != 3 or 0 in linear.shape or linear.dtype.kind != "f":
        raise ValueError(
            f"an expansion operator needs linear light (H, W, 3) as floats, got {linear.dtype} {linear.shape}; "
            "convert code values with ResponseCurve.srgb().linearize(codes / 255)"
        )
    if not np.isfinite(linear).all():
        raise ValueError(
            f"the image holds {np.count_nonzero(~np.isfinite(linear))} values that are NaN or infinite; "
            "clean it first, for example with numpy.nan_to_num"
        )
    return np.maximum(luminance(linear.astype(np.float64)), 0)


def _with_luminance(linear: np.ndarray, old: np.ndarray, new: np.ndarray) -> np.ndarray:
    """The image with its luminance changed and its chromaticity kept; black stays black."""
    ratio = np.divide(new, old, out=np.zeros_like(new), where=old > 1e-9)
    return (linear * ratio[..., None]).astype(np.float32)
