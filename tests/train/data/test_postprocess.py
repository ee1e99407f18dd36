"""Photos after a life: still photos."""

import numpy as np

from hdrrecon.train.data.postprocess import SMALLEST_PX, as_bytes, as_float, handled, recoded


def test_a_handled_photo_is_a_photo_of_whole_codes(small_photo):
    code = as_float(np.tile(small_photo, (4, 4, 1))[:300, :260])
    for seed in range(12):
        out = handled(code, np.random.default_rng(seed))
        assert out.dtype == np.float32 and out.shape[2] == 3 and 0 <= out.min() and out.max() <= 1
        assert min(out.shape[:2]) >= SMALLEST_PX - 1
        np.testing.assert_allclose(out * 255, np.rint(out * 255), atol=1e-4)
        assert abs(float(out.mean()) - float(code.mean())) < 0.1


def test_the_same_seed_gives_the_same_life(small_photo):
    code = as_float(np.tile(small_photo, (4, 4, 1))[:256, :256])
    np.testing.assert_array_equal(handled(code, np.random.default_rng(3)), handled(code, np.random.default_rng(3)))


def test_recoding_keeps_colours_in_place():
    image = np.zeros((64, 64, 3), np.uint8)
    image[:] = (200, 120, 40)
    assert np.abs(recoded(image, 95).astype(int) - image).max() <= 3
    np.testing.assert_array_equal(as_bytes(as_float(image)), image)
