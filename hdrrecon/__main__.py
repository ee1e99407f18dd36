"""`python -m hdrrecon`, the same as the command `hdrrecon`."""

from hdrrecon.cli.main import command

command()
