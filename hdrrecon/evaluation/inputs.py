"""Writing the simulated photos to disk, for methods that run elsewhere (MATLAB, another machine)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hdrrecon.evaluation.conditions import Condition, held_out_curves, needs_curves
from hdrrecon.evaluation.sources import Source, open_case, read_truth


def write_inputs(
    folder: str | Path,
    sources: Sequence[Source],
    conditions: Sequence[Condition],
    *,
    max_side: int | None = 640,
    curves: str | None = None,
) -> int:
    """Photos as FOLDER/CONDITION/IMAGE.png, 8 bits (a JPEG condition is coded and decoded again: the pixels count).

    Put predictions into PREDICTIONS/CONDITION/IMAGE.exr and evaluate them with the method files:PREDICTIONS.

    Returns:
        The number of photos written.
    """
    import cv2

    loaded = held_out_curves(curves) if needs_curves(conditions) else ()
    for source in sources:
        scene = read_truth(source, max_side)
        for condition in conditions:
            case = open_case(source, condition, scene, loaded)
            path = Path(folder) / condition.name / f"{source.image}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            if not cv2.imwrite(str(path), case.photo[..., ::-1]):
                raise OSError(f"could not write {path}")
    return len(sources) * len(conditions)
