"""A prepared photo on the memory's grid: what the networks answered there, and what was measured."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor

from hdrrecon.camera.masks import OVER_START
from hdrrecon.networks.working_resolution import working_size
from hdrrecon.pipeline.prepared import PreparedPhoto
from hdrrecon.pipeline.seen import seen_at
from hdrrecon.video.memory import SmallFrame
from hdrrecon.video.motion import strongest

FINER = 2  # than the working size: between the cells of features the head bends, and what is carried must follow it
WITHOUT_NETWORK_PX = 256
_SOME = 0.1  # a channel of which a larger share of a cell clips, clips there
_REACH = np.ones((5, 5), np.uint8)  # corrections are enlarged, and move: two cells around what was lost are asked too
_ANY_SPREAD = 0.5  # stops, where no network says one


@torch.inference_mode()
def small_frame(photo: PreparedPhoto) -> SmallFrame:
    """(h, w, C) arrays; the longer of h and w is `FINER` times the working size of the restoring network, or the
    photo's."""
    working_px = photo.restore.config.working_px if photo.restore is not None else WITHOUT_NETWORK_PX
    size = working_size(photo.codes.size, FINER * working_px)
    seen = photo.seen if photo.seen is not None else seen_at(photo, working_size(photo.codes.size, working_px))
    code, linear, over, under = (_on_grid(x, size) for x in (seen.code, seen.linear, seen.over, seen.under))
    lost = cv2.max(strongest(over), under[..., 0]) > 0
    said, boost, spread = np.zeros_like(linear), np.zeros_like(linear), np.full(size, _ANY_SPREAD, np.float32)
    if photo.deep is None and photo.correction is None:
        return SmallFrame(linear, over, np.zeros(size, bool), said, boost, spread)
    asked = cv2.dilate(lost.astype(np.uint8), _REACH) > 0
    if asked.any():
        said[asked], boost[asked], spread[asked] = _answered(
            photo, size, asked, code[asked], linear[asked], over[asked]
        )
    return SmallFrame(linear, over, asked, said, boost, spread)


def _answered(photo: PreparedPhoto, size, asked, code, linear, over) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`said`, `boost` (n, 3) and `spread` (n,) of some cells."""
    y, x = (torch.from_numpy(at.astype(np.float32)).to(photo.codes.device) for at in np.nonzero(asked))
    y, x = ((at + 0.5) * (full / part) - 0.5 for at, full, part in zip((y, x), photo.codes.size, size))
    boost = torch.zeros(len(code), 3)
    said, spread = boost, torch.full((len(code),), _ANY_SPREAD)
    if photo.deep is not None:
        deep = photo.deep.at(y, x)
        ones = torch.ones(len(code), 3)
        clips = torch.from_numpy(over > _SOME)
        # Cells mix what clips with what does not; of a channel that clips somewhere in it, the clipped part is meant.
        code = torch.where(clips, 1.0, torch.from_numpy(code).clamp(max=OVER_START))
        linear = torch.where(clips, 1.0, torch.from_numpy(linear))
        said, spread = _head(photo, ones, ones, deep)
        boost = said
        some = clips.any(1) & ~clips.all(1)
        if bool(some.any()):
            boost = said.clone()
            boost[some] = _head(photo, code[some], linear[some], deep[some.to(deep.device)])[0]
        boost = boost * clips
    if photo.correction is not None:
        stops = photo.correction.at(y, x).cpu()
        said, boost = said + stops, boost + stops
    if photo.grey:
        said, boost = (v.mean(1, keepdim=True).expand(-1, 3) for v in (said, boost))
    return said.numpy(), boost.numpy(), spread.numpy()


def _head(photo: PreparedPhoto, code: Tensor, linear: Tensor, deep: Tensor) -> tuple[Tensor, Tensor]:
    """Stops (n, 3) and their spread (n,) as the restoring network answers for pixels of these codes."""
    code, linear, deep = (v.to(photo.codes.device).T[None, ..., None] for v in (code, linear, deep))
    assert photo.restore is not None, "features come from a restoring network"
    restored = photo.restore.answer(code, linear, deep)
    stops = getattr(restored, photo.highlights)[0, ..., 0].T.cpu()
    return stops, restored.spread[0, 0, :, 0].cpu()


def _on_grid(maps: Tensor, size: tuple[int, int]) -> np.ndarray:
    """(1, C, h, w) to (H, W, C) float32 of a grid no smaller."""
    image = np.ascontiguousarray(maps[0].float().permute(1, 2, 0).cpu().numpy())
    if image.shape[:2] != size:
        image = cv2.resize(image, size[::-1], interpolation=cv2.INTER_LINEAR)
    return image.reshape(*size, -1)
