# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of all tasks: template and script. Without the script it is a plain table of everything."""

from __future__ import annotations

PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{{ policy }}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>Coder tasks archive</title>
<style>{{ style }}</style>
</head>
<body>
<a class="skip" href="#tasks">Skip to the tasks</a>
<header class="top wide">
  <h1>Coder tasks archive</h1>
  <dl class="cards">
    <div class="card"><dt>Tasks</dt><dd>{{ rows | length | thousands }}</dd></div>
    <div class="card"><dt>Messages</dt><dd>{{ messages | thousands }}</dd></div>
    <div class="card"><dt>Complete logs</dt><dd>{{ coverages["complete"] | thousands }}</dd></div>
    <div class="card"><dt>Partial logs</dt><dd>{{ coverages["partial"] | thousands }}</dd></div>
    <div class="card"><dt>Empty</dt><dd>{{ coverages["empty"] | thousands }}</dd></div>
    {% if coverages["unreadable"] %}
    <div class="card"><dt>Unreadable</dt><dd>{{ coverages["unreadable"] | thousands }}</dd></div>
    {% endif %}
    <div class="card"><dt>Secrets taken out</dt><dd>{{ redactions | thousands }}</dd></div>
  </dl>
  {% if failures %}
  <p class="note bad" role="note">
    The log of {{ failures | thousands }} task{{ "s" if failures > 1 }} could not be read at the last attempt.
  </p>
  {% endif %}
  {% if chart %}
  <figure class="chart">
    <figcaption>Tasks created per {{ chart.unit }}
      <span class="legend">{% for status, number in chart.statuses %}<span><i class="fill-{{ status }}">
        </i>{{ status }} {{ number | thousands }}</span>{% endfor %}</span>
    </figcaption>
    <svg viewBox="0 0 960 120" preserveAspectRatio="none" role="img"
      aria-label="New tasks per {{ chart.unit }}, {{ chart.first }} to {{ chart.last }}, up to {{ chart.highest }}">
    {% for bar in chart.bars %}
      <g><title>{{ bar.label }}</title>{% for part in bar.parts %}<rect class="fill-{{ part.status }}"
        x="{{ bar.x }}" y="{{ part.y }}" width="{{ bar.width }}" height="{{ part.height }}"/>{% endfor %}<rect
        class="hover" x="{{ bar.x }}" y="0" width="{{ bar.width }}" height="120"/></g>
    {% endfor %}
    </svg>
    <div class="axis"><span>{{ chart.first }}</span><span>at most {{ chart.highest }} per {{ chart.unit }}</span>
      <span>{{ chart.last }}</span></div>
  </figure>
  {% endif %}
</header>
<div class="tools"><div class="wide">
  <form role="search" aria-label="Search and filter the tasks">
    <label class="hidden-label" for="search">Search by name, owner, template or id</label>
    <input id="search" type="search" placeholder="Search by name, owner, template or id  ( / )" autocomplete="off"
      spellcheck="false">
    {% for key, label, plural in filters %}
    <label class="hidden-label" for="{{ key }}">Filter by {{ label }}</label>
    <select id="{{ key }}"><option value="">All {{ plural }}</option>{% for value in choices[key] %}<option
      value="{{ value | line }}">{{ value | line }}</option>{% endfor %}</select>
    {% endfor %}
    <output id="count" for="search owner template status source coverage"
      aria-live="polite">{{ rows | length | thousands }} tasks</output>
  </form>
</div></div>
<main id="tasks" class="wide" tabindex="-1" aria-label="Tasks">
  <div class="table">
  <table aria-label="Tasks in this archive">
    <thead><tr>
      <th scope="col" class="w-task"><button type="button" data-key="name">Task</button></th>
      <th scope="col"><button type="button" data-key="owner">Owner</button></th>
      <th scope="col"><button type="button" data-key="template">Template</button></th>
      <th scope="col" class="w-small"><button type="button" data-key="status">Status</button></th>
      <th scope="col" class="w-small"><button type="button" data-key="source">Source</button></th>
      <th scope="col" class="w-small"><button type="button" data-key="coverage">Log</button></th>
      <th scope="col" class="w-small number"><button type="button" data-key="messages">Messages</button></th>
      <th scope="col" class="w-time"><button type="button" data-key="last">Last message</button></th>
    </tr></thead>
    <tbody>
    {% for row in rows %}
    <tr>
    <td class="title"><a href="tasks/{{ row.folder }}/transcript.html"
      dir="auto">{{ (row.display_name or row.name or row.id) | line }}</a>
      {% if row.display_name and row.display_name != row.name %}<small>{{ (row.name or "") | line }}</small>
      {% endif %}{% if row.error_kind and row.error_kind != "no_log" %}
      <small class="failed">last attempt failed: {{ row.error_kind | line }}</small>
      {% endif %}</td>
    <td data-label="Owner">{{ (row.owner or "") | line }}</td>
    <td data-label="Template">{{ (row.template or "") | line }}</td>
    <td data-label="Status"><span class="chip {{ row.status or "" }}">{{ (row.status or "") | line }}</span></td>
    <td data-label="Source"><span class="chip {{ row.source }}">{{ row.source }}</span></td>
    <td data-label="Log"><span class="chip {{ row.coverage }}">{{ row.coverage }}</span></td>
    <td data-label="Messages" class="number">{{ row.messages }}</td>
    <td data-label="Last message">{% if row.last_time %}<time
      datetime="{{ row.last_time }}">{{ row.last_time | clock }}</time>{% else %}–{% endif %}</td>
    </tr>
    {% endfor %}
    </tbody>
  </table>
  <p id="nothing" class="nothing" {% if rows %}hidden{% endif %}>
    {{ "No task matches." if rows else "This archive is empty." }}
  </p>
  </div>
  <p class="more"><button type="button" id="more" hidden>Show more</button></p>
</main>
<footer class="foot wide">Times are in UTC. Checksums: <a href="SHA256SUMS">SHA256SUMS</a>. Data: <a
  href="manifest.jsonl">manifest.jsonl</a>, <a href="index.csv">index.csv</a>.</footer>
<script>{{ script }}</script>
</body>
</html>
"""

SCRIPT = r"""
"use strict";
const PAGE = 100;
const $ = (id) => document.getElementById(id);
const body = document.querySelector("tbody");
const columns = ["name", "owner", "template", "status", "source", "coverage", "messages", "last"];
const filters = ["owner", "template", "status", "source", "coverage"];
const rows = [...body.rows].map((node) => {
  const row = { node };
  columns.forEach((key, at) => { row[key] = node.cells[at].textContent.trim(); });
  row.messages = Number(row.messages);
  row.name = row.name.toLowerCase();
  row.text = `${node.textContent} ${node.querySelector("a").getAttribute("href")}`.toLowerCase();
  return row;
});
let order = rows;
let limit = PAGE;

function show() {
  const words = $("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const wanted = filters.map((key) => [key, $(key).value]).filter(([, value]) => value);
  let found = 0;
  const visible = document.createDocumentFragment();
  for (const row of order) {
    if (!wanted.every(([key, value]) => row[key] === value)) continue;
    if (!words.every((word) => row.text.includes(word))) continue;
    found += 1;
    if (found <= limit) visible.append(row.node);
  }
  body.replaceChildren(visible);
  const all = rows.length.toLocaleString("en");
  $("count").value = found === rows.length ? `${all} tasks` : `${found.toLocaleString("en")} of ${all} tasks`;
  $("nothing").hidden = found > 0;
  $("more").hidden = found <= limit;
  $("more").textContent = `Show more (${(found - limit).toLocaleString("en")} left)`;
}

function restart() { limit = PAGE; show(); }

let timer;
$("search").addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(restart, 60); });
for (const key of filters) $(key).addEventListener("change", restart);
document.querySelector("form").addEventListener("submit", (event) => { event.preventDefault(); restart(); });
$("more").addEventListener("click", () => { limit += PAGE; show(); });
for (const button of document.querySelectorAll("th button")) {
  button.addEventListener("click", () => {
    const head = button.closest("th");
    const direction = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    for (const other of document.querySelectorAll("th")) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", direction > 0 ? "ascending" : "descending");
    const key = button.dataset.key;
    order = [...rows].sort((a, b) => direction * (a[key] < b[key] ? -1 : a[key] > b[key] ? 1 : 0));
    restart();
  });
}
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !event.target.matches("input, select")) { event.preventDefault(); $("search").focus(); }
});
for (const time of document.querySelectorAll("time")) {
  const when = new Date(time.dateTime);
  if (!isNaN(when)) time.title = `Your time: ${when.toLocaleString()}`;
}
addEventListener("beforeprint", () => { limit = Infinity; show(); });
show();
"""
