"""A photo is worked on by one torch thread, whatever torch is set to; afterwards that is as before."""

import os
import subprocess
import sys
import threading

import pytest
import torch

from hdrrecon.networks.threads import one_thread
from tests.conftest import needs_weights


@pytest.fixture
def three_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def test_inside_there_is_one(three_threads):
    with one_thread():
        assert torch.get_num_threads() == 1
        with one_thread():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 3


def test_the_last_to_leave_puts_it_back(three_threads):
    """Whoever came first may leave first."""
    entered, leave, seen = threading.Event(), threading.Event(), []

    def work():
        with one_thread():
            entered.set()
            leave.wait(10)
            seen.append(torch.get_num_threads())

    with one_thread():
        thread = threading.Thread(target=work)
        thread.start()
        entered.wait(10)
    leave.set()
    thread.join()
    assert seen == [1] and torch.get_num_threads() == 3


def test_it_is_put_back_after_an_error(three_threads):
    with pytest.raises(ValueError), one_thread():
        raise ValueError
    assert torch.get_num_threads() == 3


def test_light_does_not_depend_on_torchs_threads(three_threads):
    """Nor does the number of threads of the convolutions: there is one."""
    import numpy as np

    import hdrrecon

    image = np.random.default_rng(0).integers(0, 256, (120, 160, 3), dtype=np.uint8)
    many = hdrrecon.reconstruct(image, model="fast")
    torch.set_num_threads(1)
    np.testing.assert_array_equal(many, hdrrecon.reconstruct(image, model="fast"))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")
def test_a_forked_process_reconstructs():
    """Torch's other threads do not exist in it: an operation that waited for them would wait for ever."""
    script = """
import os, signal, sys, time
import numpy as np, torch
torch.set_num_threads(2)
(torch.rand(1000, 1000) + 1).exp()
import hdrrecon
image = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
want = hdrrecon.reconstruct(image, model="fast")
child = os.fork()
if child == 0:
    signal.alarm(60)
    os._exit(0 if np.array_equal(want, hdrrecon.reconstruct(image, model="fast")) else 3)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    needs_weights()
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
