"""Every shipped weights file is what it says, and every model can be built."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hdrrecon import zoo
from hdrrecon.options import UsageError

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("name", zoo.WEIGHTS)
def test_a_weights_file_is_the_one_that_was_shipped_and_has_a_card(name):
    entry = zoo.WEIGHTS[name]
    path = zoo.weights_path(entry.file)
    assert zoo.sha256(path) == entry.sha256
    card = path.with_suffix(".md").read_text()
    for word in ("Data", "Licence", "Command", "Scores", "Parameters", "Cost"):
        assert f"**{word}" in card, f"{path.stem}.md lacks {word}"
    assert zoo.load(name).training is False


@pytest.mark.parametrize("name", zoo.MODELS)
def test_a_model_builds_and_counts_its_parameters(name):
    from hdrrecon.pipeline.build import build_pipeline

    model = zoo.model_info(name)
    assert sum(p.numel() for p in build_pipeline(name).parameters()) == model.parameters
    assert model.license and model.scores
    assert [card.stem for card in model.cards] == list(model.stages) and all(card.is_file() for card in model.cards)


@pytest.mark.parametrize("name", zoo.MODELS)
def test_a_model_costs_what_it_says(name):
    """Multiply-adds of the networks: counted, not timed, on a photo larger than any network looks at."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from hdrrecon.pipeline.build import build_pipeline

    code = 0.9 * torch.rand(1, 3, 512, 512, generator=torch.Generator().manual_seed(0))
    code[..., 100:102, 100:102] = 1
    with FlopCounterMode(display=False) as counter:
        build_pipeline(name)(code)
    assert counter.get_total_flops() / 2e9 == pytest.approx(zoo.model_info(name).cost, rel=0.15)


@pytest.mark.parametrize("name", zoo.MODELS)
def test_a_licence_names_each_part_once(name):
    parts = zoo.model_info(name).license.split(" AND ")
    assert len(set(parts)) == len(parts)


def test_the_default_is_listed_first_and_patterns_work():
    assert zoo.list_models()[0] == zoo.DEFAULT_MODEL
    assert zoo.list_models("no-such-*") == []


def test_weights_stay_small():
    assert sum(p.stat().st_size for p in (ROOT / "weights").glob("*.safetensors")) < 60e6


def test_unknown_models_name_the_known_ones():
    with pytest.raises(UsageError, match=zoo.DEFAULT_MODEL):
        zoo.model_info("gpt")


def test_a_damaged_file_is_refused(monkeypatch):
    name = next(iter(zoo.WEIGHTS))
    entry = zoo.Weights(zoo.WEIGHTS[name].file, "0" * 64)
    zoo.load.cache_clear()
    monkeypatch.setitem(zoo.WEIGHTS, name, entry)
    with pytest.raises(OSError, match="damaged"):
        zoo.load(name)
    zoo.load.cache_clear()


def test_a_wheel_holds_every_package_and_the_weights(tmp_path):
    """Built without pip, as pip builds it: weights/ lies outside of the package."""
    shutil.copytree(
        ROOT, tmp_path / "src", ignore=shutil.ignore_patterns(".git", "examples", "tests", "docs", ".venv*")
    )
    command = [sys.executable, "setup.py", "-q", "build_py", "--build-lib", str(tmp_path / "lib")]
    subprocess.run(command, cwd=tmp_path / "src", check=True, capture_output=True)
    built = tmp_path / "lib" / "hdrrecon"
    assert {p.name for p in (built / "weights").iterdir()} == {
        p.name for p in (ROOT / "weights").iterdir() if p.suffix in (".safetensors", ".md")
    }
    for file in (ROOT / "hdrrecon").rglob("*"):
        if file.suffix in (".py", ".html", ".js", ".json") or file.name == "py.typed":
            assert (built / file.relative_to(ROOT / "hdrrecon")).is_file(), file


def test_a_refiner_that_stands_alone_brings_its_restorer():
    from hdrrecon.pipeline.build import build_pipeline

    pipeline = build_pipeline("dkpn")
    assert pipeline.restore is pipeline.refine.preliminary is not None


@pytest.mark.parametrize(
    "metadata, words",
    [
        ({"network": "no json"}, "damaged one"),
        ({"network": '["list"]', "config": "{}"}, "is for the network"),
        ({"network": '"restore.masked_features:MaskedFeatures"', "config": '{"widths": "many"}'}, "does not fit"),
        ({"network": '"restore.masked_features:MaskedFeatures"', "config": "{}"}, "does not fit"),
        ({"network": '"restore.masked_features:MaskedFeatures"'}, "does not fit"),
    ],
)
def test_spoilt_weights_of_ones_own_are_named(tmp_path, metadata, words):
    import torch
    from safetensors.torch import save_file

    known = next(name for name in zoo.NETWORKS if name.endswith("MaskedFeatures"))
    metadata = {k: v.replace("restore.masked_features:MaskedFeatures", known) for k, v in metadata.items()}
    save_file({"x": torch.zeros(1)}, tmp_path / "mine.safetensors", metadata)
    with pytest.raises(ValueError, match=f"mine.safetensors.*{words}"):
        zoo.load_file(tmp_path / "mine.safetensors")
