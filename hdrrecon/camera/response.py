"""Camera response: one monotone curve between light and code values.

``f`` maps irradiance E in [0, 1] (1 = the level at which the photo clips) to code values x in [0, 1];
its inverse ``g`` linearises a photo. `ResponseCurve` stores g, because g is what a reconstruction needs,
sampled on 1024 uniform code values per channel.

Images are (..., H, W, 3) numpy arrays or (N, 3, H, W) torch tensors; the curve finds its channel axis itself.

Source: Grossberg & Nayar, "Modeling the space of camera response functions", PAMI 2004 (the space of
monotone curves with fixed ends).
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from hdrrecon.color import srgb_to_linear
from hdrrecon.options import RESPONSES

SAMPLES = 1024
CODES = np.linspace(0.0, 1.0, SAMPLES)


@dataclass(frozen=True, eq=False)
class ResponseCurve:
    """A camera response, given by its inverse.

    Args:
        inverse: (1024,), (1, 1024) or (3, 1024): linear light at uniform code values, monotone
            non-decreasing, 0 at code 0 and 1 at code 1. One row serves all channels.
        name: what to call it in reports.
        facts: anything an estimator knows beside the curve (family probabilities, uncertainty).

    Raises:
        ValueError: wrong shape, not finite, not monotone, or wrong ends.
    """

    inverse: np.ndarray
    name: str = "custom"
    facts: dict = field(default_factory=dict)

    def __post_init__(self):
        g = np.atleast_2d(np.asarray(self.inverse, np.float64))
        if g.ndim != 2 or g.shape[0] not in (1, 3) or g.shape[1] != SAMPLES:
            raise ValueError(
                f"a response needs inverse samples of shape (1024,), (1, 1024) or (3, 1024), got {g.shape}; "
                "resample with ResponseCurve.from_inverse(samples)"
            )
        if not np.isfinite(g).all():
            raise ValueError(
                f"response {self.name!r} has {np.count_nonzero(~np.isfinite(g))} samples that are not finite"
            )
        if (np.diff(g, axis=1) < -1e-9).any():
            raise ValueError(f"response {self.name!r} is not monotone; project it with camera.models.project_monotone")
        if np.abs(g[:, 0]).max() > 1e-6 or np.abs(g[:, -1] - 1).max() > 1e-6:
            raise ValueError(
                f"response {self.name!r} must be 0 at code 0 and 1 at code 1, "
                f"got {g[:, 0].tolist()} and {g[:, -1].tolist()}"
            )
        g = np.maximum.accumulate(np.clip(g, 0, 1), axis=1)
        g[:, 0], g[:, -1] = 0, 1
        g.setflags(write=False)
        object.__setattr__(self, "inverse", g)

    @classmethod
    def from_inverse(cls, samples, name: str = "custom", facts: dict | None = None) -> ResponseCurve:
        """From light at uniform code values, (K,) or (C, K) with any K >= 2; resampled linearly."""
        samples = np.atleast_2d(np.asarray(samples, np.float64))
        at = np.linspace(0, 1, samples.shape[1])
        return cls(np.stack([np.interp(CODES, at, row) for row in samples]), name, facts or {})

    @classmethod
    def from_samples(cls, irradiance, brightness, name: str = "custom") -> ResponseCurve:
        """From a forward curve: increasing `irradiance` (K,) in [0, 1] and its `brightness` (K,) or (C, K).

        Where several irradiances share one code value (a flat piece), the code is given their middle.
        """
        irradiance = np.asarray(irradiance, np.float64)
        return cls(np.stack([_invert(irradiance, row, CODES) for row in np.atleast_2d(brightness)]), name)

    @classmethod
    def srgb(cls) -> ResponseCurve:
        """The sRGB curve (IEC 61966-2-1): graphics, renderings, flat developments; not camera JPEGs."""
        return cls(srgb_to_linear(CODES), "srgb")

    @classmethod
    def gamma(cls, exponent: float) -> ResponseCurve:
        """Linear light = code ** exponent, exponent > 0."""
        if not exponent > 0:
            raise ValueError(f"gamma needs an exponent above 0, got {exponent}")
        return cls(CODES**exponent, f"gamma {exponent:g}")

    @classmethod
    def camera(cls) -> ResponseCurve:
        """The mean curve of modern cameras' JPEGs, from measured brackets (see weights/README.md)."""
        from hdrrecon.camera.basis import load_basis

        return cls(load_basis().camera_mean, "camera")

    def linearize(self, code):
        """Code values in [0, 1] to linear light in [0, 1]; values outside are clipped. Keeps shape and dtype."""
        torch = sys.modules.get("torch")
        if torch is not None and isinstance(code, torch.Tensor):
            table = torch.as_tensor(self.inverse.copy(), dtype=code.dtype, device=code.device)
            return interpolate_uniform(table.expand(1, *table.shape), code)
        return self._per_channel(code, lambda x, g: np.interp(x, CODES, g))

    def expose(self, light):
        """Linear light to code values in [0, 1], the forward curve; light above 1 clips at 1."""
        torch = sys.modules.get("torch")
        if torch is not None and isinstance(light, torch.Tensor):
            # Copied: numpy's interp is faster than torch's searchsorted on a CPU, and nothing is trained through f.
            array = light.detach().cpu().numpy()
            moved = np.moveaxis(array, -3, -1)
            coded = np.moveaxis(self._per_channel(moved, _forward), -1, -3)
            return torch.from_numpy(np.ascontiguousarray(coded)).to(light)
        return self._per_channel(light, _forward)

    def _per_channel(self, image, function):
        image = np.asarray(image)
        dtype = image.dtype if image.dtype.kind == "f" else np.float64
        if len(self.inverse) == 1:
            return function(image, self.inverse[0]).astype(dtype)
        if image.ndim == 0 or image.shape[-1] != 3:
            raise ValueError(f"a response with three curves needs RGB in the last axis, got shape {image.shape}")
        return np.stack([function(image[..., c], self.inverse[c]) for c in range(3)], -1).astype(dtype)

    def to_dict(self) -> dict:
        """Plain data: {"name", "inverse": (C, 1024) nested lists, "facts"}; JSON-ready, if what others put into `facts`
        is."""
        return {
            "name": self.name,
            "inverse": self.inverse.tolist(),
            "facts": {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in self.facts.items()},
        }

    @classmethod
    def from_dict(cls, data: dict) -> ResponseCurve:
        """The inverse of `to_dict`; a list among the facts comes back as an array."""
        facts = {k: np.array(v) if isinstance(v, list) else v for k, v in data.get("facts", {}).items()}
        return cls(np.array(data["inverse"]), data["name"], facts)

    def save(self, path: str | Path) -> Path:
        """Write the curve as JSON, facts and all; `load` reads it, and so does `hdrrecon run --response PATH`.

        Raises:
            OSError: the place cannot be written to.
            TypeError: facts that are no plain data.
        """
        Path(path).write_text(json.dumps(self.to_dict()) + "\n", encoding="utf-8")
        return Path(path)

    @classmethod
    def load(cls, path: str | Path) -> ResponseCurve:
        """The curve of a file that `save` wrote.

        Raises:
            OSError: no such file.
            ValueError: a file of another kind, or a damaged one; names it.
        """
        try:
            return cls.from_dict(json.loads(Path(path).read_text(encoding="utf-8")))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(
                f"{path} holds no camera response ({error}); wanted a file of ResponseCurve.save or "
                "hdrrecon response --save"
            ) from error


def pick_response(response: str | ResponseCurve) -> ResponseCurve | None:
    """The curve a user asked for, or None to estimate it."""
    if isinstance(response, ResponseCurve):
        return response
    if response not in RESPONSES:
        raise ValueError(
            f"response must be one of {', '.join(map(repr, RESPONSES))} or a ResponseCurve, got {response!r}"
        )
    return None if response == "estimate" else getattr(ResponseCurve, response)()


def _forward(light, g):
    """Code at this light for one channel. Clipped light is the last code even where g is flat before it."""
    return np.where(light >= 1, 1.0, np.interp(light, *_strictly(g)))


def _strictly(g):
    """(light, code) knots without repeated light: a flat piece of g keeps its first code."""
    keep = np.concatenate([[True], np.diff(g) > 0])
    return g[keep], CODES[keep]


def _invert(at, values, targets):
    """Inverse of a non-decreasing curve at `targets`; a flat piece answers with its middle."""
    values = np.maximum.accumulate(np.asarray(values, np.float64))
    first, start = np.unique(values, return_index=True)
    end = len(values) - 1 - np.unique(values[::-1], return_index=True)[1]
    middle = (at[start] + at[end]) / 2
    middle[0], middle[-1] = at[0], at[-1]
    return np.interp(targets, first, middle)


def interpolate_uniform(table, x):
    """Piecewise-linear lookup in uniform tables, differentiable in both arguments (torch).

    Args:
        table: (N, C, K): C is 1 (shared) or the channels of x; N may be 1.
        x: (N, C, H, W) in [0, 1]; values outside are clipped.

    Returns:
        (N, C, H, W).

    Source: Liu et al., CVPR 2020 ("apply" step of Linearization-Net).
    """
    import torch

    n, c, h, w = x.shape
    table = table.expand(n, c, table.shape[-1])
    last = table.shape[-1] - 1
    position = x.clamp(0, 1).reshape(n, c, h * w) * last
    low = position.detach().floor().clamp(max=last - 1)
    index = low.long()
    a, b = torch.gather(table, 2, index), torch.gather(table, 2, index + 1)
    return (a + (position - low) * (b - a)).reshape(n, c, h, w)
