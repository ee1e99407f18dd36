"""What the command line says about an estimated response."""

import numpy as np

from hdrrecon.camera.response import CODES as SAMPLED
from hdrrecon.camera.response import ResponseCurve
from hdrrecon.cli.response_report import CODES, evidence_lines, shares, short_lines


def test_families_are_listed_from_the_likeliest():
    assert shares({"camera": 0.2, "srgb": 0.75, "dorf": 0.05}) == "srgb 75 %, camera 20 %, dorf 5 %"


def test_the_report_prints_the_curve_beside_srgb():
    """Of sRGB itself the RMSE is 0 and both columns are the same."""
    seen = {"size": (30, 40), "clipped": 0.25, "crushed": 0.0, "codes": 7, "levels": 5}
    facts = {"families": {"srgb": 1.0}, "spread": np.full(len(SAMPLED), 0.125), "evidence": seen, "confidence": 0.5}
    told = "\n".join(evidence_lines("a.jpg", ResponseCurve(ResponseCurve.srgb().inverse, facts=facts)))
    assert "a.jpg: 40 x 30 pixels, 25.0 % clipped" in told and "RMSE from sRGB: 0.000" in told
    table = [line.split() for line in told.splitlines()[-len(CODES) :]]
    assert [int(row[0]) for row in table] == list(CODES) and all(row[2] == "0.1250" for row in table)
    # IEC 61966-2-1 at code 128 of 255
    assert all(row[1] == row[3] for row in table) and table[CODES.index(128)][1] == "0.2159"


def test_info_prints_every_channel_and_the_prior_if_there_was_one():
    curve = ResponseCurve(np.stack([SAMPLED, SAMPLED**2, SAMPLED**3]), facts={"families": {"camera": 1.0}})
    told = list(short_lines(curve))
    assert told[0] == "response  estimated: camera 100 %" and [line.split()[0] for line in told[1:]] == ["R", "G", "B"]
    assert told[1].split()[-1] == f"{240 / 255:.4f}" and "g(240) 0.8858" in told[2]
    assert list(short_lines(curve, {"srgb": 0.9}))[0].startswith("exif      says srgb 90 %")
