"""Photos on disk for methods that run elsewhere: the pixels are those of the evaluation."""

import cv2
import numpy as np

from hdrrecon.evaluation.conditions import choose
from hdrrecon.evaluation.inputs import write_inputs
from hdrrecon.evaluation.sources import find_truths, open_case, read_truth


def test_files_hold_the_pixels_that_methods_here_see(truths, tmp_path):
    sources, (condition,) = find_truths(truths), choose(["clip_95"])
    assert write_inputs(tmp_path / "in", sources, [condition], max_side=64) == 3
    for source in sources:
        written = cv2.imread(str(tmp_path / "in" / "clip_95" / f"{source.image}.png"))[..., ::-1]
        seen = open_case(source, condition, read_truth(source, 64)).photo
        assert written.shape == (48, 64, 3)
        np.testing.assert_array_equal(written, seen)


def test_every_condition_has_its_folder(truths, tmp_path):
    conditions = choose(["clip_95", "clip_97"])
    assert write_inputs(tmp_path / "in", find_truths(truths)[:1], conditions, max_side=32) == 2
    assert sorted(p.parent.name for p in tmp_path.glob("in/*/*.png")) == ["clip_95", "clip_97"]
