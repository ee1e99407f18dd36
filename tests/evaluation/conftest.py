import numpy as np
import pytest


@pytest.fixture
def truths(tmp_path, small_hdr):
    """A folder of three small scenes."""
    folder = tmp_path / "truths"
    folder.mkdir()
    for i in range(3):
        np.save(folder / f"scene{i}.npy", np.roll(small_hdr, 9 * i, 1) * (1 + i))
    return folder


@pytest.fixture
def pair_folder(tmp_path, small_hdr, small_photo):
    """Two real pairs, one photo without truth, one truth of another size."""
    import cv2

    folder = tmp_path / "pairs"
    folder.mkdir()
    for name in ("a", "b", "lonely", "other"):
        cv2.imwrite(str(folder / f"{name}.png"), small_photo[..., ::-1])
    for name in ("a", "b"):
        np.save(folder / f"{name}.npy", small_hdr)
    np.save(folder / "other.npy", small_hdr[:-1])
    return folder
