"""Options that several commands share, spelt and explained once. Imports typer alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from hdrrecon.camera.response import ResponseCurve

Model = Annotated[str | None, typer.Option("--model", help="See hdrrecon models; or classic:NAME.")]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda, cuda:1, mps")]
Precision = Annotated[str, typer.Option("--precision", help="Of the networks: auto, float32, bfloat16.")]
Response = Annotated[
    str,
    typer.Option(
        "--response",
        help="Camera curve: estimate, srgb (renderings), camera (their mean), or a file of hdrrecon response --save.",
    ),
]
Exif = Annotated[bool, typer.Option("--exif/--no-exif", help="Let EXIF weigh in that estimate: camera, or renderer.")]
Dequantize = Annotated[
    bool, typer.Option("--dequantize", help="Smooth the steps of 8-bit gradients, within their codes.")
]
Highlights = Annotated[
    str, typer.Option("--highlights", help="median (least error) or energy (amount of light, to light scenes).")
]
HighlightsOrNone = Annotated[
    str | None,
    typer.Option(
        "--highlights", help="median (least error, if not said) or energy (amount of light, to light scenes)."
    ),
]
Panorama = Annotated[
    bool | None, typer.Option("--panorama/--no-panorama", help="Left and right edges meet; found out if not said.")
]
Sun = Annotated[
    str | None,
    typer.Option(
        "--sun",
        metavar="auto|off|ELEVATION,AZIMUTH[,STRENGTH]",
        help=(
            "Of panoramas, with --highlights energy, which it implies: where the sun is, in degrees; azimuth 0 "
            "is the middle."
        ),
    ),
]
Strength = Annotated[
    float,
    typer.Option("--strength", help="How much of what was restored is used: 0 the linearised photo, 1 all of it."),
]
MaxStops = Annotated[
    float | None,
    typer.Option("--max-stops", help="Stops above the clip level that light may reach; no limit if not said."),
]
Memory = Annotated[
    str | None, typer.Option("--memory", help="What all photos at work may take together, for example 2GB.")
]


def sun_of(text: str | None) -> str | tuple[float, ...]:
    """What `--sun` means: "auto", "off", or numbers with commas between.

    Raises:
        ValueError: neither.
    """
    if text is None or text in ("auto", "off"):
        return text or "auto"
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise ValueError(
            f"--sun is {text!r}; it wants auto, off, or ELEVATION,AZIMUTH[,STRENGTH] as numbers, for example 35,-120"
        ) from None


def response_of(text: str) -> str | ResponseCurve:
    """What `--response` means: one of the names, or the curve of a file.

    Raises:
        ValueError: neither; names the names.
    """
    from hdrrecon.options import RESPONSES

    if text in RESPONSES:
        return text
    from hdrrecon.camera.response import ResponseCurve

    if not Path(text).is_file():
        raise ValueError(
            f"--response is {text!r}; choose one of {', '.join(RESPONSES)}, or a file of hdrrecon response --save"
        )
    return ResponseCurve.load(text)
