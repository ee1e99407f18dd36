"""JPEG in torch gives what a file coded by libjpeg gives, to a code."""

import cv2
import numpy as np
import pytest
import torch

from hdrrecon.camera.jpeg_artifacts import jpeg_coded, quantisation_steps


def picture(height: int, width: int) -> np.ndarray:
    """Smooth colours, an edge, a little texture: (height, width, 3) uint8."""
    rng = np.random.default_rng(0)
    small = rng.uniform(0, 255, (6, 8, 3)).astype(np.float32)
    image = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    image[height // 3 : height // 2, width // 4 : width // 2] = (250, 240, 30)
    return np.rint((image + rng.normal(0, 4, image.shape)).clip(0, 255)).astype(np.uint8)


def by_libjpeg(image: np.ndarray, quality: int) -> np.ndarray:
    data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1].astype(int)


def by_torch(image: np.ndarray, quality) -> np.ndarray:
    code = torch.from_numpy(image.transpose(2, 0, 1).copy())[None].float() / 255
    return (jpeg_coded(code, quality)[0] * 255).round().numpy().transpose(1, 2, 0).astype(int)


@pytest.mark.parametrize("size", [(64, 96), (57, 83)])
@pytest.mark.parametrize("quality", [30, 70, 90, 98])
def test_it_agrees_with_libjpeg_to_a_code(size, quality):
    image = picture(*size)
    off = np.abs(by_torch(image, quality) - by_libjpeg(image, quality))
    changed = np.abs(by_libjpeg(image, quality) - image.astype(int))
    assert (off <= 1).mean() > 0.95, "libjpeg calculates in integers, so a coefficient falls the other way now and then"
    assert off.mean() < 0.25 * changed.mean()


def test_each_photo_has_its_own_quality():
    image = picture(48, 48)
    code = torch.from_numpy(image.transpose(2, 0, 1).copy())[None].float().expand(2, -1, -1, -1) / 255
    both = jpeg_coded(code, torch.tensor([40, 95]))
    assert torch.equal(both[:1], jpeg_coded(code[:1], 40)) and torch.equal(both[1:], jpeg_coded(code[1:], 95))
    assert (both[0] - code[0]).abs().mean() > 1.3 * (both[1] - code[1]).abs().mean()


def test_tables_are_those_of_the_standard_at_fifty():
    luma, chroma = quantisation_steps(50, 1, torch.device("cpu"))
    assert luma[0, :3].tolist() == [16, 11, 10] and chroma[0, -1] == 99
    assert (quantisation_steps(100, 1, torch.device("cpu"))[0] == 1).all()


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match="N, 3, H, W"):
        jpeg_coded(torch.zeros(3, 8, 8), 90)
