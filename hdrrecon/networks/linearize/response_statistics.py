"""Statistics of a photo that betray its camera response. No learning here: code values in, a vector out.

Three kinds, each known from the literature on single-image radiometric calibration:

* **levels**: how code values are distributed, and how high edges are at each level: edges keep their
  contrast in light, so their height in code values follows the slope of the response;
* **edges**: where the middle pixel of an edge lies between its ends. Optics and pixels blend *light*, so over many
  edges the middle is in the middle in linear light; the response bends that (Lin & Zhang, CVPR 2005);
* **colours**: on one edge the middle is equally far along in R, G and B in linear light, at whatever levels these
  are (Lin, Gu, Yamazaki & Shum, CVPR 2004).

and what `postprocessing_traces` adds: how the photo was made and what happened to it since. All are normalised counts,
so photos of any size compare.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from hdrrecon.networks.linearize import postprocessing_statistics as traces
from hdrrecon.networks.linearize.counts_of_bytes import count_bytes
from hdrrecon.networks.linearize.counts_on_cpu import Counts, count
from hdrrecon.networks.linearize.histograms import (
    CLIPPED,
    COLOUR_GAPS,
    COLOUR_LEVELS,
    COLOUR_PLACES,
    COLOUR_ROWS,
    EDGE_LEVELS,
    EDGE_PLACES,
    EDGE_ROWS,
    EDGE_STRENGTHS,
    FINE_PLACES,
    LEVEL_BINS,
    RELIABLE,
    bin_counts,
    bin_of,
    bin_sums,
    histogram_of,
    masked_index,
    row_histograms,
    shifted_views,
)

# Lengths of the kinds, in the order of `response_statistics`.
KINDS = {
    "levels": 5 * LEVEL_BINS,
    "slopes": LEVEL_BINS,
    "edges": EDGE_ROWS * (EDGE_PLACES + 1),
    "wide_edges": EDGE_ROWS * (EDGE_PLACES + 1),
    "colours": COLOUR_ROWS * (COLOUR_PLACES + 1),
    "heights": traces.HEIGHTS_SIZE,
    "wide_heights": traces.HEIGHTS_SIZE,
    "places": 3 * EDGE_ROWS,
    "wide_places": 3 * EDGE_ROWS,
    "saturation": traces.SATURATION_SIZE,
    "ends": traces.ENDS_SIZE,
    "handling": traces.HANDLING_SIZE,
}
Counting = Callable[[Tensor], Tensor]
CLASSIC = ("levels", "slopes", "edges", "wide_edges", "colours")
SIZE = sum(KINDS.values())


def response_statistics(code: Tensor, elsewhere: Counting | None = None) -> Tensor:
    """All statistics of photos (N, 3, H, W), code values in [0, 1] -> (N, SIZE), values of about 0 to 3.

    `elsewhere`: what counts on other devices than a CPU; `photo_statistics`, or that recorded.
    """
    count_there = elsewhere or photo_statistics
    return torch.stack([_on_cpu(photo)[0] if photo.device.type == "cpu" else count_there(photo) for photo in code])


def statistics_and_levels(code: Tensor, elsewhere: Counting | None = None) -> tuple[Tensor, Tensor]:
    """Of one photo (3, H, W): its statistics (SIZE,), and how often each of 256 equal bins of code values occurs.

    On a CPU it may be of bytes, code values times 255.
    """
    if code.device.type == "cpu":
        return _on_cpu(code)
    return (elsewhere or photo_statistics)(code), bin_counts(bin_of(code, 256), 256)


def _on_cpu(code: Tensor) -> tuple[Tensor, Tensor]:
    counts = count_bytes(code.numpy()) if code.dtype == torch.uint8 else count(code.detach().float().numpy())
    return statistics_of(counts, code[0].numel()), torch.from_numpy(counts.fine_levels)


def statistics_of(counts: Counts, pixels: int) -> Tensor:
    """The vector (SIZE,) of what was counted of a photo of so many pixels."""
    of = {name: torch.from_numpy(table) for name, table in vars(counts).items()}
    return torch.cat(
        [
            level_vector(of["levels"], *of["slopes"], pixels),
            row_histograms(of["edges"]),
            row_histograms(of["wide_edges"]),
            row_histograms(of["colours"]),
            row_histograms(of["heights"]),
            row_histograms(of["wide_heights"]),
            _moments(of["places"]),
            _moments(of["wide_places"]),
            row_histograms(of["saturation"]),
            traces.end_vector(of["codes"], pixels),
            traces.handling_vector(of["differences"], of["grid"], of["codes"][0]),
        ]
    )


def photo_statistics(code: Tensor) -> Tensor:
    """Of one photo (3, H, W) on any device, with torch alone: a thousand launches on a GPU, so worth recording
    there."""
    edges, places = _edge_tables(code, 1)
    return torch.cat(
        [
            level_statistics(code),
            edges,
            edge_statistics(code, 2),
            colour_statistics(code),
            traces.height_statistics(code, 1),
            traces.height_statistics(code, 3),
            places,
            place_statistics(code, 4),
            traces.saturation_statistics(code),
            traces.end_statistics(code),
            traces.postprocessing_traces(code),
        ]
    )


def level_statistics(code: Tensor) -> Tensor:
    """(3, H, W) -> (6 * LEVEL_BINS,): square-root histograms of R, G, B, brightest and darkest channel, and the mean
    height of green's horizontal edges at each level, on a log scale."""
    planes = torch.cat([code, code.amax(0, keepdim=True), code.amin(0, keepdim=True)])
    first = LEVEL_BINS * torch.arange(len(planes), device=code.device)[:, None]  # bin of each plane
    bins = bin_of(planes, LEVEL_BINS).view(len(planes), -1) + first
    tables = bin_counts(bins, len(planes) * LEVEL_BINS).view(-1, LEVEL_BINS)
    green = code[1]
    left, right = green[:, :-1], green[:, 1:]
    at = bin_of((left + right) / 2, LEVEL_BINS)
    heights = bin_sums(at, (right - left).abs().flatten().float(), LEVEL_BINS)
    return level_vector(tables, heights, bin_counts(at, LEVEL_BINS), green.numel())


def level_vector(tables: Tensor, heights: Tensor, edges: Tensor, pixels: int) -> Tensor:
    """Counts (5, LEVEL_BINS) of `pixels`, sums of the heights of `edges` by level, and their number ->
    `level_statistics`."""
    height = heights / edges.clamp(min=1)
    return torch.cat([4 * (tables / pixels).sqrt().flatten(), (1 + 1000 * height).log() / 2])


def edge_statistics(code: Tensor, step: int) -> Tensor:
    """(3, H, W) -> where the middle of edges of 2 `step` pixels lies, by strength and level of the edge.

    A table of EDGE_STRENGTHS x EDGE_LEVELS rows, each a histogram of EDGE_PLACES places from the dark to the bright
    end, and the log count of each row. Overshooting (not monotone) triples and clipped ends are left out.
    """
    return _edge_tables(code, step)[0]


def place_statistics(code: Tensor, step: int) -> Tensor:
    """(3, H, W) -> the same as numbers, (3 EDGE_ROWS,): mean place of the middle from half way, its spread, and the
    share of middles that overshoot the ends (halos and noise)."""
    return _edge_tables(code, step)[1]


def _edge_tables(code: Tensor, step: int) -> tuple[Tensor, Tensor]:
    """`edge_statistics` and `place_statistics` at once."""
    size = FINE_PLACES + 2
    histogram = torch.zeros(EDGE_ROWS * EDGE_PLACES, device=code.device)
    fine = torch.zeros(EDGE_ROWS * size, device=code.device)
    for start, middle, end in shifted_views(code, step, 3):
        low, high = torch.minimum(start, end), torch.maximum(start, end)
        rise = high - low
        strength = sum((rise > bound).int() for bound in EDGE_STRENGTHS[1:]).flatten()
        kept = ((rise > EDGE_STRENGTHS[0]) & (high < CLIPPED)).flatten()
        row, place = (
            strength * EDGE_LEVELS + bin_of(low + rise / 2, EDGE_LEVELS),
            ((middle - low) / rise.clamp(min=1e-6)).flatten(),
        )
        inside = kept & (place >= 0) & (place <= 1)
        histogram += histogram_of(
            [masked_index(inside, row * EDGE_PLACES + bin_of(place, EDGE_PLACES))], len(histogram), code
        )
        # Place 1 belongs to the last bin inside, hence a little less than FINE_PLACES.
        at = (place.clamp(-0.04, 1.04) * (FINE_PLACES - 1e-3) + 1).int().clamp_(0, size - 1)
        fine += histogram_of([masked_index(kept, row * size + at)], len(fine), code)
    return row_histograms(histogram.view(EDGE_ROWS, EDGE_PLACES)), _moments(fine.view(EDGE_ROWS, size))


def _moments(counts: Tensor) -> Tensor:
    inside, number = counts[:, 1:-1], counts[:, 1:-1].sum(1).clamp(min=RELIABLE)
    place = (torch.arange(FINE_PLACES, device=counts.device) + 0.5) / FINE_PLACES - 0.5
    mean, square = inside @ place / number, inside @ place.square() / number
    outside = (counts[:, 0] + counts[:, -1]) / counts.sum(1).clamp(min=RELIABLE)
    return torch.cat([10 * mean, 10 * (square - mean.square()).clamp(min=0).sqrt(), 3 * outside.sqrt()])


def colour_statistics(code: Tensor) -> Tensor:
    """(3, H, W) -> how much farther along an edge the brighter of two channels is, by level and by gap between them.

    A table of COLOUR_LEVELS x COLOUR_GAPS rows, each a histogram of COLOUR_PLACES differences of place in
    [-0.5, 0.5], and the log count of each row.
    """
    return row_histograms(
        histogram_of(_colour_bins(code), COLOUR_ROWS * COLOUR_PLACES, code).view(COLOUR_ROWS, COLOUR_PLACES)
    )


def _colour_bins(code: Tensor) -> Iterator[Tensor]:
    for start, middle, end in shifted_views(code, 1, 3):
        rise = end - start
        safe = torch.where(rise.abs() > EDGE_STRENGTHS[1], rise, torch.ones_like(rise))
        place, level = (middle - start) / safe, (start + end) / 2
        good = (rise.abs() > EDGE_STRENGTHS[1]) & (place >= 0) & (place <= 1) & (torch.maximum(start, end) < CLIPPED)
        # All three pairs of channels at once: each, and the next.
        gap, both = level - level.roll(-1, 0), level + level.roll(-1, 0)
        alike = good & good.roll(-1, 0) & (rise * rise.roll(-1, 0) > 0)
        kept = (alike & (gap.abs() > 4 / 255)).flatten()
        ahead = (place - place.roll(-1, 0)) * gap.sign()
        row = bin_of(both / 2, COLOUR_LEVELS) * COLOUR_GAPS + bin_of(gap.abs() * 3, COLOUR_GAPS)
        yield masked_index(kept, row * COLOUR_PLACES + bin_of(ahead + 0.5, COLOUR_PLACES))
