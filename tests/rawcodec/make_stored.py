"""Makes the stored streams of `test_stored.py`: run once per version of the format, never to make a failing test pass.

python -m tests.rawcodec.make_stored
"""

import json
import zlib
from pathlib import Path

import numpy as np

from hdrrecon import rawcodec
from tests.rawcodec.conftest import photograph

STORED = Path(__file__).parent / "stored"
CASES = {"baseline": ((72, 104), {}, 0.5), "progressive": ((41, 67), {"progressive": True, "quality": 75}, 1.5)}


def sampled(raw: np.ndarray) -> list:
    """Every ninth pixel of a decoded raw, four decimals: its last bits may differ between processors."""
    return np.round(raw[::9, ::9].astype(float), 4).tolist()


def symbols_crc(jpeg: bytes, stream: bytes) -> int:
    """CRC-32 of the decoded latents: must agree to the bit."""
    from hdrrecon.rawcodec.base_stage import decode_base
    from hdrrecon.rawcodec.bitstream import read_header
    from hdrrecon.rawcodec.guide import jpeg_guide
    from hdrrecon.rawcodec.latent_stage import decode_latents, guide_inputs
    from hdrrecon.rawcodec.model import shipped_model

    header, base, position = read_header(stream)
    _, grid = decode_base(shipped_model(), header, base)
    latents, _ = decode_latents(shipped_model(), header, guide_inputs(jpeg_guide(jpeg), grid), stream, position)
    return zlib.crc32(np.ascontiguousarray(latents.values, "<i2").tobytes())


if __name__ == "__main__":
    facts = {}
    for name, (size, options, bpp) in CASES.items():
        raw, jpeg = photograph(*size, **options)
        stream = rawcodec.encode(raw, jpeg, bpp)
        (STORED / f"{name}.jpg").write_bytes(rawcodec.embed(jpeg, stream))
        facts[name] = {"latents": symbols_crc(jpeg, stream), "raw": sampled(rawcodec.decode(jpeg, stream))}
    (STORED / "facts.json").write_text(json.dumps(facts) + "\n")
