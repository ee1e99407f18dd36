"""Any image in, the same kind out. Here, and only here, images change shape.

A path, HWC array, CHW or NCHW tensor or PIL image becomes `PixelCodes`; light goes back the way it came.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from hdrrecon.camera.exif_prior import family_prior
from hdrrecon.io.gpano import GPano, read_gpano
from hdrrecon.rawcodec.container import has_stream

if TYPE_CHECKING:
    from hdrrecon.pipeline.pixels import PixelCodes
    from hdrrecon.pipeline.raw_stream import DecodedLight


ROUNDING = 1e-4  # floats so far outside of [0, 1] come from resizing or averaging, and are taken to its end


@dataclass(frozen=True)
class InputImage:
    """An image as the pipeline takes it, and what is known beside it.

    Attributes:
        stored: (N, H, W, 1 | 3) tensor: uint8, uint16, or floats in [0, 1].
        alpha: (N, H, W) tensor in the same way, or None.
        kind: kind and layout that results have.
        values: (K, 3) tensor: code value of each integer, or None where they are evenly spaced.
        to_rec709: matrix of the image's own primaries, or None.
        deep: codes of 16 bits.
        exif: raw EXIF block, or None.
        response: name of the curve the codes are known to have (a developed raw file), or None.
        decoded: light from the photo's raw stream (`pipeline.raw_stream`), or None.
        gpano: what the file declares about the panorama it is, or None.
    """

    stored: Any
    alpha: Any
    kind: OutputKind
    values: Any = None
    to_rec709: np.ndarray | None = None
    deep: bool = False
    exif: bytes | None = None
    response: str | None = None
    decoded: DecodedLight | None = None
    gpano: GPano | None = None

    @property
    def declared_panorama(self) -> bool | None:
        """Whether the file says that its picture goes all around; None where it says nothing that fits its size."""
        if self.gpano is None:
            return None
        height, width = self.stored.shape[1:3]
        fits = abs(width - 2 * height) <= 2
        return self.gpano.whole if fits or not self.gpano.whole else None

    @property
    def prior(self) -> dict[str, float] | None:
        """What EXIF says about the families of cameras."""
        return family_prior(self.exif)

    @property
    def code(self):
        """All code values, (N, 3, H, W) float32."""
        import torch

        whole = slice(0, self.stored.shape[1])
        return torch.stack([codes.code(whole).permute(2, 0, 1) for codes in self.codes("cpu")])

    def codes(self, device, copied: bool = False) -> list[PixelCodes]:
        """The photos, on a device; `copied`: what the caller does to the image afterwards must not matter."""
        from hdrrecon.pipeline.pixels import PixelCodes

        return [PixelCodes(one.clone() if copied else one, self.values, device) for one in self.stored]


@dataclass(frozen=True)
class OutputKind:
    """The kind, layout and channel count of the input, for results.

    Attributes:
        library: "numpy"; "torch"; or "network", (1, C, H, W) tensors whose planes keep their channel axis.
        shape: of the input.
        device: of a tensor.
    """

    library: Literal["numpy", "torch", "network"]
    shape: tuple[int, ...]
    device: Any = None

    @property
    def batch(self) -> bool:
        return self.library == "torch" and len(self.shape) == 4

    @property
    def channels(self) -> int:
        """Of the input, alpha counted: 1, 3 or 4."""
        if self.library != "numpy":
            return self.shape[-3]
        return 1 if len(self.shape) == 2 else self.shape[2]

    def empty(self, photos: list[PixelCodes], channels: int | None):
        """What the caller will get, and the same as (H, W, C) tensors, one per photo, to be filled.

        `channels` None: planes without a channel axis.
        """
        import torch

        height, width = photos[0].size
        if self.library != "numpy":
            out = torch.empty(len(photos), channels or 1, height, width, device=self.device)
            parts = [one.permute(1, 2, 0) for one in out]
            if self.library == "network":
                return out, parts
            out = out[:, 0] if channels is None else out
            return (out if self.batch else out[0]), parts
        flat = channels is None or len(self.shape) == 2
        out = np.empty((height, width) if flat else (height, width, channels), np.float32)
        return out, [torch.from_numpy(out.reshape(height, width, -1))]


def ingest(image) -> InputImage:
    """Any supported image, understood."""
    import torch

    if isinstance(image, (str, os.PathLike)):
        return _ingest_file(image)
    if isinstance(image, (bytes, bytearray, memoryview)) or hasattr(image, "read"):
        return _ingest_bytes(image)
    if isinstance(image, torch.Tensor):
        image = image.detach()
        rounded = check_tensor(image)
        stored = (image if image.ndim == 4 else image[None]).permute(0, 2, 3, 1)
        if stored.is_floating_point():
            stored = stored.float().clamp(0, 1) if rounded else stored.float()
        return InputImage(
            *split_alpha(stored), OutputKind("torch", image.shape, image.device), deep=image.dtype == torch.uint16
        )
    exif = None
    if not isinstance(image, np.ndarray):
        if not hasattr(image, "getbands"):
            raise TypeError(
                "an image must be a path, the bytes of a file, an open file, a numpy array, a torch tensor or a "
                "PIL image, "
                f"got {type(image).__name__}"
            )
        exif, image = image.info.get("exif"), array_from_pil(image)
    rounded = check_array(image)
    stored = image.astype(np.float32) if image.dtype.kind == "f" else image
    stored = np.clip(stored, 0, 1) if rounded else stored
    stored = torch.from_numpy(_writable(np.ascontiguousarray(stored[..., None] if image.ndim == 2 else stored)))[None]
    return InputImage(*split_alpha(stored), OutputKind("numpy", image.shape), deep=image.dtype == np.uint16, exif=exif)


def _ingest_file(path) -> InputImage:
    import torch

    from hdrrecon import io

    photo = io.read_coded(path)
    if photo.linear:
        raise ValueError(
            f"{path} holds linear light already, there is no camera to invert; to restore its clipped regions "
            "pass its pixels, scaled to [0, 1], with response=ResponseCurve.gamma(1)"
        )

    def tensor(array):
        return None if array is None else torch.from_numpy(_writable(array))[None]

    values = None if photo.values is None else torch.from_numpy(photo.values.T.copy())
    alpha = None if photo.alpha is None else tensor(photo.alpha)
    matrix = None if np.allclose(photo.to_rec709, np.eye(3)) else photo.to_rec709
    shape = (*photo.pixels.shape[:2], 3 if alpha is None else 4)
    found = InputImage(
        tensor(photo.pixels),
        alpha,
        OutputKind("numpy", shape),
        values,
        matrix,
        photo.bits > 8,
        photo.exif,
        photo.response,
        gpano=read_gpano(photo.xmp),
    )
    if has_stream(path):
        from hdrrecon.pipeline.raw_stream import decoded_input

        return decoded_input(path, found)
    return found


def _ingest_bytes(image) -> InputImage:
    """A photo's file as bytes, or an object to read them from, which stays open."""
    from hdrrecon.io import ReadError

    data = image.read() if hasattr(image, "read") else image
    if isinstance(data, str):
        raise TypeError('an open file must be opened in binary mode, for example open("photo.jpg", "rb")')
    name = Path(str(getattr(image, "name", "") or "")).name or "the given bytes"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"image{Path(name).suffix}"
        path.write_bytes(data)
        try:
            return _ingest_file(path)
        except ReadError as error:
            raise ReadError(str(error).replace(str(path), name)) from error


def _writable(array: np.ndarray) -> np.ndarray:
    """The array, or, since torch warns of read-only ones, a copy."""
    return array if array.flags.writeable else array.copy()


def check_array(image: np.ndarray) -> bool:
    """Refuse what are no code values; True if some are a rounding error outside of [0, 1].

    An array's depth is its dtype's, never guessed from values.
    """
    channels = 1 if image.ndim == 2 else image.shape[-1] if image.ndim == 3 else 0
    if channels not in (1, 3, 4) or 0 in image.shape:
        shape = (*image.shape, 1) if image.ndim == 2 else image.shape
        raise ValueError(
            f"an array must be (H, W), (H, W, 1), (H, W, 3) or (H, W, 4) with H, W >= 1, got shape {shape}; "
            "for a batch call once per image, for channels first pass a torch tensor"
        )
    if image.ndim == 3 and image.shape[0] == 3 and image.shape[2] == 4 and image.shape[1] > 4:
        raise ValueError(
            f"an array of shape {image.shape} may be channels first, 4 pixels wide, or RGBA of 3 rows; pass a "
            f"torch tensor "
            "for the first, and the colour and alpha of the second apart"
        )
    if image.dtype in (np.uint8, np.uint16):
        return False
    if image.dtype.kind != "f":
        raise TypeError(
            f"an array must be uint8, uint16 or floating point, got {image.dtype}; convert it to the depth its "
            f"values have"
        )
    return check_range(float(np.min(image)), float(np.max(image)))


def check_tensor(image) -> bool:
    """Refuse tensors that are no code values; True if some are a rounding error outside of [0, 1]."""
    import torch

    if image.ndim not in (3, 4) or image.shape[-3] not in (1, 3, 4) or 0 in image.shape:
        raise ValueError(
            f"a tensor must be (C, H, W) or (N, C, H, W) with C in (1, 3, 4), got {tuple(image.shape)}; "
            "for channels last pass a numpy array"
        )
    if image.dtype in (torch.uint8, torch.uint16):
        return False
    if not image.is_floating_point():
        raise TypeError(f"a tensor must be uint8, uint16 or floating point, got {image.dtype}")
    return check_range(float(image.min()), float(image.max()))


def check_range(low: float, high: float) -> bool:
    """Refuse floats that are not code values; True if some are a rounding error outside. A NaN makes both ends NaN."""
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ValueError("the image holds NaN or infinity; clean it first, for example with numpy.nan_to_num")
    if low < -ROUNDING or high > 1 + ROUNDING:
        raise ValueError(
            f"floating-point images are code values in [0, 1], got [{low:g}, {high:g}]; divide by the largest code "
            "(255 or 65535), or, if this is linear HDR light already, there is nothing to reconstruct"
        )
    return low < 0 or high > 1


def array_from_pil(image) -> np.ndarray:
    """Array of a PIL image at its full depth; palettes and bilevel images are expanded."""
    if image.mode in ("I", "F", "CMYK", "LAB", "HSV", "YCbCr"):
        raise ValueError(
            f'a PIL image of mode {image.mode!r} has no defined code values here; convert it to "RGB" or "I;16" first'
        )
    if image.mode not in ("L", "RGB", "RGBA", "I;16"):
        image = image.convert(
            "RGBA" if "A" in image.mode or "transparency" in image.info else "L" if image.mode == "1" else "RGB"
        )
    return np.asarray(image)


def to_nchw(image: np.ndarray):
    """(H, W, C) array to (1, C, H, W) tensor."""
    import torch

    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))[None]


def split_alpha(stored):
    """(N, H, W, 1 | 3 | 4) -> (N, H, W, 1 | 3) and alpha (N, H, W) or None."""
    return (stored[..., :3], stored[..., 3]) if stored.shape[-1] == 4 else (stored, None)


def unit(stored):
    """Integers of their full range, or floats, as float32 in [0, 1]."""
    import torch

    return stored.float() if stored.is_floating_point() else stored.float() / torch.iinfo(stored.dtype).max


def in_rec709(light, matrix):
    """(h, W, 3) light from the photo's own primaries to Rec.709; saturated colours may go below 0, as they must."""
    import torch

    if matrix is None:
        return light
    # By hand, not as a matrix product, whose last bit depends on how many pixels there are.
    return torch.stack([sum(light[..., j] * float(row[j]) for j in range(3)) for row in matrix], -1)
