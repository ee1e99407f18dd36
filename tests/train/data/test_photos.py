"""A folder's photos, in the order of their names, as bytes of three channels."""

import numpy as np
import pytest
from PIL import Image

from hdrrecon.train.data.photos import load_photos


def save(folder, name, mode, value):
    Image.new(mode, (20, 10), value).save(folder / name)


def test_photos_come_by_name_without_alpha_and_without_other_files(tmp_path):
    save(tmp_path, "b.JPG", "RGB", (90, 90, 90))
    save(tmp_path, "a.png", "RGBA", (10, 20, 30, 255))
    (tmp_path / "notes.txt").write_text("no photo")
    photos = load_photos(tmp_path)
    assert [p.shape for p in photos] == [(10, 20, 3)] * 2 and all(p.dtype == np.uint8 for p in photos)
    assert photos[0][0, 0].tolist() == [10, 20, 30]
    assert photos[1].astype(int) == pytest.approx(90, abs=1)


def test_a_folder_without_photos_is_named(tmp_path):
    (tmp_path / "notes.txt").write_text("no photo")
    with pytest.raises(FileNotFoundError, match=tmp_path.name):
        load_photos(tmp_path)
