"""An ordinary 2:1 panorama becomes an HDRI for Blender, Unreal, Houdini ...: a latlong EXR, with a light report.

    python examples/panorama_to_hdri.py my_panorama.jpg -o my_panorama.exr
    python examples/panorama_to_hdri.py                        (makes a small panorama itself, and knows its truth)

For each of photo, reconstruction (and truth) the script prints where the strongest source is, its share of the light,
and sun to sky: the illuminance of level ground by the source over that by everything else, which decides how dark
shadows are (clear noon about 5).

Expected of the panorama it makes, weights of November 2026:

    photo
      strongest source  longitude +49.9 deg, latitude +34.9 deg
      on level ground   1.167 = 0.02054 from it + 1.147 from the rest
      sun to sky        0.0179
    reconstruction
      strongest source  longitude +50.0 deg, latitude +35.3 deg
      on level ground   1.491 = 0.3298 from it + 1.161 from the rest
      sun to sky        0.284
      inferred          no sun (59 % sure), light from lamps
    truth
      strongest source  longitude +50.0 deg, latitude +35.0 deg
      on level ground   1.958 = 0.4113 from it + 1.547 from the rest
      sun to sky        0.266
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

import hdrrecon
from hdrrecon import view
from hdrrecon.cli.options import sun_of
from hdrrecon.color import linear_to_srgb
from hdrrecon.io.exr_extras import light_attribute


def own_panorama(height: int = 256) -> np.ndarray:
    """(H, 2 H, 3) float32 light: a hazy sun at longitude 50, latitude 35 degrees, a sky, a field. 1.0 is where a camera
    clips."""
    north = np.radians(90 - (np.arange(height) + 0.5) / height * 180)[:, None]
    east = np.radians((np.arange(2 * height) + 0.5) / height * 180 - 180)[None]
    cosine = np.sin(north) * np.sin(np.radians(35)) + np.cos(north) * np.cos(np.radians(35)) * np.cos(
        east - np.radians(50)
    )
    away = np.degrees(np.arccos(np.clip(cosine, -1, 1)))[..., None]
    sky = np.float32([0.28, 0.45, 0.80]) + np.float32([0.45, 0.35, 0.15]) * np.exp(-np.maximum(north, 0) * 5)[..., None]
    furrows = 1 + 0.2 * np.sin(12 / np.maximum(-north, 0.02))[..., None]
    field = np.float32([0.16, 0.15, 0.06]) * furrows
    sun = np.float32([1.0, 0.9, 0.75]) * (400 * np.exp(-((away / 1.5) ** 2)) + 1.5 * np.exp(-away / 6))
    return (np.where(north[..., None] > 0, sky + sun, field) + 0 * away).astype(np.float32)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="A 2:1 panorama to an HDRI with a light report.")
    parser.add_argument("panorama", type=Path, nargs="?", help="a 2:1 photo; without one, the script makes its own")
    parser.add_argument("-o", "--out", type=Path, default=Path("panorama.exr"))
    parser.add_argument("--response", default="estimate", choices=("estimate", "camera", "srgb"))
    parser.add_argument("--sun", default="auto", help="auto, off, or ELEVATION,AZIMUTH[,STRENGTH]")
    args = parser.parse_args(arguments)

    truth = None
    if args.panorama is None:
        truth, args.panorama = own_panorama(), args.out.with_suffix(".jpg")
        args.panorama.parent.mkdir(parents=True, exist_ok=True)
        codes = np.rint(255 * linear_to_srgb(np.clip(truth, 0, 1))).astype(np.uint8)
        Image.fromarray(codes).save(args.panorama, quality=95)
    result = hdrrecon.reconstruct(
        args.panorama,
        response=args.response,
        highlights="energy",
        panorama=True,
        sun=sun_of(args.sun),
        details=True,
    )
    # Beyond 65504 a half float ends, and suns go there.
    believed = result.light_estimate.as_dict() if result.light_estimate else None
    attributes = light_attribute(believed) if believed else None
    hdrrecon.write(
        args.out,
        result.radiance,
        confidence=result.confidence,
        dtype="float",
        envmap="latlong",
        attributes=attributes,
    )
    view.write_viewer(
        args.out.with_suffix(".html"),
        result.radiance[..., :3],
        photo=args.panorama,
        confidence=result.confidence,
        response=result.response,
    )
    report = view.light_report(result.radiance[..., :3], believed)
    args.out.with_suffix(".json").write_text(report.json() + "\n", encoding="utf-8")
    print("photo", *view.light_report(result.linear[..., :3]).lines(), sep="\n  ")
    print("reconstruction", *report.lines(), sep="\n  ")
    if truth is not None:
        print("truth", *view.light_report(truth).lines(), sep="\n  ")
    print(f"wrote {args.out}, the page {args.out.with_suffix('.html')} and the report {args.out.with_suffix('.json')}")


if __name__ == "__main__":
    main()
