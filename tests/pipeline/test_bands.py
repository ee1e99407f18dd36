"""Bands, budgets, and memory that runs out."""

import pytest
import torch

from hdrrecon.options import parse_memory
from hdrrecon.pipeline.bands import (
    BYTES_PER_PX,
    LOOKS_BYTES,
    LOOKS_BYTES_ELSEWHERE,
    band_rows,
    in_bands,
    out_of_memory,
)


@pytest.mark.parametrize(
    "given, bytes_",
    [(5e8, 5 * 10**8), ("2GB", 2 * 10**9), ("1.5 gib", 3 << 29), ("800M", 8 * 10**8), ("700", 700), (" 3kB ", 3000)],
)
def test_sizes_of_memory(given, bytes_):
    assert parse_memory(given) == bytes_


@pytest.mark.parametrize("given", ["", "GB", "two", "-1GB", 0, "1.2.3MB", "5 XB", None])
def test_what_is_no_size(given):
    with pytest.raises(ValueError, match="2GB"):
        parse_memory(given)


def test_rows_fit_the_budget():
    size, held = (10_000, 20_000), 600_000_000
    rows = [
        band_rows(size, memory, held) for memory in (None, 4 * 10**9, held + LOOKS_BYTES + 5 * 20_000 * BYTES_PER_PX)
    ]
    assert rows[0] == rows[1] >= rows[2] == 5
    with pytest.raises(ValueError) as refused:
        band_rows(size, held, held)
    least = parse_memory(str(refused.value).split('memory="')[1].split('"')[0])
    assert band_rows(size, least, held) == 1 and least - 10**6 < held + LOOKS_BYTES + 20_000 * BYTES_PER_PX


@pytest.mark.parametrize("height, rows", [(10, 3), (1, 5), (7, 7), (8, 1)])
def test_bands_cover_every_row_once_and_in_order(height, rows):
    seen = [row for band, answer in in_bands(height, rows, lambda band: band.stop) for row in range(band.start, answer)]
    assert seen == list(range(height))


def test_errors_that_smaller_bands_do_not_mend():
    def work(band):
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        list(in_bands(10, 4, work))

    def greedy(band):
        tried.append(band.stop - band.start)
        raise MemoryError

    tried = []
    with pytest.raises(MemoryError):
        list(in_bands(10, 4, greedy))
    assert tried == [4, 2, 1]


def test_what_a_band_had_made_is_gone_before_the_next_try():
    alive = set()

    class Tracked:
        def __init__(self):
            alive.add(id(self))

        def __del__(self):
            alive.discard(id(self))

    def work(band):
        assert not alive, "the failed band's memory is still held"
        made = Tracked()
        if band.stop - band.start > 2:
            raise MemoryError
        return id(made)

    assert len(list(in_bands(8, 8, work))) == 4


@pytest.mark.parametrize(
    "error, is_one",
    [
        (MemoryError(), True),
        (torch.OutOfMemoryError("x"), True),
        (RuntimeError("CUDA error: out of memory"), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate"), True),
        (RuntimeError("shape mismatch"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_which_errors_mean_memory(error, is_one):
    assert out_of_memory(error) is is_one


def test_a_4k_frame_is_one_band_on_a_gpu():
    gpu, size = torch.device("cuda"), (2160, 3840)
    assert band_rows(size, None, 0, gpu) == 2160 > band_rows(size, None, 0)
    assert band_rows(size, LOOKS_BYTES_ELSEWHERE + 100 * 3840 * BYTES_PER_PX, 0, gpu) == 100
