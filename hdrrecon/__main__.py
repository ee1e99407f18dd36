"""`python -m hdrrecon`, the same as the command `hdrrecon`."""
from hdrrecon.cli import app

app(prog_name="hdrrecon")
