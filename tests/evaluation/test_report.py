import re

import pytest

from hdrrecon.cli.evaluate import _panels
from hdrrecon.evaluation.conditions import CONDITIONS
from hdrrecon.evaluation.report import write_report
from hdrrecon.evaluation.runner import Settings, run
from hdrrecon.evaluation.sources import find_truths
from hdrrecon.evaluation.statistics import summarise
from tests.browser import Browser


@pytest.fixture
def page(truths, tmp_path):
    sources, out = find_truths(truths), tmp_path / "r.csv"
    rows = run(
        sources,
        [CONDITIONS["clip_95"]],
        ["camera_curve", "<b>&=tests.evaluation.solvers:broken"],
        out,
        settings=Settings(panels=str(_panels(out))),
        pictured=[s.image for s in sources[:2]],
    )
    return write_report(tmp_path / "report.html", rows, summarise(rows), _panels(out))


def test_the_page_is_self_contained_and_escaped(page):
    html = page.read_text()
    assert not re.search(r"""(?:src|href)=["'](?!data:)|https?://|@import|url\(""", html)
    assert "<b>&=" not in html and "<td><b>" not in html and "&lt;b&gt;&amp;" in html
    assert html.count("<section class=case") == 2
    assert "with NaN or inf" in html and "12 values NaN or infinite" in html


def test_a_report_asked_for_later_fills_in_its_pictures(truths, tmp_path):
    sources, out = find_truths(truths), tmp_path / "r.csv"
    run(sources, [CONDITIONS["clip_95"]], [], out)
    rows = run(
        sources,
        [CONDITIONS["clip_95"]],
        [],
        out,
        settings=Settings(panels=str(_panels(out))),
        pictured=["scene1"],
    )
    assert (
        write_report(tmp_path / "p.html", rows, summarise(rows), _panels(out)).read_text().count("<section class=case")
        == 1
    )


def test_it_renders_and_sorts_in_a_browser(page):
    """Sort by the first metric twice, order the images; then say what the page shows."""
    probe = """(async () => {
        const table = document.querySelector("table.sortable"), button = table.querySelectorAll("th button")[1];
        const values = () => [...table.tBodies[0].rows].map(r => +r.cells[1].dataset.value);
        button.click(); const up = values(); button.click(); const down = values();
        const order = document.getElementById("case-order");
        order.value = "name|up"; order.dispatchEvent(new Event("change"));
        const names = [...document.querySelectorAll(".case")].map(c => c.dataset.name);
        const pictures = [...document.images]; for (const p of pictures) p.loading = "eager";
        await Promise.all(pictures.map(p => p.decode()));
        return {up, down, names, pictures: pictures.length, bad: pictures.filter(p => !p.naturalWidth).length};
    })()"""
    with Browser() as browser:
        browser.open(page, until="document.readyState === 'complete'")
        state = browser.run(probe)
        assert browser.errors() == [] and {a.split(":")[0] for a in browser.addresses()} <= {"file", "data"}
    assert state["up"] == sorted(state["up"]) and state["down"] == state["up"][::-1] and len(state["up"]) == 3
    assert state["names"] == ["scene0", "scene1"]
    # per case: the input, the truth at three exposures, and per method three exposures and an error map
    assert state["pictures"] == 2 * (1 + 3 + 3 * 4) and state["bad"] == 0
