"""The shipped model, its self-test and its identity."""

from hdrrecon.rawcodec.model import model_from, self_test, shipped_model


def test_the_self_test_notices_one_wrong_weight():
    from safetensors.numpy import load_file

    from hdrrecon import zoo

    state = load_file(zoo.weights_path("rawcodec.safetensors"))
    good = self_test(model_from(state, {}))
    assert good == self_test(shipped_model())
    state["entropy.groups.0.parameters_.1.weight"] = state["entropy.groups.0.parameters_.1.weight"] + 64
    assert self_test(model_from(state, {})) != good
