"""Fixed validation shots: views of scenes that are never trained on, through cameras drawn once.

Curves are drawn from the training families with a fixed seed: the held-out test curves stay unseen until the
evaluation, for a network chosen by them would be fitted to them.
"""

from __future__ import annotations

import numpy as np
import torch

from hdrrecon.camera.basis import FAMILIES
from hdrrecon.camera.simulate import Camera, simulate
from hdrrecon.train.data.curves import CurveSampler
from hdrrecon.train.data.pairs import Sample, collate
from hdrrecon.train.data.scenes import Scene, perspective

VIEWS_PER_SCENE = 3
SIZE = 288


def validation_shots(scenes: list[Scene], curves: CurveSampler, count: int = 60) -> list[dict[str, torch.Tensor]]:
    """`count` batches of one, the same in every run; families and clipped shares take turns."""
    rng = np.random.default_rng(2026)
    shots = []
    for i in range(count):
        scene = scenes[i % len(scenes)]
        turn = i // len(scenes)
        view = perspective(scene.light, (SIZE, SIZE), 80, 360 * turn / VIEWS_PER_SCENE + 40, (0, 15, -15)[turn % 3])
        family = int(rng.integers(len(FAMILIES)))
        response = curves.sample(FAMILIES[family], rng)
        camera = Camera(response, clip_percent=(5.0, 15.0)[i % 2], jpeg_quality=(None, 90)[(i // 2) % 2])
        shot = simulate(torch.from_numpy(view.transpose(2, 0, 1).copy())[None], camera)
        inverse = np.broadcast_to(response.inverse, (3, response.inverse.shape[1])).astype(np.float32)
        shots.append(collate([Sample(shot.code[0], shot.truth[0], torch.from_numpy(inverse), family)]))
    return shots
