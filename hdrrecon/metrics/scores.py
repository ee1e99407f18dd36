"""All numbers of one prediction, and what each of them means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from hdrrecon.metrics import borders, highlights
from hdrrecon.metrics.alignment import crf_correction, gain
from hdrrecon.metrics.fidelity import mu_law_psnr, rephotograph_error
from hdrrecon.metrics.pu21 import WHITE_NITS, display_nits, pu21_psnr, pu21_ssim
from hdrrecon.metrics.regions import PHOTO_CLIP_CODE, ClipFrom, clipped_kinds, find_regions

_INFINITE = 1e9  # stands for infinite light: far above every display and every sun


@dataclass(frozen=True)
class Metric:
    """`good` says which way is better; "zero" metrics are signed, and averaged as distances from zero."""

    title: str
    unit: str
    good: Literal["high", "low", "zero"]
    digits: int = 2


METRICS: dict[str, Metric] = {
    "pu21_psnr": Metric("PU21-PSNR", "dB", "high"),
    "pu21_psnr_crf": Metric("PU21-PSNR, curve corrected", "dB", "high"),
    "pu21_ssim": Metric("PU21-SSIM", "", "high", 4),
    "pu21_ssim_crf": Metric("PU21-SSIM, curve corrected", "", "high", 4),
    "mu_psnr": Metric("mu-law PSNR", "dB", "high"),
    "clipped_log_rmse": Metric("clipped pixels, log-RMSE", "stops", "low"),
    "clipped_bias": Metric("clipped pixels, bias", "stops", "zero"),
    "clipped_log_rmse_crf": Metric("clipped pixels, log-RMSE, curve corrected", "stops", "low"),
    "clipped_bias_crf": Metric("clipped pixels, bias, curve corrected", "stops", "zero"),
    "clipped_energy": Metric("light energy of clipped pixels", "stops", "zero"),
    "clipped_source_log_rmse": Metric("clipped, small round sources, log-RMSE", "stops", "low"),
    "clipped_source_bias": Metric("clipped, small round sources, bias", "stops", "zero"),
    "clipped_flat_log_rmse": Metric("clipped, large flat regions, log-RMSE", "stops", "low"),
    "clipped_flat_bias": Metric("clipped, large flat regions, bias", "stops", "zero"),
    "clipped_textured_log_rmse": Metric("clipped, textured regions, log-RMSE", "stops", "low"),
    "clipped_textured_bias": Metric("clipped, textured regions, bias", "stops", "zero"),
    "clipped_delta_e_itp": Metric("colour of clipped pixels, delta-E ITP", "JND", "low", 1),
    "clipped_uv": Metric("colour of clipped pixels, u'v' distance", "u'v'", "low", 4),
    "clipped_red_tint": Metric("red/green where all channels clipped, bias", "stops", "zero", 3),
    "clipped_blue_tint": Metric("blue/green where all channels clipped, bias", "stops", "zero", 3),
    "dark_log_rmse": Metric("nearly black pixels, log-RMSE", "stops", "low"),
    "dark_bias": Metric("nearly black pixels, bias", "stops", "zero"),
    "well_log_rmse": Metric("well-exposed pixels, log-RMSE", "stops", "low"),
    "well_bias": Metric("well-exposed pixels, bias", "stops", "zero"),
    "border_step": Metric("jump at the clipping border", "stops", "low"),
    "border_ring": Metric("ring at the clipping border", "stops", "low"),
    "border_halo": Metric("error within 8 px outside clipped regions, minus elsewhere", "stops", "low"),
    "rephotograph": Metric("re-photograph error", "codes", "low"),
    "cvvdp_jod": Metric("ColorVideoVDP", "JOD", "high"),
    "hdrvdp3_jod": Metric("HDR-VDP-3", "JOD", "high"),
}


def aligned(prediction, truth, photo, clip_from: ClipFrom = "truth") -> tuple[np.ndarray, float, int]:
    """A prediction of any scale in units of the photo's clip level.

    NaN, negative light -> 0 and +inf -> 1e9 (black where there is none, blinding where there is too much:
    they cost points instead of vanishing from a mean). The gain comes from well-exposed pixels
    (`regions.find_regions`).

    Returns:
        (H, W, 3) float64, the gain, and the number of values that were NaN or infinite.

    Raises:
        ValueError: if the sizes of prediction, truth and photo differ, or the truth is not finite.
    """
    prediction, truth, photo = np.asarray(prediction), np.asarray(truth), np.asarray(photo)
    sizes = {"prediction": prediction.shape, "truth": truth.shape, "photo": photo.shape}
    if len(set(sizes.values())) > 1 or prediction.ndim != 3 or prediction.shape[2] != 3:
        given = ", ".join(f"{name} {shape}" for name, shape in sizes.items())
        raise ValueError(
            f"sizes differ or are not (H, W, 3): {given}; "
            "a prediction must have the pixels of its photo, none cropped or resized"
        )
    if photo.dtype != np.uint8:
        raise ValueError(f"photo must be uint8 code values, got {photo.dtype}")
    if not np.isfinite(truth).all():
        raise ValueError(
            f"the truth holds {np.count_nonzero(~np.isfinite(truth))} values that are not finite; repair it first"
        )
    prediction = prediction.astype(np.float64)
    nonfinite = int(np.count_nonzero(~np.isfinite(prediction)))
    light = np.maximum(np.nan_to_num(prediction, nan=0, posinf=_INFINITE, neginf=0), 0)
    factor = gain(light, truth, find_regions(photo, truth, clip_from).anchor)
    return light * factor, factor, nonfinite


def score(
    prediction, truth, photo, *, clip_from: ClipFrom = "truth", response=None, cvvdp: bool = False
) -> dict[str, float]:
    """Every metric of `METRICS` that can be computed here, and the facts behind them.

    Args:
        prediction: (H, W, 3) linear Rec.709, any scale.
        truth: (H, W, 3) linear Rec.709, 1.0 = the level at which the photo clips.
        photo: (H, W, 3) uint8, what the method was given.
        clip_from: how clipped pixels are found (`regions.find_regions`): "truth" or "photo".
        response: the camera's `ResponseCurve` for the re-photograph error; None leaves it NaN.
        cvvdp: also ColorVideoVDP (slow, an optional package).

    Returns:
        Metric name -> value, NaN where it has no meaning (no clipped pixel: no clipped error), and `gain`,
        `nonfinite` (values that were NaN or infinite), `clipped_percent`, `headroom_stops` (log2 of the
        brightest predicted value over the clip level).

    Raises:
        ValueError: as `aligned`.
    """
    light, factor, nonfinite = aligned(prediction, truth, photo, clip_from)
    truth = np.asarray(truth, np.float64)
    regions = find_regions(photo, truth, clip_from)
    shown, true_shown = display_nits(light), display_nits(truth)
    corrected = display_nits(crf_correction(shown, true_shown), white_nits=1)
    stops = highlights.stops_map(light, truth)
    # The corrected image lives on the display, so its truth does too: both end at the display's peak.
    stops_crf = highlights.stops_map(corrected / WHITE_NITS, true_shown / WHITE_NITS)
    red, blue = highlights.tint_stops(light, truth)
    lost = regions.clipped & (photo.min(2) >= PHOTO_CLIP_CODE)
    results = {
        "pu21_psnr": pu21_psnr(shown, true_shown),
        "pu21_ssim": pu21_ssim(shown, true_shown),
        "pu21_psnr_crf": pu21_psnr(corrected, true_shown),
        "pu21_ssim_crf": pu21_ssim(corrected, true_shown),
        "mu_psnr": mu_law_psnr(light, truth),
        "clipped_energy": highlights.light_energy(light, truth, regions.clipped),
        "clipped_delta_e_itp": highlights.mean_over(highlights.delta_e_itp(shown, true_shown), regions.clipped),
        "clipped_uv": highlights.mean_over(highlights.uv_distance(light, truth), regions.clipped),
        "clipped_log_rmse_crf": highlights.log_rmse(stops_crf, regions.clipped),
        "clipped_bias_crf": highlights.log_bias(stops_crf, regions.clipped),
        "clipped_red_tint": highlights.mean_over(red, lost),
        "clipped_blue_tint": highlights.mean_over(blue, lost),
        "border_halo": borders.border_halo(stops, regions.clipped, regions.dark),
        "border_step": borders.border_step(stops, regions.clipped),
        "border_ring": borders.border_ring(stops, regions.clipped),
        "rephotograph": rephotograph_error(light, photo, response) if response is not None else float("nan"),
    }
    kinds = {f"clipped_{kind}": where for kind, where in clipped_kinds(regions.clipped, truth).items()}
    for name, where in dict(clipped=regions.clipped, dark=regions.dark, well=regions.well, **kinds).items():
        results[f"{name}_log_rmse"] = highlights.log_rmse(stops, where)
        results[f"{name}_bias"] = highlights.log_bias(stops, where)
    if cvvdp:
        from hdrrecon.metrics.colorvideovdp import colorvideovdp_jod

        results["cvvdp_jod"] = colorvideovdp_jod(shown, true_shown)
    results["gain"] = factor
    results["nonfinite"] = nonfinite
    results["clipped_percent"] = 100 * float(regions.clipped.mean())
    results["headroom_stops"] = float(np.log2(max(light.max(), 1e-6)))
    return results
