"""The example scripts, run as a reader would, on small inputs."""
import importlib.util
import sys
import types
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import hdrrecon
from tests.conftest import needs_weights

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def load(name: str):
    """A script as a module."""
    spec = importlib.util.spec_from_file_location(Path(name).stem + "_example", EXAMPLES / name)
    module = importlib.util.module_from_spec(spec)
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
    hdrrecon.write(tmp_path / "sun.exr", light, dtype="float")
    truths = []
    photograph = proof.photograph
    monkeypatch.setattr(proof, "photograph", lambda hdri, percent: truths.append(photograph(hdri, percent)) or truths[-1])
    monkeypatch.setattr(proof.hdrrecon, "reconstruct", lambda code, **_: SimpleNamespace(
        radiance=truths[-1][1], linear=np.minimum(truths[-1][1], 1)))
    proof.main([str(tmp_path / "sun.exr"), "-o", str(tmp_path / "out"), "--width", "48", "--samples", "64"])
    row = [float(cell) for cell in capsys.readouterr().out.splitlines()[-1].split()[1:]]
    ldr, linear, ours = row[:3]
    assert ours == 0 and ldr > 10 and linear > 10 and row[8] == row[9] and row[9] > 1.1 * row[7]
    assert (tmp_path / "out/sun.png").exists()


def test_comfyui_nodes(tmp_path, monkeypatch):
    import torch

    needs_weights()
    module = load("comfyui/__init__.py")
    assert len((EXAMPLES / "comfyui/__init__.py").read_text().splitlines()) <= 60
    node, save = (module.NODE_CLASS_MAPPINGS[name]() for name in ("hdrreconPhotoToHDR", "hdrreconSaveEXR"))
    image = torch.rand(2, 40, 56, 3, generator=torch.Generator().manual_seed(0))
    image[:, 10:20, 10:20] = 1.0
    light, confidence = getattr(node, node.FUNCTION)(image, hdrrecon.list_models()[0], "srgb")
    assert light.shape == (2, 40, 56, 3) and confidence.shape == (2, 40, 56) and light[:, 12:18, 12:18].min() >= 1
    assert set(node.INPUT_TYPES()["required"]) == {"image", "model", "response"}
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
        self.nodes = SimpleNamespace(clear=lambda: self.made.clear(), new=lambda kind: self.made.append(kind) or SimpleNamespace(
            outputs={"Color": kind, "Background": kind}, inputs={"Color": kind, "Surface": kind}))
        self.node_tree = SimpleNamespace(nodes=self.nodes, links=SimpleNamespace(new=lambda a, b: self.links.append((a, b))))


@pytest.fixture
def blender(monkeypatch):
    bpy, extras, utils = (types.ModuleType(name) for name in ("bpy", "bpy_extras", "bpy_extras.io_utils"))
    bpy.types = SimpleNamespace(Operator=type("Operator", (), {}))
    bpy.data = SimpleNamespace(images=SimpleNamespace(load=lambda path, check_existing: SimpleNamespace(
        path=path, colorspace_settings=SimpleNamespace(name=""))))
    utils.ImportHelper = type("ImportHelper", (), {})
    for module in (bpy, extras, utils):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return load("blender_world.py")


def test_blender_world(blender, tmp_path, monkeypatch):
    """In a stand-in for Blender: the photo is reconstructed and its light wired to the world."""
    world, calls = Anything(), []
    monkeypatch.setattr(blender.subprocess, "run", lambda command, **_: calls.append(command) or SimpleNamespace(returncode=0, stderr=""))
    blender.light_world(world, blender.reconstruct(tmp_path / "p.jpg"))
    assert calls[0][1:5] == ["-m", "hdrrecon", "run", str(tmp_path / "p.jpg")]
    assert world.links == [("ShaderNodeTexEnvironment", "ShaderNodeBackground"), ("ShaderNodeBackground", "ShaderNodeOutputWorld")]


def test_blender_says_what_went_wrong(blender, tmp_path, monkeypatch):
    monkeypatch.setattr(blender, "PYTHON", sys.executable)
    operator, reported = blender.LightFromPhoto(), []
    operator.filepath, operator.report = str(tmp_path / "none.jpg"), lambda kind, text: reported.append((kind, text))
    context = SimpleNamespace(scene=SimpleNamespace(world=Anything()))
    assert operator.execute(context) == {"CANCELLED"} and "none.jpg" in reported[0][1]
