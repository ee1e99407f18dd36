"""The shipped model, its self-test and its identity."""

import json

import pytest
from safetensors.numpy import load_file, save_file

from hdrrecon import zoo
from hdrrecon.rawcodec.errors import StreamError
from hdrrecon.rawcodec.model import entropy_id, load_model, model_from, self_test, shipped_model


@pytest.fixture
def state():
    """The arrays of the shipped file."""
    return load_file(zoo.weights_path("rawcodec.safetensors"))


def test_the_self_test_notices_one_wrong_weight(state):
    good = self_test(model_from(state, {}))
    assert good == self_test(shipped_model())
    state["entropy.groups.0.parameters_.1.weight"] = state["entropy.groups.0.parameters_.1.weight"] + 64
    assert self_test(model_from(state, {})) != good


def test_the_model_is_known_by_all_that_decides_what_a_stream_means(state):
    known = entropy_id(state)
    assert known == shipped_model().model_id
    assert entropy_id(dict(reversed(state.items()))) == known, "the order in the file does not matter"
    for name in state:
        changed = {**state, name: state[name] + 1}
        assert (entropy_id(changed) == known) == name.startswith("network."), name


def test_a_damaged_file_is_refused(state, tmp_path):
    spoiled = {**state, "entropy.guide.0.weight": state["entropy.guide.0.weight"] + 64}
    wanted = self_test(model_from(state, {}))
    save_file(spoiled, tmp_path / "bad.safetensors", {"self_test": json.dumps(wanted)})
    with pytest.raises(StreamError, match="wrongly"):
        load_model(tmp_path / "bad.safetensors")
    save_file(state, tmp_path / "good.safetensors", {"self_test": json.dumps(wanted)})
    assert load_model(tmp_path / "good.safetensors").model_id == shipped_model().model_id
