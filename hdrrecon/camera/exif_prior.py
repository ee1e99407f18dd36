"""EXIF as a prior over the families of cameras: who made the file, before its pixels are asked.

A prior says nothing certain. EXIF survives copies, some programs leave no name, and a camera can be set to a flat
style, so that every family stays possible and a photo that speaks clearly (a likelihood ratio above 18) overrules it.

The networks' own answer takes families to be about equally likely; `log_odds` turns a prior into what is added to
their logits (Bayes' rule). Chunks of text in PNG files are no EXIF and are not looked at.

Source: EXIF 2.32 (CIPA DC-008): Make 0x010F, Model 0x0110, Software 0x0131, UserComment 0x9286.
"""

from __future__ import annotations

import math
import re
import struct

from hdrrecon.camera.basis import FAMILIES

LIKELY = 0.9  # of the family that EXIF names: one in ten such files is something else
_MAKE, _MODEL, _PROCESSED_BY, _SOFTWARE, _DETAILS, _COMMENT = 0x010F, 0x0110, 0x000B, 0x0131, 0x8769, 0x9286


def _words(names: str) -> re.Pattern:
    return re.compile(rf"\b(?:{'|'.join(re.escape(name) for name in names.split(', '))})", re.IGNORECASE)


# What they draw or grab from a screen has never met a camera and is encoded by the sRGB curve.
_DRAWN = _words(
    "blender, v-ray, vray, arnold, keyshot, lumion, twinmotion, enscape, povray, pov-ray, unreal, unity, "
    "3ds max, cinema 4d, houdini, sketchup, screenshot, screen shot, screen capture, snipping, greenshot, "
    "flameshot, spectacle, sharex, snagit"
)
# After them any curve is possible: a camera's, a developer's, or somebody's taste. Firmware names itself in the same
# tag.
_EDITED = _words(
    "adobe, photoshop, lightroom, camera raw, gimp, darktable, rawtherapee, capture one, captureone, capture nx, "
    "nx studio, digital photo professional, affinity, snapseed, luminar, dxo, picasa, paint, photos, photo mate, "
    "acdsee, digikam, showfoto, vsco, instagram, on1, polarr, imagemagick, graphicsmagick, photomatix, aurora, "
    "corel, krita, hugin, ptgui, silkypix, iridient, aperture, picsart, meitu, pixelmator, faststone, xnview, "
    "irfanview, canva, figma, lrt, topaz, nik, viewnx, imaging edge, image data converter, studio"
)


def family_prior(exif: bytes | None) -> dict[str, float] | None:
    """How likely each family is before the pixels are seen.

    Args:
        exif: a raw EXIF block, as `hdrrecon.io.Photo.exif`; None if there is none.

    Returns:
        Probability by family, of 0.9 for `srgb` where a renderer or a screenshot program signed, of 0.9 for `camera`
        where maker and model are named and no editor signed. None where EXIF tells nothing: no block, a damaged
        one, or an editor's.

    Example:
        >>> from PIL import Image
        >>> exif = Image.Exif()
        >>> exif[0x010F], exif[0x0110] = "Canon", "EOS R6"
        >>> family_prior(exif.tobytes())["camera"]
        0.9
    """
    maker, model, signed = _tags(exif) if exif else ("", "", "")
    if _DRAWN.search(signed):
        return _mostly("srgb")
    if maker and model and not _EDITED.search(signed):
        return _mostly("camera")
    return None


def log_odds(prior: dict[str, float] | None) -> list[float]:
    """What a prior adds to the logits of `FAMILIES`, in their order; zeros for None.

    Args:
        prior: probability of each family, above 0, summing to 1.

    Raises:
        ValueError: a family is missing or unknown, or these are no such probabilities.
    """
    if prior is None:
        return [0.0] * len(FAMILIES)
    if (
        set(prior) != set(FAMILIES)
        or not all(p > 0 for p in prior.values())
        or not math.isclose(sum(prior.values()), 1, abs_tol=1e-3)
    ):
        raise ValueError(
            f"a prior needs a probability above 0 for each of {', '.join(FAMILIES)}, summing to 1; got {prior}"
        )
    return [math.log(prior[family] * len(FAMILIES)) for family in FAMILIES]


def _mostly(family: str) -> dict[str, float]:
    rest = (1 - LIKELY) / (len(FAMILIES) - 1)
    return {name: LIKELY if name == family else round(rest, 6) for name in FAMILIES}


def _tags(exif: bytes) -> tuple[str, str, str]:
    """Maker, model, and everything in which a program may have signed; empty where absent or damaged."""
    from PIL import Image

    block = Image.Exif()
    try:
        block.load(exif)
        text = {tag: _text(block.get(tag)) for tag in (_MAKE, _MODEL, _PROCESSED_BY, _SOFTWARE)}
        comment = _text(block.get_ifd(_DETAILS).get(_COMMENT))
    except (SyntaxError, ValueError, KeyError, TypeError, OSError, struct.error):
        return "", "", ""
    return text[_MAKE], text[_MODEL], f"{text[_SOFTWARE]} {text[_PROCESSED_BY]} {_signature(comment)}"


def _text(value) -> str:
    value = value.decode("latin-1") if isinstance(value, bytes) else value if isinstance(value, str) else ""
    return value.replace("\0", "").strip()


def _signature(comment: str) -> str:
    """Phones sign screenshots in the user comment, after its character code; people write about anything there."""
    words = re.sub(r"^(ASCII|UNICODE)", "", comment).strip()
    return words if words.lower() == "screenshot" else ""
