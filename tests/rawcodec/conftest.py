"""A simulated exposure, small enough for quick tests: the raw, its JPEG and a stream."""

import io

import numpy as np
import pytest
from PIL import Image

from hdrrecon import rawcodec
from hdrrecon.color import linear_to_srgb


def scene(height: int, width: int) -> np.ndarray:
    """(H, W, 3) light: a gradient, stripes, a lamp four times as bright as white, and saturated patches."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    light = 0.05 + 0.6 * x / width + 0.1 * np.sin(y / 3) ** 2
    light = light + 4 * np.exp(-(((x - width * 0.7) / 12) ** 2) - ((y - height * 0.4) / 10) ** 2)
    out = np.stack([light, 0.8 * light, 0.6 * light + 0.05 * y / height], -1)
    out[height // 8 : height // 4, width // 8 : width // 4] *= (2, 0.3, 0.2)
    return out.astype(np.float32)


def photograph(height: int, width: int, **save) -> tuple[np.ndarray, bytes]:
    """(raw in [0, 1], JPEG): the sensor keeps three times the JPEG's white."""
    rng = np.random.default_rng(1)
    raw = np.clip(scene(height, width) / 3, 0, 1)
    raw = np.clip(raw + rng.normal(size=raw.shape).astype(np.float32) * 0.003, 0, 1).astype(np.float32)
    code = np.round(255 * linear_to_srgb(np.clip(raw * 3, 0, 1))).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(code).save(file, "JPEG", **{"quality": 90, **save})
    return raw, file.getvalue()


@pytest.fixture(scope="session")
def exposure() -> tuple[np.ndarray, bytes]:
    return photograph(120, 168)


@pytest.fixture(scope="session")
def stream(exposure) -> bytes:
    raw, jpeg = exposure
    return rawcodec.encode(raw, jpeg, 0.4)
