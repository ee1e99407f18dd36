"""A missing extra is one sentence: the job, and the command that installs what it needs."""

from __future__ import annotations

import re
import sys

import pytest

from hdrrecon.io import ReadError, read, write
from hdrrecon.io.optional import install_command, need
from tests.io.test_heif import EXTRAS
from tests.io.test_pq import glow


@pytest.mark.parametrize("extension", [".avif", ".heic", ".jxl"])
def test_a_missing_extra_is_one_sentence(tmp_path, monkeypatch, extension):
    module, extra = EXTRAS[extension]
    pytest.importorskip(module)
    path, command = write(tmp_path / f"x{extension}", glow()), re.escape(install_command(extra))
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ModuleNotFoundError, match=rf"^writing {extension} needs: {command}$"):
        write(tmp_path / f"y{extension}", glow())
    with pytest.raises(ReadError, match=rf"x{extension}: reading .* needs: {command}$"):
        read(path)
    assert len(list(tmp_path.iterdir())) == 1


def test_what_is_there_is_imported():
    assert need("json", "phone", "reading") is sys.modules["json"]


def test_a_broken_package_raises_its_own_error(tmp_path, monkeypatch):
    (tmp_path / "broken_package_of_a_test.py").write_text("raise ImportError('wrong version of libx')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ImportError, match="wrong version of libx") as caught:
        need("broken_package_of_a_test", "phone", "reading")
    assert not isinstance(caught.value, ModuleNotFoundError)


@pytest.mark.parametrize("extra", ["phone", "no_such_extra"])
def test_the_command_names_packages_or_the_extra(monkeypatch, extra):
    listed = ["numpy>=2", 'pillow-heif>=1.0; extra == "phone"', 'gradio>=5; extra == "app"']
    monkeypatch.setattr("hdrrecon.io.optional.requires", lambda name: listed)
    wanted = {
        "phone": 'pip install "pillow-heif>=1.0"',
        "no_such_extra": 'pip install -e ".[no_such_extra]" in the checkout of hdrrecon',
    }
    assert install_command(extra) == wanted[extra]
