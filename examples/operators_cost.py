"""What hdrrecon and the classic operators cost beside each other: processor time of one thread, one photo, one run.

python examples/operators_cost.py photo.jpg [times]

Each gets the decoded photo and gives light in memory; minima of so many times. A network that is not part of hdrrecon
is timed with its own command: docs/cost.md.
"""

import sys
import time
from collections.abc import Callable

import cv2
import numpy as np
import torch

import hdrrecon
from hdrrecon.camera.response import ResponseCurve
from hdrrecon.pipeline import classic

OPERATORS = ("akyuz_2007", "landis_2002", "kovaleski_oliveira_2014", "huo_2014", "masia_2017")


def seconds(work: Callable[[], object], times: int) -> float:
    taken = []
    for _ in range(times + 1):  # the first warms up
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)
    return min(taken[1:])


def main() -> None:
    path, times = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 3
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    code = np.ascontiguousarray(cv2.imread(path)[..., ::-1])
    linear = ResponseCurve.srgb().linearize(torch.from_numpy(code.transpose(2, 0, 1) / np.float32(255))[None])
    linear = linear[0].permute(1, 2, 0).contiguous().numpy()
    cost = {name: seconds(lambda: getattr(classic, name)(linear), times) for name in OPERATORS}  # noqa: B023
    for model in ("fast", "full"):
        reconstruct = hdrrecon.Reconstructor(model, "cpu")
        cost[f"hdrrecon {model}"] = seconds(lambda: reconstruct(code), times)  # noqa: B023
    print(f"{code.shape[0] * code.shape[1] / 1e6:.1f} MP; ratios to hdrrecon full ({cost['hdrrecon full']:.3g} s)")
    for name, taken in sorted(cost.items(), key=lambda pair: pair[1]):
        print(f"{name:26s} {taken / cost['hdrrecon full']:8.3f}")


if __name__ == "__main__":
    main()
