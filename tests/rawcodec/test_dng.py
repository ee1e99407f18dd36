"""A DNG is read back by LibRaw."""

import numpy as np
import pytest

from hdrrecon.rawcodec.description import Description

rawpy = pytest.importorskip("rawpy")
pytest.importorskip("tifffile")
MATRIX = np.array([[1.7, -0.6, -0.1], [-0.2, 1.5, -0.3], [0.0, -0.5, 1.5]])
FACTS = Description(512, 15000, (2.0, 1.0, 1.5), MATRIX, 6, "GBRG", 0.4)


def test_a_dng_is_read_back_by_libraw(tmp_path):
    from hdrrecon.rawcodec.dng import encode_dng

    raw = np.random.default_rng(0).random((40, 56, 3)).astype(np.float32)
    path = tmp_path / "out.dng"
    path.write_bytes(encode_dng(raw, FACTS))
    with rawpy.imread(str(path)) as file:
        assert file.sizes.flip == 6
        np.testing.assert_allclose(
            np.array(file.camera_whitebalance[:3]) / file.camera_whitebalance[1], FACTS.gains, rtol=1e-4
        )
        out = file.postprocess(
            gamma=(1, 1), no_auto_bright=True, output_bps=16, user_wb=[1, 1, 1, 1], user_flip=0,
            output_color=rawpy.ColorSpace.raw, adjust_maximum_thr=0.0,
        )  # fmt: skip
    np.testing.assert_allclose(out / 65535, raw, atol=2e-5)
