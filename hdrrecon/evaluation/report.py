"""The report: one HTML page that opens from disk, with the table and what every method made of every image.

All pictures are inside the page and nothing is fetched. Panels come from `hdrrecon.evaluation.panels`.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from html import escape
from pathlib import Path

from hdrrecon.evaluation import table
from hdrrecon.evaluation.conditions import CONDITIONS, PROTOCOL
from hdrrecon.evaluation.panels import ERROR_RANGE_STOPS, EXPOSURES_STOPS, TRUTH, error_colours, panel_path
from hdrrecon.evaluation.report_assets import SCRIPT, STYLE
from hdrrecon.evaluation.results import Row
from hdrrecon.evaluation.statistics import Summary, unusable
from hdrrecon.metrics.scores import METRICS

_LINES = ("#6aa3ff", "#f0a35e", "#c792ea", "#7fd48a", "#f07fa8", "#d8c95b", "#5ed1c8", "#b0b4ba")


def write_report(
    path: str | Path,
    rows: Sequence[Row],
    summaries: Sequence[Summary],
    panels: str | Path,
    metrics: Sequence[str] = (*table.MAIN, *table.BY_REGION),
) -> Path:
    """Write the page; replaces a page that is there, in one step.

    Args:
        path: the .html file.
        rows: of `runner.run`.
        summaries: of `statistics.summarise`.
        panels: the folder of panels; cases without one are left out of the pictures, not of the table.
        metrics: columns.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    cases = _cases(rows, Path(panels))
    body = [
        _head(rows),
        *_tables(summaries, metrics),
        _problems(rows),
        _case_tools(cases, summaries),
        *map(_case, cases),
    ]
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
        f'content="width=device-width">'
        f"<title>{PROTOCOL}</title><style>{STYLE}</style></head><body>{''.join(body)}</div><script>{SCRIPT}</script></body></html>"
    )
    temporary = path.with_name(path.name + ".part")
    temporary.write_text(page, encoding="utf-8")
    os.replace(temporary, path)
    return path


def _head(rows: Sequence[Row]) -> str:
    images = len({row["image"] for row in rows})
    conditions = dict.fromkeys(str(row["condition"]) for row in rows)
    says = "; ".join(
        f"<b>{escape(c)}</b>: {escape(CONDITIONS[c].says) if c in CONDITIONS else 'photos as they are'}"
        for c in conditions
    )
    return f"<h1>{PROTOCOL}</h1><p class=soft>{images} images. {says}.</p>"


def _tables(summaries: Sequence[Summary], metrics: Sequence[str]):
    """Two tables per condition: the main figures, and those by kind of region. Together they are wider than a
    screen."""
    for condition in dict.fromkeys(s.condition for s in summaries):
        here = {(s.method, s.metric): s for s in summaries if s.condition == condition}
        shown = [m for m in metrics if any(s.metric == m and s.n for s in here.values())]
        yield f"<h2>{escape(condition)}</h2>"
        yield _table(here, [m for m in shown if m not in table.BY_REGION])
        if by_region := [m for m in shown if m in table.BY_REGION]:
            yield f"<h3>By kind of region</h3>{_table(here, by_region)}"
    yield f"<p class=soft>{escape(table.NOTE)}</p>"


def _table(here: dict[tuple[str, str], Summary], metrics: Sequence[str]) -> str:
    """One table; `here` has the summaries of a condition by method and metric."""
    heads = "".join(
        f"<th><button>{escape(METRICS[m].title + table.unit(m))} {table.arrow(m)}</button></th>" for m in metrics
    )
    lines = []
    for method in dict.fromkeys(method for method, _ in here):
        trouble = table.troubles(here[method, next(iter(here))[1]]).replace("**", "")
        cells = "".join(_cell(here[method, m]) for m in metrics)
        lines.append(f"<tr><td>{escape(method)}<span class=trouble>{escape(trouble)}</span></td>{cells}</tr>")
    return (
        f"<div class=scroll><table class=sortable><thead><tr><th><button>method</button></th>{heads}"
        f"</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"
    )


def _cell(s: Summary) -> str:
    if not s.n:
        return "<td>–</td>"
    digits = METRICS[s.metric].digits
    tip = (
        f"median {s.median:.{digits}f}; minus plain input {s.difference:+.{digits}f} "
        f"[{s.difference_low:+.{digits}f}, {s.difference_high:+.{digits}f}], n = {s.n}: {s.verdict}"
    )
    return (
        f'<td data-value="{s.mean:.6g}" class="{escape(s.verdict)}" '
        f'title="{escape(tip)}">{s.mean:.{digits}f}{table.MARKS.get(s.verdict, "")}'
        f"<br><small>{s.low:.{digits}f} … {s.high:.{digits}f}</small></td>"
    )


def _problems(rows: Sequence[Row]) -> str:
    broken = unusable(rows)
    found = [f"{c} / {i}: not usable, counted for no method: {error}" for (c, i), error in broken.items()]
    for row in rows:
        name = f"{row['condition']} / {row['image']} / {row['method']}"
        if row["error"] and (row["condition"], row["image"]) not in broken:
            found.append(f"{name}: {row['error']}")
        elif not row["error"] and row["nonfinite"] > 0:
            found.append(f"{name}: {row['nonfinite']:.0f} values NaN or infinite, scored as black or blinding")
    if not found:
        return ""
    return f"<h2>Problems</h2><ul class=trouble>{''.join(f'<li>{escape(text)}</li>' for text in found)}</ul>"


def _cases(rows: Sequence[Row], panels: Path) -> list[dict]:
    cases: dict[tuple, dict] = {}
    for row in rows:
        condition, image, method = str(row["condition"]), str(row["image"]), str(row["method"])
        of_case = panel_path(panels, condition, image, TRUTH)
        own = panel_path(panels, condition, image, method)
        if row["error"] or not (of_case.exists() and own.exists()):
            continue
        case = cases.setdefault(
            (condition, image),
            {"condition": condition, "image": image, "truth": json.loads(of_case.read_text()), "methods": {}},
        )
        case["methods"][method] = (row, json.loads(own.read_text()))
    return list(cases.values())


def _case_tools(cases: list[dict], summaries: Sequence[Summary]) -> str:
    if not cases:
        return "<div>"
    methods = dict.fromkeys(s.method for s in summaries)
    orders = [
        '<option value="name|up">image</option>',
        '<option value="clipped_percent|down">most clipped</option>',
    ]
    orders += [
        f'<option value="{escape(m)}|{way}">{escape(m)}: {word} PU21-PSNR first</option>'
        for m in methods
        for way, word in (("up", "lowest"), ("down", "highest"))
    ]
    conditions = ['<option value="">all conditions</option>'] + [
        f"<option>{escape(c)}</option>" for c in dict.fromkeys(case["condition"] for case in cases)
    ]
    at = [-1 + i / 8 for i in range(17)]
    stops = ", ".join(f"rgb({','.join(f'{v:.0f}' for v in error_colours(x * ERROR_RANGE_STOPS))})" for x in at)
    return (
        f"<h2>Images</h2><div class=tools><label>Order <select id=case-order>{''.join(orders)}</select></label>"
        f"<label>Condition <select id=case-condition>{''.join(conditions)}</select></label>"
        f"<span class=legend>error: {-ERROR_RANGE_STOPS:.0f} stops, too dark <span class=bar "
        f'style="background:linear-gradient(90deg,{stops})"></span>'
        f" too bright, +{ERROR_RANGE_STOPS:.0f} stops</span></div><div id=cases>"
    )


def _case(case: dict) -> str:
    rows = {method: row for method, (row, _) in case["methods"].items()}

    def finite(value):
        return None if math.isnan(value) else value

    scores = {method: finite(row["pu21_psnr"]) for method, row in rows.items()}
    clipped = next(iter(rows.values()))["clipped_percent"]
    scores["clipped_percent"] = finite(clipped)
    heads = "".join(
        f"<span class=head>{text}</span>"
        for text in ("", *(f"{e:+d} stops" if e else "as taken" for e in EXPOSURES_STOPS), "error")
    )
    lines = [_line("truth", case["truth"]["exposures"], None, None)]
    lines += [
        _line(method, panel["exposures"], panel["error"], row) for method, (row, panel) in case["methods"].items()
    ]
    return (
        f'<section class=case data-name="{escape(case["image"])}" data-condition="{escape(case["condition"])}" '
        f'data-scores="{escape(json.dumps(scores))}"><div><h3>{escape(case["image"])}</h3>'
        f'<p class=soft>{escape(case["condition"])}, {clipped:.1f} % clipped</p><img loading=lazy alt="input '
        f'photo" src="{case["truth"]["input"]}">'
        f"{_curves(case)}</div><div class=scroll><div class=grid>{heads}{''.join(lines)}</div></div></section>"
    )


def _line(name: str, exposures: list[str], error: str | None, row: Row | None) -> str:
    pictures = "".join(
        f'<img loading=lazy alt="{escape(name)} at {e:+d} stops" src="{data}">'
        for e, data in zip(EXPOSURES_STOPS, exposures)
    )
    pictures += f'<img loading=lazy alt="error of {escape(name)} in stops" src="{error}">' if error else "<span></span>"
    numbers = "" if row is None else f"<br><small>{row['pu21_psnr']:.1f} dB"
    if row is not None:
        clipped = row["clipped_log_rmse"]
        numbers += ("" if math.isnan(clipped) else f"<br>{clipped:.2f} stops clipped") + "</small>"
    breakable = escape(name).replace("_", "_<wbr>")
    return f"<span class=name>{breakable}{numbers}</span>{pictures}"


def _curves(case: dict) -> str:
    """Linear light over code value, true and as each method took it; methods that took the same share a line."""
    drawn: dict[str, list[str]] = {}
    if case["truth"]["curve"]:
        drawn.setdefault(json.dumps(case["truth"]["curve"]), []).append("truth")
    for method, (_, panel) in case["methods"].items():
        if panel["curve"]:
            drawn.setdefault(json.dumps(panel["curve"]), []).append(method)
    if not drawn:
        return ""
    paths, key = [], []
    for colour, (data, names) in zip(
        ("#e8e9eb" if "truth" in next(iter(drawn.values())) else _LINES[0], *_LINES), drawn.items()
    ):
        for channel in json.loads(data):
            points = " ".join(
                f"{24 + 170 * i / (len(channel) - 1):.1f},{180 - 170 * v:.1f}" for i, v in enumerate(channel)
            )
            paths.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        key.append(f'<div><i style="background:{colour}"></i>{escape(", ".join(names))}</div>')
    return (
        '<svg viewBox="0 0 200 200" role="img" aria-label="response curves"><path d="M24 10V180H194" fill="none" '
        'stroke="#3a3d42"/>'
        f'{"".join(paths)}<text x="24" y="194">code value</text><text x="28" y="20">light</text></svg><div '
        f'class="key soft">{"".join(key)}</div>'
    )
