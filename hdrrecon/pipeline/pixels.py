"""A photo's code values, kept as they came and given out row by row.

8 bits stay 8 bits: a photo of 200 megapixels then takes 0.6 GB, not 2.4. And what depends on the code of one channel
alone (code value, linear light, is it clipped?) is worked out once per code and looked up per pixel.

Images here are (H, W, C), as files hold them; the tables are (K, 3), one row per integer code.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from hdrrecon.camera.dequantize import REACH_PX, dequantize
from hdrrecon.camera.masks import OVER_START, UNDER_START
from hdrrecon.camera.response import ResponseCurve

CRUSHED = 1 / 255  # the lowest two codes: what lies there is noise and rounding
OVER, LIT, ABOVE_BLACK = 1, 2, 4  # bits of a channel's flags: over-exposed; not under-exposed; not crushed
_EPSILON = 1e-6


class PixelCodes:
    """One photo.

    Args:
        stored: (H, W, 1) or (H, W, 3): uint8, uint16 or float code values in [0, 1], on any device, of any strides.
        values: (K, 3) float32 code value in [0, 1] of each integer code; None: code / (K - 1).
        device: where to keep them; None: where they are.
    """

    def __init__(self, stored: Tensor, values: Tensor | None = None, device: torch.device | str | None = None):
        self.stored = stored if device is None else stored.to(device)
        self.device = self.stored.device
        self.values = None
        # (H, W, 1 or 3), where NumPy and OpenCV can work on the bytes themselves.
        on_cpu = stored.dtype == torch.uint8 and self.device.type == "cpu"
        self.bytes: np.ndarray | None = self.stored.numpy() if on_cpu else None
        # The same where a code value is simply a byte / 255.
        self.even_bytes = self.bytes if values is None else None
        if not stored.is_floating_point():
            count = torch.iinfo(stored.dtype).max + 1
            if values is None:
                values = torch.arange(count, dtype=torch.float32)[:, None].expand(-1, 3) / (count - 1)
            self.values = values.to(self.device).contiguous()
            if stored.dtype == torch.uint16 and self.device.type != "cpu":
                self.stored = self.stored.int()  # CUDA cannot index uint16
        self._flags = None if self.values is None else flags_of(self.values)
        if self.even_bytes is not None:  # the least bytes that are over-exposed, and not under-exposed
            flags = self._flags[:, 0]
            self.first_over, self.first_lit = (int(((flags & bit) > 0).nonzero()[0]) for bit in (OVER, LIT))

    @classmethod
    def of_tensor(cls, code: Tensor, device: torch.device | str | None = None) -> PixelCodes:
        """From (C, H, W)."""
        return cls(code.permute(1, 2, 0), None, device)

    @property
    def size(self) -> tuple[int, int]:
        return tuple(self.stored.shape[:2])

    @property
    def grey(self) -> bool:
        """All three channels are equal everywhere."""
        if self.stored.shape[-1] == 1:
            return True
        step = max(1, (1 << 20) // self.size[1])
        parts = (self.stored[top : top + step] for top in range(0, self.size[0], step))
        return all(torch.equal(p[..., 0], p[..., 1]) and torch.equal(p[..., 1], p[..., 2]) for p in parts)

    def code(self, rows: slice) -> Tensor:
        """Code values of some rows, (h, W, 3) float32."""
        return self.looked_up(rows, self.values)

    def flags(self, rows: slice) -> Tensor:
        """`flags_of` the pixels of some rows: the bits of any of their channels, (h, W) uint8."""
        if self.even_bytes is not None:  # what any channel says, the brightest says
            import cv2

            return torch.from_numpy(cv2.LUT(self.brightest_bytes(rows), self._flags[:, 0].numpy()))
        flags = flags_of(self.code(rows)) if self._flags is None else self.looked_up(rows, self._flags)
        return flags[..., 0] | flags[..., 1] | flags[..., 2]

    def lost_mask(self, rows: slice, shadows: bool) -> Tensor:
        """Which pixels of some rows are over-exposed or, if `shadows` count, under-exposed: (n,) bool."""
        flags = self.flags(rows).view(-1)
        lost = (flags & OVER) > 0
        return lost | ((flags & LIT) == 0) if shadows else lost

    def lost(self, rows: slice, shadows: bool) -> Tensor:
        """Where `lost_mask` is true, ascending."""
        if self.even_bytes is None:
            return self.lost_mask(rows, shadows).nonzero()[:, 0]
        import cv2

        least = self.first_lit if shadows else 0
        measured = cv2.inRange(self.brightest_bytes(rows), least, self.first_over - 1)
        return torch.from_numpy(np.flatnonzero(measured == 0))

    def three_bytes(self, rows: slice) -> np.ndarray:
        """Some rows of `bytes`, (h, W, 3), contiguous."""
        stored = self.bytes[rows]
        return np.ascontiguousarray(
            stored if stored.shape[-1] == 3 else np.broadcast_to(stored, (*stored.shape[:2], 3))
        )

    def planes_of_bytes(self) -> Tensor:
        """All of `bytes`, (1, 3, H, W)."""
        return torch.from_numpy(np.ascontiguousarray(self.bytes.transpose(2, 0, 1)))[None].expand(-1, 3, -1, -1)

    def brightest_bytes(self, rows: slice) -> np.ndarray:
        """The largest channel of some rows of `bytes`, (h, W)."""
        import cv2

        stored = self.bytes[rows]
        if stored.shape[-1] == 1:
            return np.ascontiguousarray(stored[..., 0])
        red, green, blue = cv2.split(np.ascontiguousarray(stored))
        return cv2.max(cv2.max(red, green), blue)

    def code_at(self, y: Tensor, x: Tensor) -> Tensor:
        """Code values of the pixels in rows `y` (n,) and columns `x` (n,), (n, 3) float32."""
        picked = self.stored_at(y, x)
        return picked.float() if self.values is None else self.values.gather(0, picked)

    def stored_at(self, y: Tensor, x: Tensor) -> Tensor:
        """The same as they are stored, (n, 3) int64 or floats."""
        if self.device.type == "cpu":  # torch cannot index uint16
            stored = self.stored.numpy()
            flat = stored.reshape(-1, stored.shape[-1]) if stored.flags.c_contiguous else None
            picked = stored[y.numpy(), x.numpy()] if flat is None else flat.take((y * self.size[1] + x).numpy(), 0)
            picked = torch.from_numpy(picked).expand(-1, 3)
        else:
            picked = self.stored.flatten(0, 1)[y * self.size[1] + x].expand(-1, 3)
        return picked if picked.is_floating_point() else picked.long()

    def linear_table(self, response: ResponseCurve) -> Tensor | None:
        """Linear light of each integer code, (K, 3); None where codes are floats."""
        return None if self.values is None else _linearized(self.values[None], response)[0].contiguous()

    def linear(self, rows: slice, response: ResponseCurve, table: Tensor | None, smooth: bool = False) -> Tensor:
        """Linear light of some rows, (h, W, 3) float32. `table` is the `linear_table`; `smooth` dequantises first."""
        if not smooth:
            return _linearized(self.code(rows), response) if table is None else self.looked_up(rows, table)
        top, bottom = max(0, rows.start - REACH_PX), min(self.size[0], rows.stop + REACH_PX)
        code = self.code(slice(top, bottom)).permute(2, 0, 1)[None].contiguous()
        code = dequantize(code)[0, :, rows.start - top : rows.stop - top]
        return _linearized(code.permute(1, 2, 0), response)

    def looked_up(self, rows: slice, table: Tensor | None) -> Tensor:
        """Entries of `table` (K, 3) at the codes of some rows, (h, W, 3) of its dtype; the codes, if `table` is
        None."""
        stored = self.stored[rows].expand(-1, -1, 3)
        if table is None:
            return stored.float().contiguous()
        if self.device.type == "cpu":
            return torch.from_numpy(_look_up(np.ascontiguousarray(stored.numpy()), table.numpy()))
        return table.gather(0, stored.to(torch.long, memory_format=torch.contiguous_format).view(-1, 3)).view(
            stored.shape
        )


def flags_of(code: Tensor) -> Tensor:
    """What each code value (...) says of its channel: the bits OVER, LIT and ABOVE_BLACK, uint8."""
    return (
        (code > OVER_START).to(torch.uint8) * OVER
        | (code >= UNDER_START).to(torch.uint8) * LIT
        | (code > CRUSHED + _EPSILON).to(torch.uint8) * ABOVE_BLACK
    )


def _linearized(code: Tensor, response: ResponseCurve) -> Tensor:
    """(..., W, 3) codes to light, channels last."""
    return response.linearize(code.permute(2, 0, 1)[None])[0].permute(1, 2, 0).contiguous()


def _look_up(stored: np.ndarray, table: np.ndarray) -> np.ndarray:
    """(h, W, 3) integers and (K, 3) table. Ten times quicker than indexing with tensors."""
    import cv2

    if stored.dtype == np.uint8:
        out = cv2.LUT(stored, table.reshape(1, 256, 3))
        return out.reshape(stored.shape)  # OpenCV drops axes of length 1
    return np.stack([np.take(table[:, c], stored[..., c]) for c in range(3)], -1)
