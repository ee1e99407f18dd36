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


def test_tags_say_what_the_specification_asks_for():
    """Adobe DNG 1.4: neutral is what a grey card gives in camera RGB; the matrix brings XYZ there."""
    import io

    import tifffile

    from hdrrecon.color import REC709_TO_XYZ
    from hdrrecon.rawcodec.dng import encode_dng

    data = encode_dng(np.array([[[-1, 0.5, 2]]], np.float32), FACTS)
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        tags = {tag.code: tag.value for tag in file.pages[0].tags.values()}
        codes = file.pages[0].asarray()

    def numbers(tag):
        return np.array(tag[::2]) / np.array(tag[1::2])

    assert bytes(tags[50706]) == b"\x01\x04\0\0" and tags[262] == 34892 and tags[274] == FACTS.orientation
    neutral = numbers(tags[50728])
    assert neutral * FACTS.gains == pytest.approx(1, abs=1e-5)
    white = numbers(tags[50721]).reshape(3, 3) @ REC709_TO_XYZ @ MATRIX @ np.ones(3)
    assert white == pytest.approx(neutral, abs=1e-4)
    assert codes.tolist() == [[[0, 32768, 65535]]], "light is kept within black and white"
