"""Style and script of the report page: plain CSS and JavaScript, nothing fetched."""

STYLE = """
:root { color-scheme: dark; --line: #3a3d42; --soft: #9aa0a8; --good: #7fd48a; --bad: #f08c7a; }
body { margin: 0 auto; max-width: 1280px; padding: 24px; background: #17181b; color: #e8e9eb; font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 24px; margin: 0 0 4px; } h2 { font-size: 18px; margin: 36px 0 8px; } p { max-width: 90ch; margin: 6px 0; }
.soft, small { color: var(--soft); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 5px 12px 5px 0; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; vertical-align: top; }
th:first-child, td:first-child { text-align: left; position: sticky; left: 0; background: #17181b; }
h3 { font-size: 15px; margin: 18px 0 4px; }
thead th { white-space: normal; font-weight: 600; vertical-align: bottom; }
th button { all: unset; cursor: pointer; } th button:focus-visible, select:focus-visible { outline: 2px solid #6aa3ff; }
th[aria-sort=ascending] button::after { content: " ▲"; } th[aria-sort=descending] button::after { content: " ▼"; }
.better { color: var(--good); } .worse { color: var(--bad); } .trouble { color: var(--bad); }
.tools { display: flex; gap: 20px; flex-wrap: wrap; align-items: center; margin: 10px 0; }
select { background: #24262a; color: inherit; border: 1px solid var(--line); border-radius: 4px; padding: 4px 6px; font: inherit; }
.case { border-top: 1px solid var(--line); padding: 16px 0; display: grid; grid-template-columns: 260px 1fr; gap: 20px; }
.case h3 { font-size: 15px; margin: 0 0 6px; overflow-wrap: anywhere; }
.case img { display: block; max-width: 100%; height: auto; background: #000; }
.grid { display: grid; grid-template-columns: minmax(96px, 150px) repeat(4, minmax(90px, 1fr)); gap: 6px; align-items: center; min-width: 560px; }
.grid .head { color: var(--soft); font-size: 13px; } .grid .name { overflow-wrap: anywhere; font-size: 13px; }
.grid img { width: 100%; }
.legend { display: flex; align-items: center; gap: 8px; } .bar { width: 220px; height: 12px; border-radius: 2px; }
svg { display: block; width: 200px; height: 200px; margin-top: 10px; } svg text { fill: var(--soft); font-size: 11px; }
.key { font-size: 12px; } .key i { display: inline-block; width: 14px; height: 3px; vertical-align: middle; margin-right: 6px; }
@media (max-width: 760px) { .case { grid-template-columns: 1fr; } body { padding: 14px; } }
"""

SCRIPT = """
"use strict";
const number = cell => { const v = parseFloat(cell.dataset.value); return Number.isNaN(v) ? null : v; };
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
    const up = head.getAttribute("aria-sort") !== "ascending";
    heads.forEach(other => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    const body = table.tBodies[0];
    const rows = [...body.rows].sort((a, b) => {
      if (column === 0) return (up ? 1 : -1) * a.cells[0].textContent.localeCompare(b.cells[0].textContent);
      const x = number(a.cells[column]), y = number(b.cells[column]);
      if (x === null || y === null) return (x === null) - (y === null);  // no value is last either way
      return (up ? 1 : -1) * (x - y);
    });
    body.append(...rows);
  }));
}
const by = document.getElementById("case-order"), only = document.getElementById("case-condition");
const arrange = () => {
  const [key, direction] = by.value.split("|");
  const cases = [...document.querySelectorAll(".case")];
  for (const one of cases) one.hidden = Boolean(only.value) && one.dataset.condition !== only.value;
  cases.sort((a, b) => {
    if (key === "name") return a.dataset.name.localeCompare(b.dataset.name);
    const x = JSON.parse(a.dataset.scores)[key], y = JSON.parse(b.dataset.scores)[key];
    if (x == null || y == null) return (x == null) - (y == null);
    return direction === "up" ? x - y : y - x;
  });
  document.getElementById("cases").append(...cases);
};
if (by) { by.addEventListener("change", arrange); only.addEventListener("change", arrange); }
"""
