"""The picture of a response: what it shows, and what it refuses."""

import numpy as np
import pytest

from hdrrecon.camera.response import CODES, ResponseCurve
from hdrrecon.view.response_plot import plot_response, save_plot


def test_plot_shows_curve_band_and_reference():
    camera = ResponseCurve.camera()
    plain = plot_response(camera)
    banded = plot_response(ResponseCurve(camera.inverse, "estimate", {"spread": 0.1 * np.sin(np.pi * CODES)}))
    assert plain.shape == (550, 1100, 3) and plain.dtype == np.uint8

    def bluish(image):
        return (image == (198, 217, 240)).all(-1).sum()

    assert bluish(plain) == 0 and bluish(banded) > 5000
    assert plot_response(ResponseCurve(np.stack([CODES, CODES**2, CODES**3])), width_px=400).shape == (200, 400, 3)


def test_plots_that_cannot_be_are_refused(tmp_path):
    with pytest.raises(ValueError, match="PNG"):
        save_plot(tmp_path / "x.jpg", ResponseCurve.srgb())
    with pytest.raises(ValueError, match="400"):
        plot_response(ResponseCurve.srgb(), width_px=100)
