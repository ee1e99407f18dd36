"""A film to an HDR film, and pictures of how steady its light is.

    python examples/steady_film.py in.mp4 out/ [model]

Needs hdrrecon[video]. Writes

    out/film.mp4         HEVC, BT.2020 PQ, 10 bits
    out/time_slices.png  one line of the film, frame below frame: each frame by itself, and steady
    out/frame.png        a frame of out/film.mp4, decoded again and tone-mapped for an ordinary screen

and prints by how many stops clipped pixels change from frame to frame, both ways: motion counts too, so the two numbers
can be compared with each other, but not with those of another film.
"""

import sys
from itertools import islice, pairwise
from pathlib import Path

import cv2
import numpy as np

import hdrrecon
from hdrrecon import video
from hdrrecon.color import luminance, matrix_between, pq_decode
from hdrrecon.video import decode, ycbcr
from hdrrecon.view.time_slice import time_slice_strip
from hdrrecon.view.tonemap import tonemap

FRAMES = 48  # that are looked at


def flicker(lights, frames):
    """RMS of log2 luminance between neighbouring frames, in stops, where both clip."""
    changes = []
    for (a, b), (one, other) in zip(pairwise(lights), pairwise(frames)):
        both = (one.max(-1) >= 254) & (other.max(-1) >= 254)
        changes.append(np.log2(luminance(b)[both] / luminance(a)[both]))
    changes = np.concatenate(changes)
    return float(np.sqrt(np.mean(changes**2))) if len(changes) else float("nan")


def shown(film):
    """The middle frame of a PQ film as an ordinary screen would show it, (H, W, 3) uint8."""
    import av

    with av.open(str(film)) as container:
        frames = list(container.decode(video=0))
    planes = tuple(decode._plane(plane, 10) for plane in frames[len(frames) // 2].planes)
    signal = ycbcr.to_rgb(planes, 10, "bt2020", False, "topleft")
    light = pq_decode(signal) / 203 @ matrix_between("rec2020", "rec709").T
    return tonemap(np.maximum(light, 0).astype(np.float32))


def main(source, out, model="full"):
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    reconstructor = hdrrecon.Reconstructor(model)
    report = video.reconstruct(source, out / "film.mp4", reconstructor=reconstructor)
    print(f"{report.frames} frames of {report.shots} shots, {report.levels}", *report.notes, sep="\n")

    film = decode.open_film(source)
    frames = [frame.code for frame in islice(decode.frames(film), FRAMES)]
    alone = [reconstructor(frame) for frame in frames]
    steady = list(video.reconstruct_frames(frames, film.fps, reconstructor=reconstructor))
    print(
        f"clipped pixels change by {flicker(alone, frames):.3f} stops frame by frame, "
        f"{flicker(steady, frames):.3f} steady"
    )
    strip = time_slice_strip({"frame by frame": alone, "steady": steady})
    cv2.imwrite(str(out / "time_slices.png"), strip[..., ::-1])
    cv2.imwrite(str(out / "frame.png"), shown(out / "film.mp4")[..., ::-1])


if __name__ == "__main__":
    main(*sys.argv[1:])
