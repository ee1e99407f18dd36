"""What `hdrrecon bench` promises: the photo it says, plausible floors, a table with ratios first."""

import csv

import numpy as np
import pytest
from typer.testing import CliRunner

from hdrrecon.bench import photos as bench
from hdrrecon.cli.main import app
from tests.conftest import needs_weights


@pytest.mark.parametrize("percent", bench.CLIPPED_PERCENT)
def test_the_photo_has_the_size_and_the_clipped_share_asked_for(percent):
    image = bench.photo(0.25, percent)
    assert image.dtype == np.uint8 and image.shape[0] * image.shape[1] == pytest.approx(250_000, rel=0.01)
    clipped = (image == 255).all(-1)
    assert 100 * clipped.mean() == pytest.approx(percent, abs=0.7) and image[~clipped].max() < 236
    assert np.array_equal(image, bench.photo(0.25, percent))


def test_a_measurement_in_its_own_process_and_the_tables_made_of_it(tmp_path):
    needs_weights()
    case = bench.Case(0.05, 5, "full", "cpu")
    cost = bench.measure_apart(case)
    assert 0 < cost.one_pass < cost.read_write < cost.seconds and 0.1 < cost.peak < 20 and cost.device_peak == 0
    table = bench.rows([(case, cost)])
    names = list(table[0])
    assert cost.busy > 0 and sum(cost.shares.values()) == pytest.approx(1, abs=0.2)
    assert names.index("x read + write") < names.index("MP/s") and float(table[0]["x read + write"]) == pytest.approx(
        cost.seconds / cost.read_write, abs=0.006
    )
    text = bench.markdown(table, "a machine")
    assert text.startswith("a machine\n") and {line.count("|") for line in text.splitlines()[2:]} == {len(names) + 1}
    (row,) = csv.DictReader(bench.as_csv(table, "a machine, 2 cores").splitlines())
    assert row["machine"] == "a machine, 2 cores" and row["MP"] == "0.05"


def test_what_failed_is_named_and_the_others_are_measured(monkeypatch, tmp_path):
    def measure(case):
        if case.megapixels == 4:
            raise RuntimeError("4 MP, 5 %: killed")
        return bench.Cost(2.0, 0.5, 0.01, 1.5)

    monkeypatch.setattr(bench, "measure_apart", measure)
    result = CliRunner().invoke(app, ["bench", "--sizes", "1,4,12", "--clipped", "5", "-o", str(tmp_path / "x.csv")])
    assert result.exit_code == 1 and "4 MP, 5 %: killed" in result.stderr
    assert [(row["MP"], row["x read + write"], row["MP/s"]) for row in csv.DictReader(open(tmp_path / "x.csv"))] == [
        ("1", "4.00", "0.50"),
        ("12", "4.00", "6.00"),
    ]


def test_a_process_that_dies_says_why():
    with pytest.raises(RuntimeError, match="0.01 MP, 5 %: .*none"):
        bench.measure_apart(bench.Case(0.01, 5, "none"))


@pytest.mark.parametrize(
    "arguments, words",
    [
        (("--sizes", "big"), "--sizes wants numbers"),
        (("--clipped", "95"), "from 0 to 90"),
        (("--model", "none"), "there are: full"),
    ],
)
def test_bad_usage(arguments, words):
    result = CliRunner().invoke(app, ["bench", *arguments])
    assert result.exit_code == 2 and words in result.stderr
