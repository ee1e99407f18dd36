"""Truth in the file: a photo that carries its raw is decoded, and only what the sensor lost is inferred."""

import numpy as np
import pytest

import hdrrecon
from hdrrecon import rawcodec
from hdrrecon.pipeline.raw_stream import SOURCES
from hdrrecon.rawcodec import StreamWarning
from hdrrecon.rawcodec.description import Description
from tests.rawcodec.conftest import photograph


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    """(path, raw, light in units of the JPEG's white); the lamp's middle clips even the sensor."""
    raw, jpeg = photograph(120, 168)
    raw = np.minimum(raw * np.float32(1.3), 1)
    facts = Description(0, 65535, (1.0, 1.0, 1.0), np.eye(3), jpeg_white=1.3 / 3)
    path = tmp_path_factory.mktemp("photo") / "photo.jpg"
    path.write_bytes(rawcodec.embed(jpeg, rawcodec.encode(raw, jpeg, 0.4, description=bytes(facts))))
    return path, raw, raw / (1.3 / 3)


def stops(light, truth, where):
    return float(np.sqrt(np.mean(np.log2(light[where].mean(-1) / truth[where].mean(-1)) ** 2)))


def test_light_above_white_is_decoded(photo):
    path, raw, truth = photo
    found = hdrrecon.reconstruct(path, details=True)
    bare = rawcodec.remove(path.read_bytes())
    (path.parent / "bare.jpg").write_bytes(bare)
    guessed = hdrrecon.reconstruct(path.parent / "bare.jpg")
    above = (truth.max(-1) > 1.05) & (raw.max(-1) < 0.95)
    assert above.sum() > 100
    assert stops(found.radiance, truth, above) < 0.1 < stops(guessed, truth, above)
    well = (truth.max(-1) < 0.9) & (truth.min(-1) > 0.05)
    assert stops(found.radiance, truth, well) < 0.1
    assert found.confidence[above].mean() > 0.85


def test_every_pixel_says_where_its_light_comes_from(photo):
    path, raw, truth = photo
    found = hdrrecon.reconstruct(path, details=True)
    assert found.source.shape == raw.shape[:2] and found.source.dtype == np.uint8
    names = np.array(SOURCES)[found.source]
    assert (names[raw.max(-1) < 0.2] == "measured").all()
    assert (names[(truth.min(-1) > 1.2) & (raw.max(-1) < 0.9)] == "decoded").all()
    assert (names[raw.min(-1) >= 0.999] == "inferred").mean() > 0.9
    assert (found.radiance[found.source == 2].max(-1) >= 0.97 * truth.max()).all()


def test_without_a_stream_light_is_measured_or_inferred(photo):
    bare = photo[0].parent / "bare2.jpg"
    bare.write_bytes(rawcodec.remove(photo[0].read_bytes()))
    found = hdrrecon.reconstruct(bare, details=True, response="srgb")
    assert set(np.unique(found.source)) == {0, 2}


def test_a_file_comes_out_the_same(photo, tmp_path):
    hdrrecon.reconstruct_file(photo[0], tmp_path / "light.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "light.npy"), hdrrecon.reconstruct(photo[0]))


def test_a_stale_stream_is_not_used_and_says_so(photo, tmp_path):
    from PIL import Image

    stream = rawcodec.extract(photo[0].read_bytes())
    Image.open(photo[0]).save(tmp_path / "resaved.jpg", quality=70)
    rawcodec.side_file(tmp_path / "resaved.jpg").write_bytes(stream)
    with pytest.warns(StreamWarning, match="not used"):
        light = hdrrecon.reconstruct(tmp_path / "resaved.jpg", response="srgb")
    rawcodec.side_file(tmp_path / "resaved.jpg").unlink()
    np.testing.assert_array_equal(light, hdrrecon.reconstruct(tmp_path / "resaved.jpg", response="srgb"))


def test_what_the_sensor_clipped_stays_white(tmp_path):
    """White balance makes the clip levels of the channels differ: a clipped sun must not turn magenta."""
    raw, jpeg = photograph(64, 96)
    raw = (raw / (2.0, 1.0, 1.6)).astype(np.float32)
    raw[20:30, 40:60] = 1
    facts = Description(0, 65535, (2.0, 1.0, 1.6), np.eye(3), jpeg_white=1 / 3)
    path = tmp_path / "sun.jpg"
    path.write_bytes(rawcodec.embed(jpeg, rawcodec.encode(raw, jpeg, 2, description=bytes(facts))))
    found = hdrrecon.reconstruct(path, details=True)
    sun = found.radiance[23:27, 45:55]
    assert (found.source[23:27, 45:55] == 2).all()
    assert sun.min() > 5.5 and (sun[..., 1] > 0.8 * sun.max(-1)).all()
