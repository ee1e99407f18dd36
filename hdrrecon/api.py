"""What a user calls: `reconstruct`, `Reconstructor`, `Reconstruction`.

Here, and only here, images change shape: a path, HWC array, CHW or NCHW tensor or PIL image becomes a
(1, 3, H, W) float tensor of code values, and the answer goes back the way it came.
"""
from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np

from hdrrecon.camera.prior import family_prior
from hdrrecon.camera.response import ResponseCurve
from hdrrecon.zoo import DEFAULT_MODEL

RESPONSES = ("estimate", "srgb", "camera")


@dataclass(frozen=True)
class Reconstruction:
    """All that is known after a reconstruction; arrays are of the kind and layout of the input.

    Attributes:
        radiance: scene-linear Rec.709 light, float32, 1.0 = the level at which the photo clips.
        confidence: (H, W) ((H, W) or (N, H, W) for tensors): 1 = measured; below, the chance that the brightness
            is right to a quarter of a stop; near 0 = invented.
        response: the curve that was inverted; a list of them for a batch.
        masks: `over` (shape of the light) and `under` (shape of `confidence`), soft, in [0, 1].
        linear: the linearised photo before anything was restored.
    """

    radiance: Any
    confidence: Any
    response: Any
    masks: dict[str, Any]
    linear: Any


def reconstruct(image, *, model: str = DEFAULT_MODEL, device: str = "auto", response: str | ResponseCurve = "estimate",
                details: bool = False, exif: bool = True, dequantize: bool = False):
    """Linear HDR light from one ordinary photo.

    Args:
        image: one of

            * a path of a photo (JPEG, PNG, TIFF, WebP, BMP; ICC matrix profiles and EXIF orientation are honoured);
            * a numpy array of code values, (H, W), (H, W, 1), (H, W, 3) or (H, W, 4): uint8, uint16, or floats in [0, 1];
            * a torch tensor of code values, (C, H, W) or (N, C, H, W), C in {1, 3, 4}: uint8 or floats in [0, 1];
            * a PIL image.
        model: one of `hdrrecon.list_models()`.
        device: "auto" (CUDA, else MPS, else CPU) or a torch device.
        response: "estimate" it from the photo; "srgb" or "camera" (the mean curve of modern cameras) when the origin
            is known; or a `ResponseCurve`.
        details: return a `Reconstruction` instead of the light alone.
        exif: let what EXIF says about the origin of a file (or PIL image) weigh in the estimate (`camera.prior`); the
            response's `facts` then hold `prior`.
        dequantize: bring smooth gradients back from 8-bit codes, every value inside its own code's cell
            (`camera.dequantize`). 16-bit images, and floats that are no 8-bit codes, are left alone.

    Returns:
        float32 light of the kind and layout of the input (numpy for paths and PIL images), scene-linear Rec.709,
        1.0 = the level at which the photo clips; alpha, if any, unchanged in [0, 1]. A grey image stays grey.

    Raises:
        TypeError, ValueError: an image that is none of the above; the message says what was given and wanted.
        hdrrecon.io.ReadError: a file that cannot be read.

    Example:
        >>> hdr = reconstruct(np.full((4, 4, 3), 128, np.uint8), response="srgb")
        >>> hdr.shape, hdr.dtype, round(float(hdr[0, 0, 0]), 4)
        ((4, 4, 3), dtype('float32'), 0.2159)
    """
    return Reconstructor(model, device)(image, response=response, details=details, exif=exif, dequantize=dequantize)


class Reconstructor:
    """A model loaded once and used often. Keeps no state between images; calls from several threads are safe.

    Args:
        model: one of `hdrrecon.list_models()`, or an `HDRPipeline` of your own.
        device: see `reconstruct`.
    """

    def __init__(self, model="full", device: str = "auto"):
        self.device = pick_device(device)
        self.pipeline = (build_pipeline(model) if isinstance(model, str) else model).to(self.device).eval()

    def __call__(self, image, *, response: str | ResponseCurve = "estimate", details: bool = False, exif: bool = True,
                 dequantize: bool = False):
        """See `reconstruct`."""
        import torch

        curve = pick_response(response)
        photo = ingest(image)
        if curve is None and photo.response:
            curve = pick_response(photo.response)
        restorer = photo.restorer
        prior, smooth = photo.prior if exif else None, dequantize and not photo.deep
        results = [self.pipeline(one[None].to(self.device), curve, prior, smooth) for one in photo.code]
        gather = lambda name: torch.cat([getattr(r, name) for r in results]).cpu()
        light = lambda name: restorer(with_alpha(in_rec709(gather(name), photo.to_rec709), photo.alpha))
        radiance = light("radiance")
        if not details:
            return radiance
        responses = [r.response for r in results]
        return Reconstruction(radiance, restorer.plane(gather("confidence")), responses if restorer.batch else responses[0],
                              dict(over=restorer(gather("over")), under=restorer.plane(gather("under"))), light("linear"))


def build_pipeline(name: str):
    """The `HDRPipeline` of a shipped model, on the CPU.

    Raises:
        KeyError: naming the models there are.
    """
    from copy import deepcopy

    from hdrrecon import zoo
    from hdrrecon.pipeline import HDRPipeline

    model = zoo.card(name)
    # Copied: moving a cached network to another device would move it for everyone.
    stage = lambda weights: deepcopy(zoo.load(weights)) if weights else None
    return HDRPipeline(stage(model.linearize), stage(model.restore))


def pick_device(device: str):
    """The torch device of a name; "auto" is CUDA, else MPS, else CPU."""
    import torch

    if str(device) != "auto":
        return torch.device(device)
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def pick_response(response: str | ResponseCurve) -> ResponseCurve | None:
    """The curve a user asked for, or None to estimate it."""
    if isinstance(response, ResponseCurve):
        return response
    if response not in RESPONSES:
        raise ValueError(f"response must be one of {', '.join(map(repr, RESPONSES))} or a ResponseCurve, got {response!r}")
    return None if response == "estimate" else getattr(ResponseCurve, response)()


@dataclass(frozen=True)
class Ingested:
    """An image as the pipeline takes it, and what is known beside it.

    Attributes:
        code: (N, 3, H, W) float32 in [0, 1].
        alpha: (N, 1, H, W), or None.
        restorer: turns results into the caller's kind.
        to_rec709: matrix of the image's own primaries, or None.
        deep: codes of 16 bits.
        exif: raw EXIF block, or None.
        response: name of the curve the codes are known to have (a developed raw file), or None.
    """

    code: Any
    alpha: Any
    restorer: Restorer
    to_rec709: np.ndarray | None = None
    deep: bool = False
    exif: bytes | None = None
    response: str | None = None

    @property
    def prior(self) -> dict[str, float] | None:
        """What EXIF says about the families of cameras."""
        return family_prior(self.exif)


def ingest(image) -> Ingested:
    """Any supported image, understood."""
    import torch

    if isinstance(image, (str, os.PathLike)):
        from hdrrecon import io

        photo = io.read_photo(image)
        if photo.linear:
            raise ValueError(f"{image} holds linear light already, there is no camera to invert; to restore its clipped regions "
                             "pass its pixels, scaled to [0, 1], with response=ResponseCurve.gamma(1)")
        alpha = None if photo.alpha is None else torch.from_numpy(photo.alpha.copy())[None, None]
        identity = np.allclose(photo.to_rec709, np.eye(3))
        return Ingested(to_nchw(photo.pixels), alpha, Restorer("numpy", photo.pixels.shape), None if identity else photo.to_rec709,
                        photo.bits > 8, photo.exif, photo.response)
    if isinstance(image, torch.Tensor):
        deep = image.dtype == torch.uint16
        return Ingested(*split_alpha(code_from_tensor(image)), Restorer("torch", image.shape, image.device), deep=deep)
    if not isinstance(image, np.ndarray):
        if not hasattr(image, "getbands"):
            raise TypeError(f"an image must be a path, numpy array, torch tensor or PIL image, got {type(image).__name__}")
        exif, image = image.info.get("exif"), array_from_pil(image)
    else:
        exif = None
    code = to_nchw(code_from_array(image))
    return Ingested(*split_alpha(code), Restorer("numpy", image.shape), deep=image.dtype == np.uint16, exif=exif)


@dataclass(frozen=True)
class Restorer:
    """Brings results (N, C, H, W) back to the kind, layout and channel count of the input."""

    kind: str
    shape: tuple[int, ...]
    device: Any = None

    @property
    def batch(self) -> bool:
        return self.kind == "torch" and len(self.shape) == 4

    def __call__(self, result):
        if self.kind == "torch":
            grey = self.shape[-3] == 1
            result = (result.mean(1, keepdim=True) if grey else result).to(self.device)
            return result if self.batch else result[0]
        image = result[0].permute(1, 2, 0).numpy()
        if len(self.shape) == 2 or self.shape[2] == 1:
            image = image.mean(2, keepdims=len(self.shape) == 3)
        return np.ascontiguousarray(image)

    def plane(self, result):
        """(N, 1, H, W) without its channel axis."""
        if self.kind == "torch":
            return result[:, 0].to(self.device) if self.batch else result[0, 0].to(self.device)
        return result[0, 0].numpy()


def code_from_array(image: np.ndarray) -> np.ndarray:
    """Code values (H, W, C) float32 in [0, 1] of an array; its depth is its dtype's, never guessed from values."""
    if image.ndim == 2:
        image = image[..., None]
    if image.ndim != 3 or image.shape[2] not in (1, 3, 4) or 0 in image.shape:
        raise ValueError(f"an array must be (H, W), (H, W, 1), (H, W, 3) or (H, W, 4) with H, W >= 1, got shape {image.shape}; "
                         "for a batch call once per image, for channels first pass a torch tensor")
    if image.dtype in (np.uint8, np.uint16):
        return image.astype(np.float32) / np.float32(np.iinfo(image.dtype).max)
    if image.dtype.kind != "f":
        raise TypeError(f"an array must be uint8, uint16 or floating point, got {image.dtype}; convert it to the depth its values have")
    check_range(float(np.min(image)), float(np.max(image)))
    return image.astype(np.float32)


def code_from_tensor(image):
    """Code values (N, C, H, W) float32 in [0, 1] of a tensor."""
    import torch

    if image.ndim not in (3, 4) or image.shape[-3] not in (1, 3, 4) or 0 in image.shape:
        raise ValueError(f"a tensor must be (C, H, W) or (N, C, H, W) with C in (1, 3, 4), got {tuple(image.shape)}; "
                         "for channels last pass a numpy array")
    image = image.detach() if image.ndim == 4 else image.detach()[None]
    if image.dtype in (torch.uint8, torch.uint16):
        return image.float() / torch.iinfo(image.dtype).max
    if not image.is_floating_point():
        raise TypeError(f"a tensor must be uint8, uint16 or floating point, got {image.dtype}")
    check_range(float(image.min()), float(image.max()))
    return image.float()


def check_range(low: float, high: float) -> None:
    """Refuse floats that are not code values. A NaN makes `low` and `high` NaN."""
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ValueError("the image holds NaN or infinity; clean it first, for example with numpy.nan_to_num")
    if low < 0 or high > 1:
        raise ValueError(f"floating-point images are code values in [0, 1], got [{low:g}, {high:g}]; divide by the largest code "
                         "(255 or 65535), or, if this is linear HDR light already, there is nothing to reconstruct")


def array_from_pil(image) -> np.ndarray:
    """Array of a PIL image at its full depth; palettes and bilevel images are expanded."""
    if image.mode in ("I", "F", "CMYK", "LAB", "HSV", "YCbCr"):
        raise ValueError(f'a PIL image of mode {image.mode!r} has no defined code values here; convert it to "RGB" or "I;16" first')
    if image.mode not in ("L", "RGB", "RGBA", "I;16"):
        image = image.convert("RGBA" if "A" in image.mode or "transparency" in image.info else "L" if image.mode == "1" else "RGB")
    return np.asarray(image)


def to_nchw(image: np.ndarray):
    """(H, W, C) array to (1, C, H, W) tensor."""
    import torch

    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))[None]


def split_alpha(code):
    """(N, 1 | 3 | 4, H, W) -> (N, 3, H, W) and alpha or None."""
    alpha = code[:, 3:].cpu() if code.shape[1] == 4 else None
    return (code.expand(-1, 3, -1, -1) if code.shape[1] == 1 else code[:, :3]), alpha


def with_alpha(light, alpha):
    """Append alpha, untouched."""
    import torch

    return light if alpha is None else torch.cat([light, alpha.to(light)], 1)


def in_rec709(light, matrix):
    """(N, 3, H, W) light from the photo's own primaries to Rec.709; saturated colours may go below 0, as they must."""
    import torch

    return light if matrix is None else torch.einsum("ij,njhw->nihw", torch.as_tensor(matrix, dtype=light.dtype), light)
