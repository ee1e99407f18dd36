"""What the examples in docstrings find: `hdrrecon`, `np`, `hdr`, `light`, `data`, and photos in a folder of their
own."""

from importlib.util import find_spec

import numpy as np
import pytest

# Needs a package that only CUDA builds of torch bring.
collect_ignore = [] if find_spec("triton") else ["hdrrecon/networks/refine/decoupled_filter_triton.py"]


@pytest.fixture(autouse=True)
def example(request, tmp_path_factory, monkeypatch):
    """Only for examples in docstrings; tests have fixtures of their own."""
    if not isinstance(request.node, pytest.DoctestItem):
        return
    import cv2

    import hdrrecon

    folder = tmp_path_factory.mktemp("example")
    monkeypatch.chdir(folder)
    photo = np.linspace(0, 255, 480 * 640 * 3).reshape(480, 640, 3).astype(np.uint8)
    for name in ("photo.jpg", "pano.jpg", "photo.png"):
        cv2.imwrite(name, photo)
    hdr = np.linspace(0, 4, 480 * 640 * 3, dtype=np.float32).reshape(480, 640, 3)
    request.node.dtest.globs.update(hdrrecon=hdrrecon, np=np, hdr=hdr, light=hdr, data=b"light")
