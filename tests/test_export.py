"""Exported networks answer as the originals do, at sizes they were not traced with. ONNX where onnxruntime is
installed."""

import json
from functools import cache
from pathlib import Path

import pytest
import torch
from torch import nn
from typer.testing import CliRunner

from hdrrecon import export
from hdrrecon.cli.main import app
from hdrrecon.networks.linearize.linearization_net import LinearizationConfig, LinearizationNet
from hdrrecon.networks.linearize.response_net import ResponseConfig, ResponseNet
from hdrrecon.networks.restore.colour_hints import MAPS
from hdrrecon.networks.restore.masked_features import MaskedFeatures, MaskedFeaturesConfig
from hdrrecon.pipeline.pipeline import HDRPipeline
from tests.conftest import needs_weights


class Corrects(nn.Module):
    """A refining network as the pipeline wants it."""

    multiple_of = 2
    config = MaskedFeaturesConfig(working_px=64)

    def __init__(self):
        super().__init__()
        self.down, self.up = nn.Conv2d(9, 8, 2, 2), nn.Conv2d(8, 3, 3, 1, 1)

    def correct(self, code, linear, radiance):
        deep = self.up(self.down(torch.cat([code, linear, radiance], 1)))
        return nn.functional.interpolate(deep, scale_factor=2.0, mode="nearest")


@cache
def parts() -> list[export.Part]:
    torch.manual_seed(0)
    masked = MaskedFeatures(MaskedFeaturesConfig(widths=(8, 16), kernels=(5, 3), recognise=0, features=4, head=8))
    nn.init.normal_(masked.head[-1].weight, std=0.3)
    response = ResponseNet(ResponseConfig(hidden=(8,)))
    nn.init.normal_(response.curves.weight, std=0.3)
    return [
        *export.restore_parts(masked.eval()),
        *export.refine_parts(Corrects()),
        *export.response_parts(response.eval()),
    ]


@cache
def program(index: int):
    """Tracing a network for sizes of any kind takes seconds: once for all tests."""
    return export.exported(parts()[index])


NAMES = ["look", "answer", "refine", "response"]
each_part = pytest.mark.parametrize("index", range(len(NAMES)), ids=NAMES)


def inputs(part: export.Part, times: int) -> list[torch.Tensor]:
    """Random inputs, free axes `times` as long, columns one step longer still."""

    def longer(axis, size):
        return size * times + (part.multiple_of if axis == 3 else 0)

    def size(name, value):
        return [longer(i, n) if i in part.axes.get(name, {}) else n for i, n in enumerate(value.shape)]

    return [torch.rand(size(name, value)) for name, value in part.inputs.items()]


@each_part
def test_torch_export_answers_as_the_network_does_at_other_sizes(index):
    part, module = parts()[index], program(index).module()
    for times in (1, 2, 3):
        given = inputs(part, times)
        with torch.no_grad():
            wanted, got = part.module(*given), module(*given)
        assert len(got) == len(part.outputs)
        for a, b in zip(got, wanted):
            torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


@each_part
def test_sizes_are_calculated_as_onnx_can(index):
    """Without onnx installed, too: it has no rounding of sizes, and convolutions pad by fixed widths."""
    for node in program(index).graph.nodes:
        assert node.target is not round
        if node.target is torch.ops.aten.conv2d.default:
            assert all(isinstance(width, int) for argument in node.args[4:5] for width in argument)


def onnx_deviation(part: export.Part, path: Path, inputs: list[torch.Tensor]) -> float:
    """Largest difference between the part in torch and its file in onnxruntime, relative where values exceed 1."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    got = session.run(list(part.outputs), {name: value.numpy() for name, value in zip(part.inputs, inputs)})
    with torch.no_grad():
        wanted = part.module(*inputs)
    return max(float(((torch.from_numpy(g) - w).abs() / w.abs().clamp(min=1)).max()) for g, w in zip(got, wanted))


@each_part
def test_onnxruntime_answers_as_torch_does_at_other_sizes(index, tmp_path):
    pytest.importorskip("onnxruntime", reason='needs: pip install "hdrrecon[export]"')
    part = parts()[index]
    path = export.write_part(part, tmp_path / "part.onnx", "onnx")
    assert [p.name for p in tmp_path.iterdir()] == ["part.onnx"], "weights lie inside"
    for times in (1, 2, 3):
        assert onnx_deviation(part, path, inputs(part, times)) < 1e-4


def test_the_parts_put_together_by_the_recipe_are_the_pipeline(small_photo):
    """A clipped photo through the exported graphs and plain arithmetic, against `HDRPipeline`."""
    from hdrrecon.camera.masks import over_mask
    from hdrrecon.camera.response import ResponseCurve
    from hdrrecon.networks.restore.features import Seen

    net = parts()[0].module.network
    code = torch.from_numpy(small_photo).permute(2, 0, 1)[None] / 255  # 96 x 128: already at the working size
    curve = ResponseCurve.srgb()
    look, answer = program(0).module(), program(1).module()
    linear = curve.linearize(code)
    (deep,) = look(*Seen.at(code, linear, 128))
    deep = nn.functional.interpolate(deep, code.shape[-2:], mode="bilinear")

    def flat(x):
        return x.reshape(1, x.shape[1], -1, 1)

    median = answer(flat(code), flat(linear), flat(deep))[0].reshape(linear.shape)
    got = linear * torch.exp2(over_mask(code) * median)
    wanted = HDRPipeline(None, net)(code, curve).radiance
    assert wanted.max() > 1.1 and ((got - wanted).abs() / wanted.clamp(min=1)).max() < 1e-4


def test_files_and_recipe_of_a_whole_model(tmp_path):
    needs_weights()
    result = CliRunner().invoke(app, ["export", "-o", str(tmp_path / "new"), "--model", "linearize", "--format", "pt2"])
    assert result.exit_code == 0, result.output
    recipe = json.loads((tmp_path / "new" / "recipe.json").read_text())
    assert recipe["model"] == "linearize" and set(recipe["parts"]) == {
        p.stem for p in (tmp_path / "new").glob("*.pt2")
    } == {"response"}
    assert recipe["parts"]["response"]["outputs"] == ["inverse", "family_logits"] and recipe["licence"]


def test_free_axes_are_named_in_the_recipe():
    look, answer = export.restore_parts(
        MaskedFeatures(MaskedFeaturesConfig(widths=(8, 16), kernels=(5, 3), recognise=0, features=4, head=8)).eval()
    )
    assert look.facts()["multiple_of"] == 4 and look.facts()["inputs"]["under"] == ["1", "1", "4*rows", "4*columns"]
    assert answer.facts()["inputs"]["deep"] == ["1", str(4 + 1 + MAPS), "pixels", "1"]


def test_what_cannot_be_exported_says_why():
    with pytest.raises(ValueError, match="pieces of a photo"):
        export.response_parts(LinearizationNet(LinearizationConfig(crop_px=48, crops=1, widths=(8, 8, 8, 16))))
    result = CliRunner().invoke(app, ["export", "-o", "x", "--format", "tflite"])
    assert result.exit_code == 2 and "onnx, pt2" in result.stderr


def test_a_missing_extra_is_said_in_one_sentence(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "onnxscript", None)
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ModuleNotFoundError, match=r'pip install "onnx'):
        export.write_export(HDRPipeline(None, None), tmp_path / "new")
    assert not (tmp_path / "new").exists()
