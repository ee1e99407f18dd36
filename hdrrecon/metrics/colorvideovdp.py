"""ColorVideoVDP, optional: a perceptual difference in JOD (10 = identical, 1 less = 75 % of people see it).

It needs torchvision, built for the same torch: give it an environment of its own (docs/evaluation.md).
Source: Mantiuk et al., "ColorVideoVDP", SIGGRAPH 2024.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

DISPLAY = "standard_hdr_linear"


def colorvideovdp_jod(prediction_nits, truth_nits, display: str = DISPLAY) -> float:
    """Quality of a prediction in JOD.

    Args:
        prediction_nits, truth_nits: (H, W, 3) linear Rec.709 in cd/m2, aligned.
        display: a display model of ColorVideoVDP that takes linear light.

    Raises:
        ModuleNotFoundError: if ColorVideoVDP is not installed, saying how to get it.
    """

    def as_float(image):
        return np.ascontiguousarray(image, np.float32)

    return float(_metric(display).predict(as_float(prediction_nits), as_float(truth_nits), dim_order="HWC")[0])


def colorvideovdp_video_jod(prediction_nits, truth_nits, fps: float, display: str = DISPLAY) -> float:
    """Quality of a film in JOD: its transient channel sees flicker, which none of its frames shows.

    Args:
        prediction_nits, truth_nits: (frames, H, W, 3) linear Rec.709 in cd/m2, aligned.
        fps: frames a second.
        display: as `colorvideovdp_jod`.

    Raises:
        ModuleNotFoundError: as `colorvideovdp_jod`.
    """
    films = (np.ascontiguousarray(film, np.float32) for film in (prediction_nits, truth_nits))
    return float(_metric(display).predict(*films, dim_order="FHWC", frames_per_second=fps)[0])


def require_colorvideovdp() -> None:
    """Raise ModuleNotFoundError, with a way out, if the package or something it needs cannot be imported."""
    try:
        import pycvvdp  # noqa: F401
    except (ImportError, RuntimeError) as error:  # RuntimeError: a torchvision built for another torch
        raise ModuleNotFoundError(
            f"ColorVideoVDP cannot be imported ({error}): it needs torchvision built for the same torch, which the CPU "
            "torch of constraints.txt does not have beside it; make an environment of its own with torch and "
            "torchvision that match, then `pip install cvvdp` and hdrrecon there (docs/evaluation.md); or evaluate "
            "without --cvvdp"
        ) from error


@lru_cache(maxsize=1)
def _metric(display: str):
    require_colorvideovdp()
    import pycvvdp
    import torch

    return pycvvdp.cvvdp(display_name=display, device=torch.device("cpu"))
