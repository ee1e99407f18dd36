"""`python -m hdrrecon`, the same as the command `hdrrecon`."""

from hdrrecon.cli.main import app

app(prog_name="hdrrecon")
