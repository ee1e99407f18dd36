import numpy as np
import pytest

from hdrrecon.metrics import KINDS, clipped_kinds, score


@pytest.fixture
def scene():
    """(200, 300, 3) dim ground with a lamp, a white wall, a fence of bright posts and a bright, rough piece of
    water."""
    rng = np.random.default_rng(0)
    light = np.full((200, 300, 3), 0.2, np.float32)
    y, x = np.mgrid[:200, :300]
    light[np.hypot(y - 40, x - 40) < 5] = 500
    light[20:80, 100:180] = 2 + x[20:80, 100:180, None] / 300
    light[60:140, 20:60:4] = 3
    light[120:180, 150:280] = 1.5 * 2 ** rng.random((60, 130, 1))
    return light


def test_each_clipped_pixel_has_one_kind_and_it_is_the_right_one(scene):
    clipped = scene.max(2) >= 1
    kinds = clipped_kinds(clipped, scene)
    assert np.array_equal(sum(kinds[k].astype(int) for k in KINDS), clipped.astype(int))
    assert kinds["source"][40, 40] and kinds["source"].sum() == (scene[..., 0] == 500).sum()
    assert kinds["flat"][20:80, 100:180].all() and kinds["flat"].sum() == 60 * 80
    assert kinds["textured"][100, 20] and kinds["textured"][120:180, 150:280].all()


def test_kinds_do_not_depend_on_turning(scene):
    clipped = scene.max(2) >= 1
    kinds, turned = clipped_kinds(clipped, scene), clipped_kinds(np.rot90(clipped), np.rot90(scene))
    for kind in KINDS:
        assert (np.rot90(kinds[kind]) ^ turned[kind]).sum() <= 2


def test_a_sun_in_a_clipped_sky_is_a_source_and_its_sky_is_flat():
    y, x = np.mgrid[:200, :300]
    light = np.where(y < 120, 1.5, 0.2)[..., None] * np.ones(3)
    light[np.hypot(y - 50, x - 90) < 4] = 3000
    light[150, 200] = 9  # a glint
    kinds = clipped_kinds(light.max(2) >= 1, light)
    assert np.array_equal(kinds["source"], light[..., 0] == 3000)
    assert np.array_equal(kinds["flat"], light[..., 0] == 1.5) and kinds["textured"].sum() == 1


@pytest.mark.parametrize("fill", [False, True])
def test_nothing_clipped_and_everything_clipped(fill):
    clipped = np.full((50, 60), fill)
    kinds = clipped_kinds(clipped, np.full((50, 60, 3), 1 + fill))
    assert kinds["flat"].all() == fill and not kinds["source"].any() and not kinds["textured"].any()


def test_an_error_is_found_in_the_kind_where_it_was_made(scene):
    """A lamp eight times too dark leaves the error of walls and water at zero."""
    photo = np.rint(255 * np.clip(scene, 0, 1) ** (1 / 2.2)).astype(np.uint8)
    wrong = np.where(scene == 500, scene / 8, scene)
    found = score(wrong, scene, photo)
    assert found["clipped_source_log_rmse"] == pytest.approx(3) and found["clipped_source_bias"] == pytest.approx(-3)
    for kind in ("flat", "textured"):
        assert found[f"clipped_{kind}_log_rmse"] == pytest.approx(0, abs=1e-6)
