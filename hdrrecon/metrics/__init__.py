"""Metrics for HDR reconstruction. Numpy (H, W, 3); every function states its unit and its alignment."""

from hdrrecon.metrics.alignment import crf_correction, gain
from hdrrecon.metrics.borders import border_halo, border_ring, border_step
from hdrrecon.metrics.colorvideovdp import colorvideovdp_jod
from hdrrecon.metrics.fidelity import mu_law_psnr, psnr, rephotograph_error, ssim
from hdrrecon.metrics.hdrvdp3 import read_hdrvdp3
from hdrrecon.metrics.highlights import delta_e_itp, light_energy, log_bias, log_rmse, stops_map, uv_distance
from hdrrecon.metrics.pu21 import display_nits, pu21_decode, pu21_encode, pu21_psnr, pu21_ssim
from hdrrecon.metrics.regions import KINDS, Regions, clipped_kinds, find_regions
from hdrrecon.metrics.scores import METRICS, Metric, aligned, score
from hdrrecon.metrics.temporal import Steadiness, steadiness, temporal_pu21_psnr

__all__ = [
    "Steadiness",
    "steadiness",
    "temporal_pu21_psnr",
    "KINDS",
    "METRICS",
    "Metric",
    "Regions",
    "aligned",
    "border_halo",
    "border_ring",
    "border_step",
    "clipped_kinds",
    "colorvideovdp_jod",
    "crf_correction",
    "delta_e_itp",
    "display_nits",
    "find_regions",
    "gain",
    "light_energy",
    "log_bias",
    "log_rmse",
    "mu_law_psnr",
    "psnr",
    "pu21_decode",
    "pu21_encode",
    "pu21_psnr",
    "pu21_ssim",
    "read_hdrvdp3",
    "rephotograph_error",
    "score",
    "ssim",
    "stops_map",
    "uv_distance",
]
