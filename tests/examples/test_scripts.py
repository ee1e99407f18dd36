"""The example scripts, run as a reader would, on small inputs."""

import importlib.util
import sys
import types
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import hdrrecon
from hdrrecon.camera.masks import over_mask
from tests.conftest import needs_weights

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def load(name: str):
    """A script as a module."""
    spec = importlib.util.spec_from_file_location(Path(name).stem + "_example", EXAMPLES / name)
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)  # dataclasses look there
    spec.loader.exec_module(module)
    return module


def test_panorama_to_hdri(tmp_path, capsys):
    needs_weights()
    import OpenEXR

    load("panorama_to_hdri.py").main(["-o", str(tmp_path / "new/p.exr"), "--response", "srgb"])
    text = capsys.readouterr().out
    assert text.count("strongest source  longitude +50.0 deg, latitude +35.0") >= 1 and text.count("sun to sky") == 3
    with OpenEXR.File(str(tmp_path / "new/p.exr")) as file:
        assert file.header()["envmap"] == OpenEXR.ENVMAP_LATLONG
    assert hdrrecon.read(tmp_path / "new/p.exr").shape[:2] == (256, 512) and (tmp_path / "new/p.html").exists()


def test_the_own_panorama_is_what_its_docstring_says():
    from hdrrecon.view import light_report

    light = load("panorama_to_hdri.py").own_panorama()
    report = light_report(light)
    assert abs(report.longitude_deg - 50) < 0.5 and abs(report.latitude_deg - 35) < 0.5 and light.shape == (256, 512, 3)


def test_lighting_proof_of_a_true_sun(tmp_path, capsys, monkeypatch):
    """With a reconstruction that knows the truth: no error, and the shadow contrast of the truth."""
    pytest.importorskip("mitsuba")
    proof, light = load("lighting_proof.py"), load("panorama_to_hdri.py").own_panorama(64)
    (tmp_path / "hdris").mkdir()
    hdrrecon.write(tmp_path / "hdris/sun.exr", light, dtype="float")
    truths, asked = [], []
    photograph = proof.photograph
    monkeypatch.setattr(
        proof, "photograph", lambda hdri, percent: truths.append(photograph(hdri, percent)) or truths[-1]
    )

    def knows(code, *, highlights, sun="auto", **_):
        asked.append((highlights, sun))
        truth = truths[-1][1]
        return truth if (highlights, sun) == ("energy", "auto") else np.minimum(truth, 2)

    monkeypatch.setattr(proof.hdrrecon, "Reconstructor", lambda model, device: knows)
    folders = ["-o", str(tmp_path / "out"), "--cache", str(tmp_path / "kept")]
    arguments = [str(tmp_path / "hdris"), *folders, "--width", "48", "--samples", "64"]
    proof.main(arguments)
    first = capsys.readouterr().out
    row = [float(cell) for cell in first.splitlines()[-1].split()[1:]]
    ldr, median, no_sun, energy = row[:4]
    assert asked == [("median", "auto"), ("energy", "off"), ("energy", "auto")]
    assert energy == 0 and min(ldr, median, no_sun) > 5
    assert row[-2] == row[-1] and row[-1] > 1.1 * row[8], (
        "the shadow is that of the truth, and darker than without a sun"
    )
    assert (tmp_path / "out/lighting_proof.jpg").exists()
    monkeypatch.setattr("mitsuba.render", None)
    proof.main(arguments)
    assert capsys.readouterr().out == first, "no second rendering"


@pytest.fixture
def gallery(monkeypatch):
    """The script with a reconstruction that has no weights: light 8 times the clip level where the photo clips."""
    script = load("gallery.py")

    def rebuild(photo, *, highlights="median", **_):
        code = (
            photo / np.float32(255)
            if isinstance(photo, np.ndarray)
            else np.asarray(hdrrecon.read(photo)) / np.float32(255)
        )
        linear = script.srgb_to_linear(code)
        over = over_mask(code)
        return SimpleNamespace(
            radiance=linear * (1 + 7 * over), linear=linear, masks={"over": over}, confidence=1 - over.max(axis=-1)
        )

    monkeypatch.setattr(script.hdrrecon, "Reconstructor", lambda model, device: rebuild)
    return script


def test_gallery_shows_what_clipped_and_at_what_exposure(gallery, tmp_path, capsys):
    gallery.main(["sunset", "limit_texture", "-o", str(tmp_path / "new")])
    assert sorted(p.name for p in (tmp_path / "new").iterdir()) == ["limit_texture.jpg", "sunset.jpg"]
    picture = gallery.PICTURES["sunset"](gallery.hdrrecon.Reconstructor("full", "cpu"))
    height, width = (n // 2 for n in picture.shape[:2])
    plain, ours = picture[:height, width // 2 : width], picture[:height, 3 * width // 2 :]
    assert plain[30:].max() < 130 and ours[30:].max() > 240, (
        "at -3 stops the clip level is grey, what is eight times as bright is white"
    )
    pink = (picture[height + 30 :, : width // 2].astype(int) @ [1, -2, 1] > 150).mean()
    assert 0.002 < pink < 0.1, "what was inferred is marked"
    with pytest.raises(SystemExit):
        gallery.main(["no_such_picture"])


def test_every_picture_of_the_pages_is_made_and_every_made_one_is_shown():
    import re

    pages = [(EXAMPLES.parent / name).read_text() for name in ("README.md", "docs/gallery.md", "docs/limits.md")]
    shown = re.findall(r"\((?:docs/)?pictures/(\w+)\.jpg\)", "".join(pages))
    assert sorted(shown) == sorted(load("gallery.py").PICTURES)
    assert all((EXAMPLES.parent / "docs/pictures" / f"{name}.jpg").exists() for name in shown)


def test_every_photo_has_its_source_and_licence():
    readme = (EXAMPLES / "photos/README.md").read_text()
    assert all(
        path.stem.removesuffix("_truth") in readme for path in (EXAMPLES / "photos").iterdir() if path.suffix != ".md"
    )


def test_views_of_panoramas(tmp_path, capsys):
    script = load("make_views.py")
    light = load("panorama_to_hdri.py").own_panorama(64)
    (tmp_path / "in").mkdir(), (tmp_path / "out").mkdir()
    for view in script.VIEWS.values():
        hdrrecon.write(tmp_path / f"in/{view.panorama}.exr", light)
    script.main(str(tmp_path / "in"), str(tmp_path / "out"))
    for name, view in script.VIEWS.items():
        code, truth = hdrrecon.read(tmp_path / f"out/{name}.jpg"), hdrrecon.read(tmp_path / f"out/{name}_truth.exr")
        assert code.shape == truth.shape == (320, 480, 3)
        assert 100 * (truth.max(axis=-1) > 1).mean() == pytest.approx(view.clip_percent, abs=1.5)


def test_comfyui_nodes(tmp_path, monkeypatch):
    import torch

    needs_weights()
    module = load("comfyui/__init__.py")
    node, save = (module.NODE_CLASS_MAPPINGS[name]() for name in ("hdrreconPhotoToHDR", "hdrreconSaveEXR"))
    image = torch.rand(2, 40, 56, 3, generator=torch.Generator().manual_seed(0))
    image[:, 10:20, 10:20] = 1.0
    light, confidence = getattr(node, node.FUNCTION)(image, hdrrecon.list_models()[0], "srgb", "energy")
    assert light.shape == (2, 40, 56, 3) and confidence.shape == (2, 40, 56) and light[:, 12:18, 12:18].min() >= 1
    assert set(node.INPUT_TYPES()["required"]) == {"image", "model", "response", "highlights"}
    folder_paths = types.ModuleType("folder_paths")
    folder_paths.get_output_directory = lambda: str(tmp_path)
    folder_paths.get_save_image_path = lambda prefix, folder: (folder, prefix, 7, "", prefix)
    monkeypatch.setitem(sys.modules, "folder_paths", folder_paths)
    assert getattr(save, save.FUNCTION)(light, "hdr", True) == {}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["hdr_00007_.exr", "hdr_00008_.exr"]
    assert np.array_equal(hdrrecon.read(tmp_path / "hdr_00008_.exr"), light[1].numpy())


class Anything:
    """Stands for bpy: remembers what was done to it."""

    def __init__(self):
        self.made, self.links = [], []
        self.nodes = SimpleNamespace(
            clear=lambda: self.made.clear(),
            new=lambda kind: (
                self.made.append(kind)
                or SimpleNamespace(outputs={"Color": kind, "Background": kind}, inputs={"Color": kind, "Surface": kind})
            ),
        )
        self.node_tree = SimpleNamespace(
            nodes=self.nodes, links=SimpleNamespace(new=lambda a, b: self.links.append((a, b)))
        )


@pytest.fixture
def blender(monkeypatch):
    bpy, extras, utils = (types.ModuleType(name) for name in ("bpy", "bpy_extras", "bpy_extras.io_utils"))
    bpy.types = SimpleNamespace(Operator=type("Operator", (), {}))
    bpy.data = SimpleNamespace(
        images=SimpleNamespace(
            load=lambda path, check_existing: SimpleNamespace(path=path, colorspace_settings=SimpleNamespace(name=""))
        )
    )
    utils.ImportHelper = type("ImportHelper", (), {})
    for module in (bpy, extras, utils):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return load("blender_world.py")


def test_blender_world(blender, tmp_path, monkeypatch):
    """In a stand-in for Blender: the photo is reconstructed and its light wired to the world."""
    world, calls = Anything(), []
    monkeypatch.setattr(
        blender.subprocess,
        "run",
        lambda command, **_: calls.append(command) or SimpleNamespace(returncode=0, stderr=""),
    )
    blender.light_world(world, blender.reconstruct(tmp_path / "p.jpg"))
    assert calls[0][1:5] == ["-m", "hdrrecon", "run", str(tmp_path / "p.jpg")] and calls[0][-2:] == [
        "--sun",
        "auto",
    ]
    assert world.links == [
        ("ShaderNodeTexEnvironment", "ShaderNodeBackground"),
        ("ShaderNodeBackground", "ShaderNodeOutputWorld"),
    ]


def test_blender_gets_a_world_where_a_scene_has_none(blender, tmp_path, monkeypatch):
    world, operator = Anything(), blender.LightFromPhoto()
    blender.bpy.data.worlds = SimpleNamespace(new=lambda name: world)
    monkeypatch.setattr(blender.subprocess, "run", lambda command, **_: SimpleNamespace(returncode=0, stderr=""))
    operator.filepath, context = str(tmp_path / "p.jpg"), SimpleNamespace(scene=SimpleNamespace(world=None))
    assert operator.execute(context) == {"FINISHED"} and context.scene.world is world and len(world.links) == 2


def test_blender_says_what_went_wrong(blender, tmp_path, monkeypatch):
    monkeypatch.setattr(blender, "PYTHON", sys.executable)
    operator, reported = blender.LightFromPhoto(), []
    operator.filepath, operator.report = str(tmp_path / "none.jpg"), lambda kind, text: reported.append((kind, text))
    context = SimpleNamespace(scene=SimpleNamespace(world=Anything()))
    assert operator.execute(context) == {"CANCELLED"} and "none.jpg" in reported[0][1]
