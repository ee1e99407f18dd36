"""How commands say what went wrong."""

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from hdrrecon.cli import errors
from hdrrecon.cli.errors import said_by, shown, usage_errors
from hdrrecon.options import UsageError


@pytest.mark.parametrize(
    "error", [ValueError("no such thing"), UsageError("no such thing"), ImportError("no such thing")]
)
def test_a_mistake_is_one_sentence_and_an_exit_code(error, capsys):
    with pytest.raises(typer.Exit) as left, usage_errors(code=3):
        raise error
    assert left.value.exit_code == 3 and capsys.readouterr().err == "error: no such thing\n"


def test_bugs_and_debug_keep_the_traceback(monkeypatch):
    with pytest.raises(ZeroDivisionError), usage_errors():
        _ = 1 / 0
    monkeypatch.setitem(errors._settings, "debug", True)
    with pytest.raises(ValueError, match="here"), usage_errors():
        raise ValueError("here")


def test_errors_of_the_system_name_the_file_without_a_number():
    assert said_by(FileNotFoundError(2, "No such file or directory", "a.jpg")) == "a.jpg: no such file or directory"
    assert said_by(OSError(28, "No space left on device")) == "No space left on device"
    assert said_by(OSError("one sentence")) == "one sentence"


@given(st.text())
def test_a_terminal_is_shown_printable_text_alone(text):
    assert all(c.isprintable() or c in "\n\t" for c in shown(text))


def test_what_can_be_printed_is_shown_as_it_is():
    assert shown("Straße ☀ \t.jpg") == "Straße ☀ \t.jpg" and shown("\x1b[31m") == "\\x1b[31m"
