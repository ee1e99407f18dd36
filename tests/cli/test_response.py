"""`hdrrecon response`: what it prints, saves and draws, and how it fails."""

import cv2
import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from hdrrecon.camera.response import ResponseCurve
from hdrrecon.cli.options import response_of
from hdrrecon.cli.response import response
from hdrrecon.estimate import estimate_response
from hdrrecon.networks.linearize.crf_net import CrfConfig
from hdrrecon.train.loop import save_weights
from hdrrecon.train.tasks.crf_net import RegressCurveTask
from hdrrecon.zoo import load_file

root = typer.Typer()
root.command()(response)
root.command("other")(lambda: None)


def test_command_line(small_photo, tmp_path, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    photo, weights, plot = tmp_path / "photo.png", tmp_path / "w.safetensors", tmp_path / "curve.png"
    cv2.imwrite(str(photo), small_photo[..., ::-1])
    task = RegressCurveTask(CrfConfig(patch_px=64, patches=2, candidates=4))
    save_weights(weights, task.network().state_dict(), task.metadata())
    options = ["--weights", str(weights), "--device", "cpu"]

    def run(*words):
        return CliRunner().invoke(root, ["response", *words])

    saved = tmp_path / "curve.json"
    short = run(str(photo), *options, "--save", str(saved))
    curve = ResponseCurve.load(saved)
    assert (
        short.exit_code == 0 and curve.facts["spread"].shape == (1024,) and response_of(str(saved)).name == "estimate"
    )
    np.testing.assert_array_equal(
        curve.inverse, estimate_response(photo, network=load_file(weights), device="cpu").inverse
    )
    with pytest.raises(ValueError, match="holds no camera response"):
        ResponseCurve.load(photo)
    with pytest.raises(ValueError, match="choose one of estimate, srgb, camera, or a file"):
        response_of(str(tmp_path / "none.json"))
    assert "128 x 96 pixels" in short.output and "family:" in short.output and "confidence: " in short.output
    swapped = run("--plot", str(plot), *options, str(photo))
    assert swapped.exit_code == 0 and cv2.imread(str(plot)).shape == (550, 1100, 3)
    assert run(str(tmp_path / "none.jpg"), *options).exit_code == 1
    for wrong, words in (
        (["--weights", str(photo)], "no safetensors file"),
        (["--device", "cuda"], "no CUDA GPU"),
        (["--model", "x"], "there are: full"),
    ):
        told = run(str(photo), *wrong)
        assert (
            told.exit_code == 1
            and told.output.startswith("error: ")
            and words in told.output
            and told.output.count("\n") == 1
        )
    assert run(str(photo), *options, "--plot", "curve.pdf").exit_code == 2
