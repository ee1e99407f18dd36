"""Shares of a photo's time: each function's own, whoever called it."""

import time
from collections import Counter

import numpy as np
import torch

from hdrrecon.bench import shares


def spin(seconds: float) -> None:
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def test_what_is_timed_exists():
    """A function that moved would be timed no more."""
    assert set(shares._TIMED) == set(shares.KINDS)
    for names in shares._TIMED.values():
        for name in names:
            owner, attribute = shares._owner(name)
            assert callable(getattr(owner, attribute)), name


def test_what_is_spent_in_another_is_the_others(monkeypatch):
    class Work:
        @staticmethod
        def outer():
            spin(0.02)
            Work.inner()

        @staticmethod
        def inner():
            spin(0.06)

    monkeypatch.setattr(shares, "_owner", lambda name: (Work, name))
    monkeypatch.setattr(shares, "_TIMED", {"resampling": ("outer",), "lookups": ("inner",)})
    before = Work.outer
    seconds = Counter()
    with shares._timed(seconds):
        Work.outer()
    assert Work.outer is before
    assert 0.019 < seconds["resampling"] < 0.05 < 0.059 < seconds["lookups"]


def test_shares_of_a_convolution():
    layer = torch.nn.Conv2d(16, 16, 3)

    def work():
        for _ in range(5):
            layer(torch.ones(1, 16, 100, 100))

    found = shares.measure_shares(work)
    assert found["convolutions"] > 0 and found["writing"] == 0 and np.isclose(sum(found.values()), 1, atol=0.3)
    assert torch.nn.functional.conv2d.__module__ != shares.__name__
