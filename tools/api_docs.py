"""Pages of the public API, one command: python tools/api_docs.py [folder]     (needs: pip install pdoc)"""

from __future__ import annotations

import sys
from pathlib import Path

import pdoc

import hdrrecon

ROOMS = ("io", "view", "metrics", "camera", "color", "options", "evaluation", "video", "rawcodec", "sensors")


def main(folder: str | Path = "docs/api") -> None:
    # The top level loads its names when they are asked for; pdoc looks at those that are there.
    for name in hdrrecon.__all__:
        setattr(hdrrecon, name, getattr(hdrrecon, name))
    pdoc.render.configure(docformat="google", footer_text=f"hdrrecon {hdrrecon.__version__}")
    pdoc.pdoc("hdrrecon", *(f"hdrrecon.{room}" for room in ROOMS), output_directory=Path(folder))
    print(Path(folder) / "index.html")


if __name__ == "__main__":
    main(*sys.argv[1:])
