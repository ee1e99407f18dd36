"""The light budget's training: cases that add up to what the picture would give, and a fit that tells suns from
clouds."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from hdrrecon import zoo
from hdrrecon.latlong import SUN_SR, directions, pixel_solid_angle
from hdrrecon.metrics.panorama_light import light_figures
from hdrrecon.networks.restore.light_budget import KINDS
from hdrrecon.networks.restore.panorama_statistics import find_source
from hdrrecon.train.data import panoramas as data
from hdrrecon.train.tasks import light_budget as task

HEIGHT = 128


def scene(
    name: str, sun: float = 0.0, elevation_deg: float = 40.0, ground: float = 0.1, glow_deg: float = 8.0
) -> data.Panorama:
    """A sky over ground, with a sun of illuminance `sun` and its glare, or with a bright cloud in its place."""
    north = np.radians(elevation_deg)
    vectors = directions(HEIGHT)
    away = np.degrees(np.arccos(np.clip(vectors @ [0, np.sin(north), np.cos(north)], -1, 1)))
    light = np.where(vectors[..., 1] > 0, 0.25 + 1.5 * np.exp(-away / glow_deg), ground)
    if sun:
        disc = away < 1
        light = light + disc * sun / float((disc * pixel_solid_angle(HEIGHT)).sum())
    colour = np.array([0.8, 1.0, 1.3]) if sun else np.array([1.0, 1.0, 1.0])
    return data.Panorama(name, (light[..., None] * colour).astype(np.float32))


def case_of(panorama: data.Panorama, clip: float = 1.0, energy: float = 1.5):
    """A photo through a perfect camera, and what it teaches: code, truth, linear, energy, case."""
    truth = panorama.light * clip
    linear = np.clip(truth, 0, 1)
    code = np.rint(255 * linear).astype(np.uint8)
    restored = np.where(linear >= 250 / 255, energy * linear, linear)
    return code, truth, linear, restored, data.measured_case(code, truth, linear, restored, panorama)


def as_cases(found: list[dict], names: list[str]) -> task.Cases:
    def stacked(name: str) -> torch.Tensor:
        return torch.from_numpy(np.stack([case[name] for case in found]))

    parts = (
        stacked(n) for n in ("statistics", "ball", "level", "facing", "shaded", "kind", "sun_error_deg", "radius_deg")
    )
    return task.Cases(*parts, np.array(names), torch.ones(len(found)), tuple(found[0]["names"].tolist()))


def test_a_case_adds_up_to_the_figures_of_the_picture():
    """Light adds up: the errors from a case's numbers are those of the picture with that gain and that sun in it."""
    panorama = scene("sunny", sun=3.0)
    code, truth, linear, restored, case = case_of(panorama)
    cases = as_cases([case], ["sunny"])
    found, _ = task.errors(cases, torch.tensor([2.0]), torch.tensor([1.5]))
    picture = linear + 1.5 * (restored - linear)
    toward = find_source((code.min(-1) >= 250).astype(np.float32)).direction
    at = np.unravel_index(int(np.argmax(directions(HEIGHT) @ toward)), code.shape[:2])
    picture[at] += 2.0 / pixel_solid_angle(HEIGHT)[at[0], 0]
    want = light_figures(picture, truth, code)
    got = dict(zip(task.FIGURES, found[0].tolist(), strict=True))
    assert 100 * got["diffuse"] == pytest.approx(want["diffuse"], abs=0.3)
    assert [got[name] for name in task.FIGURES[1:]] == pytest.approx(
        [want[name] for name in task.FIGURES[1:]], abs=0.02
    )


def test_kinds_of_light():
    kinds = {name: int(case_of(panorama)[-1]["kind"]) for name, panorama in {
        "hard sun": scene("a", sun=3.0), "sky": scene("b"), "hazy sun": scene("c", sun=0.4),
        "windows": replace(scene("d", glow_deg=60), place="indoor"),
        "lamps": replace(scene("e", sun=3.0, ground=0.02), place="indoor"),
    }.items()}  # fmt: skip
    assert {name: KINDS[kind] for name, kind in kinds.items()} == {name: name for name in kinds}


def test_a_moon_is_a_sun_and_a_street_lamp_is_none():
    moon = replace(scene("moon", sun=3.0), night=True)
    grey = moon.light.mean(-1, keepdims=True).repeat(3, -1)
    lamp = replace(moon, light=np.ascontiguousarray(grey))
    assert KINDS[int(case_of(moon)[-1]["kind"])] == "hard sun" and KINDS[int(case_of(lamp)[-1]["kind"])] == "lamps"


def test_a_scene_whose_sun_was_clipped_is_left_out(tmp_path):
    from hdrrecon import io

    for name in ("good", "clipped"):
        io.write(tmp_path / f"{name}.exr", np.full((data.HEIGHT, 2 * data.HEIGHT, 3), 0.5, np.float32))
    (tmp_path / "scenes.csv").write_text("name,place,night,sun\ngood,indoor,1,\nclipped,outdoor,0,clipped\n")
    (found,) = data.load_panoramas(tmp_path)
    assert (found.name, found.place, found.night) == ("good", "indoor", True)


@pytest.fixture(scope="module")
def few_cases() -> task.Cases:
    found, names = [], []
    for i, ground in enumerate((0.08, 0.12, 0.16, 0.2)):
        for sun in (0.0, 4.0):
            found.append(case_of(scene("x", sun, elevation_deg=30 + 8 * i, ground=ground * (1 + sun)))[-1])
            names.append(f"scene{i}{sun}")
    return as_cases(found, names)


def test_a_fit_tells_suns_from_clouds_and_its_file_rebuilds_the_network(few_cases, tmp_path, capsys):
    recipe = task.BudgetRecipe(steps=120, folds=2, members=2, fold_members=1, dropout=0.0, noise=0.05)
    path = task.fit(few_cases, tmp_path, recipe)
    network = zoo.load_file(path)
    likely, sun, gain = network(few_cases.statistics).decided()
    assert torch.equal(likely > 0.5, few_cases.sunny) and torch.equal(sun > 0, few_cases.sunny)
    assert (gain[~few_cases.sunny] == 1).all()
    plain, _ = task.errors(few_cases, torch.zeros(8), torch.ones(8))
    better, _ = task.errors(few_cases, sun, gain)
    assert better[few_cases.sunny].mean() < 0.5 * plain[few_cases.sunny].mean()
    assert "left out" in capsys.readouterr().out and (tmp_path / "figures.txt").read_text().startswith(
        "8 photos of 8 scenes"
    )


def test_the_sun_has_the_solid_angle_of_half_a_degree():
    assert SUN_SR == pytest.approx(6.7e-5, rel=0.02)
