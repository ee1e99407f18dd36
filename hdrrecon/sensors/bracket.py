"""Brackets from one photo: the exposures that the same camera would have taken, for programs that want a stack.

    x_e = net(f(clip(2^e H)), e)

with H the light that `reconstruct` finds, f the response it estimated, and, if one was trained, a small network
(`networks.sensors.exposure_net`) that mends what is re-photographed. It is trained through `camera.bracket`: the stack
must give the right light and the right response again. Without the network this is `hdrrecon.view.bracket` in the
photo's own response.

Source of the idea: Kim et al., "End-to-end differentiable learning to HDR image synthesis for multi-exposure images",
AAAI 2021; exposures by one network for all as in Chen et al., "CEVR", ICCV 2023. Ours starts from light, not from the
photo.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from hdrrecon.camera.masks import over_mask
from hdrrecon.camera.response import ResponseCurve
from hdrrecon.options import ReconstructOptions

EVS = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)
MOST_EV = 4.0


def shown_at(light: Tensor, response: ResponseCurve, ev: float) -> Tensor:
    """Code values (N, 3, H, W) of light at an exposure, without noise and rounding."""
    return response.expose((light * 2.0**ev).clamp(0, 1))


def exposures(
    image, evs: Sequence[float] = EVS, *, network: nn.Module | None = None, model: str = "full", device: str = "auto"
) -> list[np.ndarray]:
    """The photos that the camera of `image` would have taken at other exposures.

    Args:
        image: as `hdrrecon.reconstruct` takes it; one image.
        evs: exposures in stops relative to the photo, within 4 of it.
        network: an `ExposureNet` of `hdrrecon train bracket` (`hdrrecon.zoo.load_file`) that mends what is
            re-photographed.
            None ships with the package: re-photographs the light alone (docs/sensors_bracket.md says why).
        model, device: as `hdrrecon.reconstruct`.

    Returns:
        One (H, W, 3) uint8 per exposure, in the order of `evs`.

    Raises:
        ValueError: no exposures, one beyond 4 stops, or several images.

    Example:
        >>> stack = exposures(np.full((32, 32, 3), 128, np.uint8), (-1, 0, 1))
        >>> [int(photo[0, 0, 0]) for photo in stack][1]
        128
    """
    from hdrrecon.pipeline.build import build_pipeline, pick_device
    from hdrrecon.pipeline.inputs import ingest

    if len(evs) == 0 or not all(abs(ev) <= MOST_EV for ev in evs):
        raise ValueError(f"exposures must be given, and lie within {MOST_EV:g} stops of the photo, got {list(evs)}")
    photo = ingest(image)
    place = pick_device(device)
    prepared = build_pipeline(model).to(place).eval().prepare_input(photo, ReconstructOptions(), place)
    if len(prepared) != 1:
        raise ValueError(f"a bracket is made of one photo, got a batch of {len(prepared)}; call it for each")
    one, rows = prepared[0], slice(0, prepared[0].codes.size[0])
    light, code = (x.permute(2, 0, 1)[None].cpu().contiguous() for x in (one.light(rows)[0], one.codes.code(rows)))
    stack = [transferred(code, light, one.response, ev, network) for ev in evs]
    return [np.ascontiguousarray((x[0] * 255).round().byte().permute(1, 2, 0).numpy()) for x in stack]


@torch.inference_mode()
def transferred(
    code: Tensor, light: Tensor, response: ResponseCurve, ev: float, network: nn.Module | None = None
) -> Tensor:
    """Code values (1, 3, H, W) of a photo at another exposure.

    Args:
        code: (1, 3, H, W) the photo in [0, 1]; light: (1, 3, H, W) what was reconstructed of it; response: its curve.
        ev: stops from the photo.
        network: as `exposures`.
    """
    shown = shown_at(light, response, ev)
    if network is None or ev == 0:
        return shown
    return network(code, shown, over_mask(code), light, torch.tensor([float(ev)]))
