"""The raw codec trains from scenes to a file that encodes and decodes."""

import numpy as np

from hdrrecon.networks.rawcodec.synthesis import SynthesisConfig
from tests.rawcodec.conftest import photograph, scene


def test_training_gives_a_codec(tmp_path):
    from hdrrecon import rawcodec
    from hdrrecon.camera.response import CODES
    from hdrrecon.rawcodec.model import load_model
    from hdrrecon.train.data.curves import CurveSampler, MeasuredCurves
    from hdrrecon.train.data.scenes import Scene
    from hdrrecon.train.rawcodec.entropy import EntropyRecipe
    from hdrrecon.train.rawcodec.synthesis import SynthesisRecipe
    from hdrrecon.train.tasks.rawcodec import train_rawcodec

    curves = np.stack([CODES**g for g in (1.8, 2.2)])
    sampler = CurveSampler(MeasuredCurves(np.repeat(curves[:, None], 3, 1), curves, curves))
    scenes = [Scene("one", scene(96, 128).astype(np.float16)), Scene("two", scene(64, 96).astype(np.float16))]
    entropy = EntropyRecipe(minutes=60, most_steps=3, side=8, blocks=40, batch=2)
    synthesis = SynthesisRecipe(minutes=60, most_steps=3, config=SynthesisConfig(8, 1), side=32, cut=8, batch=2)
    path = train_rawcodec(scenes, sampler, tmp_path, 4, entropy, synthesis)
    model = load_model(path)
    raw, jpeg = photograph(64, 80)
    out = rawcodec.decode(jpeg, rawcodec.encode(raw, jpeg, 4, model=model), model=model)
    assert -10 * np.log10(np.mean((out - raw) ** 2)) > 25  # hardly trained
