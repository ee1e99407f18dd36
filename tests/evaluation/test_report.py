import re
import shutil
import subprocess

import pytest

from hdrrecon.evaluation.cli import _panels
from hdrrecon.evaluation.conditions import CONDITIONS
from hdrrecon.evaluation.report import write_report
from hdrrecon.evaluation.runner import Settings, run
from hdrrecon.evaluation.sources import find_truths
from hdrrecon.evaluation.statistics import summarise

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None
)


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
        write_report(tmp_path / "p.html", rows, summarise(rows), _panels(out))
        .read_text()
        .count("<section class=case")
        == 1
    )


@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")
def test_it_renders_and_sorts_in_a_browser(page, tmp_path):
    """Sort by the first metric twice, order the images; the page reports what it then shows."""
    probe = """<script>
      const errors = []; addEventListener("error", e => errors.push(e.message));
      addEventListener("load", () => setTimeout(() => {
        const table = document.querySelector("table.sortable"), button = table.querySelectorAll("th button")[1];
        const values = () => [...table.tBodies[0].rows].map(r => +r.cells[1].dataset.value);
        button.click(); const up = values(); button.click(); const down = values();
        const order = document.getElementById("case-order");
        const names = () => [...document.querySelectorAll(".case")].map(c => c.dataset.name);
        order.value = "name|up"; order.dispatchEvent(new Event("change"));
        const pictures = [...document.images]; for (const p of pictures) p.loading = "eager";
        Promise.all(pictures.map(p => p.decode())).then(() => {
          const bad = pictures.filter(p => !p.naturalWidth).length;
          document.title = JSON.stringify({up, down, names: names(), pictures: pictures.length, bad, errors});
        });
      }, 50));
    </script>"""
    probed = tmp_path / "probed.html"
    probed.write_text(page.read_text().replace("</body>", probe + "</body>"))
    found = subprocess.run(
        [
            CHROMIUM,
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            f"--user-data-dir={tmp_path / 'profile'}",
            "--virtual-time-budget=5000",
            "--dump-dom",
            probed.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=60,
    )
    import html
    import json

    title = re.search(r"<title>(.*?)</title>", found.stdout)
    assert title, found.stderr[-500:]
    state = json.loads(html.unescape(title[1]))
    assert state["up"] == sorted(state["up"]) and state["down"] == state["up"][::-1] and len(state["up"]) == 3
    assert state["names"] == ["scene0", "scene1"] and state["errors"] == []
    # per case: the input, the truth at three exposures, and per method three exposures and an error map
    assert state["pictures"] == 2 * (1 + 3 + 3 * 4) and state["bad"] == 0
