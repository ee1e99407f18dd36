"""Damaged and lying image files against `hdrrecon.io`, thousands of them, each in a process that may die of it.

    python tools/fuzz.py --files 10000

Small sound files of every format are made on the spot and spoilt: bytes changed, fields set to extremes, parts cut out,
doubled, zeroed or taken from another file; checksums of PNG are put right again, so that more than the first check is
reached. Every file may be read, or refused with a `ReadError` that names it. Anything else is a finding: another
exception, death by a signal, more than 10 seconds of processor time, or more than 1 GB of memory beyond the decoded
picture. File number N is always the same; `--only N` repeats one and keeps it.

Prints one line per finding and a summary; exit code 1 if there were findings.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import resource
import select
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

MOST_SECONDS, MOST_BYTES = 10.0, 1e9
_HANGS_AFTER = 180.0  # seconds of wall clock: the machine may be busy
_ADDRESS_SPACE = 12 << 30
_EXTREMES = (0, 1, 2, 3, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def seeds(folder: Path) -> dict[str, bytes]:
    """One small sound file of each kind, by name."""
    import cv2
    from PIL import Image

    from hdrrecon.io import write

    y, x = np.mgrid[:24, :40] / 40
    photo = (255 * np.stack([x, y, 1 - x], -1)).astype(np.uint8)
    deep = np.random.default_rng(1).integers(0, 65536, (24, 40, 3), dtype=np.uint16)
    light = (4 * np.stack([x, y, 1 - x], -1)).astype(np.float32)
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Maker"
    found: dict[str, bytes] = {}

    def pillow(name: str, kind: str, pixels=photo, **options) -> None:
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, kind, **options)
        found[name] = file.getvalue()

    pillow("plain.jpg", "JPEG", exif=exif, icc_profile=_srgb_profile())
    pillow("progressive.jpg", "JPEG", progressive=True)
    pillow("grey.jpg", "JPEG", photo[..., 0])
    pillow("plain.png", "PNG", exif=exif, icc_profile=_srgb_profile())
    pillow("alpha.png", "PNG", np.dstack([photo, photo[..., :1]]))
    pillow("plain.webp", "WEBP", exif=exif)
    pillow("lossless.webp", "WEBP", lossless=True)
    pillow("plain.bmp", "BMP")
    pillow("plain.avif", "AVIF", exif=exif)
    file = io.BytesIO()
    Image.fromarray(photo).quantize(16).save(file, "PNG")
    found["palette.png"] = file.getvalue()
    for compression in (None, "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"):
        pillow(f"{compression}.tif", "TIFF", exif=exif, **({"compression": compression} if compression else {}))
    found["deep.png"] = cv2.imencode(".png", deep)[1].tobytes()
    found["deep.tif"] = cv2.imencode(".tif", deep)[1].tobytes()
    (folder / "base.jpg").write_bytes(found["progressive.jpg"])
    for name in ("light.exr", "light.hdr", "light.tif", "light.npy", "light.avif", "light.heic", "light.jxl", "pq.png"):
        try:
            found[name] = write(folder / name, light).read_bytes()
        except ModuleNotFoundError:
            pass
    found["ultra.jpg"] = write(folder / "ultra.jpg", 1 + light, base=folder / "base.jpg").read_bytes()
    found["piz.exr"] = write(folder / "piz.exr", light, compression="piz", dtype="float").read_bytes()
    found["light.pfm"] = b"PF\n40 24\n-1.0\n" + light.tobytes()
    found.update(_rare_seeds(photo))
    return found


def _rare_seeds(photo: np.ndarray) -> dict[str, bytes]:
    """Those that need optional packages."""
    found = {}
    try:
        import tifffile

        file = io.BytesIO()
        with tifffile.TiffWriter(file) as tiff:
            tiff.write(photo[::4, ::4], photometric="rgb", subfiletype=1, subifds=1, metadata=None)
            tiff.write(photo, photometric="rgb", tile=(16, 16), metadata=None)
        found["pages.tif"] = file.getvalue()
        file = io.BytesIO()
        tifffile.imwrite(file, photo.astype(np.float16), photometric="rgb", bigtiff=True, metadata=None)
        found["half.tif"] = file.getvalue()
        import imagecodecs

        ten = photo.astype(np.uint16) * 4
        found["deep.avif"] = imagecodecs.avif_encode(ten, 80, bitspersample=10, pixelformat="444")
        found["deep_sequence.avif"] = imagecodecs.avif_encode(np.stack([ten, ten]), 80, bitspersample=10)
    except ImportError:
        pass
    return found


def _srgb_profile() -> bytes:
    from PIL import ImageCms

    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def spoilt(number: int, files: dict[str, bytes]) -> tuple[str, bytes]:
    """File `number`: the name of its seed, and its bytes."""
    rng = np.random.default_rng(number)
    name = sorted(files)[number % len(files)]
    data = bytearray(files[name])
    for _ in range(int(rng.integers(1, 5))):
        change: Callable = _CHANGES[int(rng.integers(len(_CHANGES)))]
        data = bytearray(change(data, rng, files)) or bytearray(b"\0")
    if data[:8] == b"\x89PNG\r\n\x1a\n" and rng.random() < 0.8:
        data = bytearray(_with_checksums(bytes(data)))
    return name, bytes(data)


def _place(data: bytearray, rng: np.random.Generator) -> int:
    """Anywhere, more often near the beginning, where the headers are."""
    reach = len(data) if rng.random() < 0.5 else min(len(data), 600)
    return int(rng.integers(0, max(1, reach)))


def _some_bytes(data, rng, files):
    for _ in range(int(rng.integers(1, 6))):
        data[_place(data, rng)] = int(rng.integers(256))
    return data


def _a_bit(data, rng, files):
    data[_place(data, rng)] ^= 1 << int(rng.integers(8))
    return data


def _an_extreme(data, rng, files):
    size, order = int(rng.choice([1, 2, 4, 8])), str(rng.choice(["little", "big"]))
    value = int(rng.choice(_EXTREMES)) % 256**size
    at = _place(data, rng)
    data[at : at + size] = value.to_bytes(size, order)
    return data


def _cut(data, rng, files):
    return data[: _place(data, rng)] if rng.random() < 0.3 else data[: len(data) - int(rng.integers(1, 40))]


def _hole(data, rng, files):
    at, size = _place(data, rng), int(rng.integers(1, 200))
    data[at : at + size] = bytes(min(size, len(data) - at))
    return data


def _left_out(data, rng, files):
    at = _place(data, rng)
    del data[at : at + int(rng.integers(1, 40))]
    return data


def _doubled(data, rng, files):
    at, size = _place(data, rng), int(rng.integers(1, 300))
    return data[: at + size] + data[at:]


def _from_another(data, rng, files):
    other = files[sorted(files)[int(rng.integers(len(files)))]]
    at = _place(data, rng)
    start, size = int(rng.integers(len(other))), int(rng.integers(1, 200))
    return data[:at] + other[start : start + size] + data[at + size :]


_CHANGES = (_some_bytes, _a_bit, _an_extreme, _an_extreme, _an_extreme, _cut, _hole, _left_out, _doubled, _from_another)


def _with_checksums(png: bytes) -> bytes:
    out, at = [png[:8]], 8
    while at + 12 <= len(png):
        size = int.from_bytes(png[at : at + 4], "big")
        end = at + 8 + size
        if end + 4 > len(png):
            break
        out.append(png[at:end] + zlib.crc32(png[at + 4 : end]).to_bytes(4, "big"))
        at = end + 4
    return b"".join(out) + png[at:]


def work(first: int, last: int, folder: Path) -> None:
    """In a process of its own: files first to last - 1; a JSON line before and after each."""
    from hdrrecon.io import ReadError, read, read_coded

    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE, _ADDRESS_SPACE))
    warnings.simplefilter("ignore")
    files = seeds(folder)
    for number in range(first, last):
        name, data = spoilt(number, files)
        path = folder / f"{number}-{name}"
        path.write_bytes(data)
        print(json.dumps({"begin": number}), flush=True)
        for reader in (read, read_coded):
            result = {"number": number, "seed": name, "finding": None, "read": True}
            before, start, decoded = _peak_bytes(), time.process_time(), 0
            try:
                image = reader(path)
                decoded = getattr(image, "nbytes", 0) or image.pixels.nbytes
            except ReadError as error:
                result["read"] = False
                if path.name not in str(error):
                    result["finding"] = f"a ReadError without the name: {error}"
            except BaseException:
                result["finding"] = traceback.format_exc(limit=-3)
            seconds, grown = time.process_time() - start, _peak_bytes() - before - decoded
            result |= {"seconds": seconds, "bytes": grown}
            if not result["finding"] and seconds > MOST_SECONDS:
                result["finding"] = f"{seconds:.1f} s"
            if not result["finding"] and grown > MOST_BYTES:
                result["finding"] = f"{grown / 1e9:.1f} GB beyond the decoded {decoded / 1e9:.1f} GB"
            print(json.dumps(result), flush=True)
        path.unlink()


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def results(first: int, last: int, folder: Path) -> Iterator[dict]:
    """What became of every file; a process that dies or hangs is a finding, and the next one goes on behind it."""
    while first < last:
        command = [sys.executable, __file__, "--work", str(first), str(last), str(folder)]
        # A PNG may print through libpng, an AVIF through libavif: only our own lines count.
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        pending, current = b"", first - 1
        while True:
            ready, _, _ = select.select([process.stdout], [], [], _HANGS_AFTER)
            if not ready:
                process.kill()
                yield {"number": current, "finding": f"no answer for {_HANGS_AFTER:.0f} s", "read": False}
                break
            chunk = os.read(process.stdout.fileno(), 1 << 16)
            if not chunk:
                break
            *lines, pending = (pending + chunk).split(b"\n")
            for line in lines:
                if not line.startswith(b"{"):
                    continue
                answer = json.loads(line)
                if "begin" in answer:
                    current = answer["begin"]
                else:
                    yield answer
        code = process.wait()
        if code < 0 and ready:
            yield {"number": current, "finding": f"death by signal {-code}", "read": False}
        elif code > 0:
            yield {"number": current, "finding": f"the process ended with code {code}", "read": False}
        if code and current < first:
            raise SystemExit("the seeds could not be made; run this with --work 0 1 FOLDER to see why")
        first = current + 1 if code else last


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--files", type=int, default=10_000, help="how many files")
    parser.add_argument("--first", type=int, default=0, help="number of the first")
    parser.add_argument("--only", type=int, help="this one alone, kept in the current folder")
    parser.add_argument("--work", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work(int(options.work[0]), int(options.work[1]), Path(options.work[2]))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        first, last = options.first, options.first + options.files
        if options.only is not None:
            first, last = options.only, options.only + 1
            name, data = spoilt(options.only, seeds(Path(folder)))
            Path(f"{options.only}-{name}").write_bytes(data)
        tally, slowest, largest = Counter(), 0.0, 0.0
        for result in results(first, last, Path(folder)):
            tally["findings" if result["finding"] else "read" if result["read"] else "refused"] += 1
            slowest, largest = max(slowest, result.get("seconds", 0)), max(largest, result.get("bytes", 0))
            if result["finding"]:
                print(f"{result['number']} {result.get('seed', '')}: {result['finding']}", flush=True)
    print(
        f"{last - first} files, each read twice: {tally['read']} read, {tally['refused']} refused, "
        f"{tally['findings']} findings; slowest {slowest:.1f} s, most memory {largest / 1e6:.0f} MB beyond the picture"
    )
    return 1 if tally["findings"] else 0


if __name__ == "__main__":
    sys.exit(main())
