"""What the entropy path may see of the JPEG: integers, the same from every decoder that is allowed.

The guide has one value per 8 x 8 pixels and channel, uint8. It is taken from the JPEG decoded by DCT scaling at 1/4 in
YCbCr (no chroma upsampling and no colour conversion is involved) and from its luma at full size (neither is there).
Both are defined by the integer inverse transforms of libjpeg 6b and libjpeg-turbo ("islow" and its reduced sizes),
which Pillow and imagecodecs carry. All arithmetic after that is on integers.
"""

from __future__ import annotations

import zlib

import numpy as np

from hdrrecon.io.pillow import opened

BLOCK = 8
CHANNELS = 21
_HIGH, _LOW = 248, 6  # codes from which a channel counts as clipped


def block_shape(height: int, width: int) -> tuple[int, int]:
    """(rows, columns) of 8 x 8 blocks of an image."""
    return -(-height // BLOCK), -(-width // BLOCK)


def jpeg_guide(jpeg: bytes) -> np.ndarray:
    """The guide of a JPEG file.

    Returns:
        (21, ceil(H/8), ceil(W/8)) uint8: luma, blue and red difference of the four 4 x 4 quarters; mean absolute luma
        differences along x and y; share of clipped luma; shares of quarters whose red, green, blue is clipped at the
        top, and at the bottom.

    Raises:
        ReadError, OSError: Pillow cannot decode the file.
    """
    with opened("jpeg", jpeg) as image:
        width, height = image.size
        grey = image.mode == "L"
        image.draft("L", image.size)
        luma = np.asarray(image if image.mode == "L" else image.convert("L"))
    with opened("jpeg", jpeg) as image:
        image.draft("L" if grey else "YCbCr", (-(-width // 4), -(-height // 4)))
        quarter = np.asarray(image)
    if grey:
        quarter = np.stack([quarter, *[np.full_like(quarter, 128)] * 2], -1)
    return guide_from_planes(luma, quarter)


def guide_from_planes(luma: np.ndarray, quarter: np.ndarray) -> np.ndarray:
    """`jpeg_guide` from (H, W) luma and (ceil(H/4), ceil(W/4), 3) YCbCr, both uint8."""
    rows, columns = block_shape(*luma.shape)
    q = _pad(quarter[: 2 * rows, : 2 * columns], 2 * rows, 2 * columns).astype(np.int32)
    y = _pad(luma, rows * BLOCK, columns * BLOCK).astype(np.int32)
    unshuffled = q.reshape(rows, 2, columns, 2, 3).transpose(4, 1, 3, 0, 2).reshape(12, rows, columns)

    blocks = y.reshape(rows, BLOCK, columns, BLOCK)
    across = np.abs(np.diff(blocks, axis=3)).sum((1, 3)) // 14  # 56 differences; times 4
    down = np.abs(np.diff(blocks, axis=1)).sum((1, 3)) // 14
    clipped = (blocks >= _HIGH).sum((1, 3)) * 3
    texture = np.minimum(np.stack([across, down, clipped]), 255)

    luma4, blue, red = q[..., 0], q[..., 1] - 128, q[..., 2] - 128
    rgb = np.stack([luma4 + ((359 * red) >> 8), luma4 - ((88 * blue + 183 * red) >> 8), luma4 + ((454 * blue) >> 8)])
    quarters = rgb.reshape(3, rows, 2, columns, 2)
    ends = np.concatenate([(quarters >= _HIGH).sum((2, 4)), (quarters <= _LOW).sum((2, 4))]) * 63
    return np.concatenate([unshuffled, texture, ends]).astype(np.uint8)


def guide_crc(guide: np.ndarray) -> int:
    """CRC-32 of the guide's bytes, channel by channel."""
    return zlib.crc32(np.ascontiguousarray(guide).tobytes())


def _pad(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Repeat the last row and column."""
    return np.pad(
        image, [(0, height - image.shape[0]), (0, width - image.shape[1])] + [(0, 0)] * (image.ndim - 2), mode="edge"
    )
