# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of all tasks: template and script. Without the script it is a plain table of everything."""

from __future__ import annotations

from .words import DIGITS, LONGEST_WORD, SEPARATORS, UNSPACED

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
  <dl class="facts">
    {% for name, value in about %}
    <div><dt>{{ name }}</dt><dd>{{ value | line }}</dd></div>
    {% endfor %}
    <div id="written" hidden><dt>This file was written</dt><dd></dd></div>
  </dl>
  <dl class="cards">
    <div class="card"><dt>{{ "Tasks and chats" if has_chats else "Tasks" }}</dt>
      <dd>{{ rows | length | thousands }}</dd></div>
    <div class="card"><dt>Messages</dt><dd>{{ messages | thousands }}</dd></div>
    {% for word, number in coverages.items() if number or word != "unreadable" %}
    <div class="card" title="{{ meanings[word] }}"><dt>Logs {{ word }}</dt><dd>{{ number | thousands }}</dd></div>
    {% endfor %}
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
    {% set searched = "names and conversations" if said.words is not none else "names, owners and templates" %}
    <label class="hidden-label" for="search">Search {{ searched }}</label>
    <input id="search" type="search" placeholder="Search {{ searched }}  ( / )" autocomplete="off" spellcheck="false">
    {% for key, label, plural in filters %}
    <label class="hidden-label" for="{{ key }}">Filter by {{ label }}</label>
    <select id="{{ key }}"><option value="">All {{ plural }}</option>{% for value in choices[key] %}<option
      value="{{ value | line }}">{{ value | line }}</option>{% endfor %}</select>
    {% endfor %}
    <output id="count" for="search owner template status source coverage"
      aria-live="polite">{{ rows | length | thousands }} tasks</output>
  </form>
</div></div>
{% if said.words is not none %}
<template id="words">{{ said.words }}</template>
<template id="places">{{ said.places }}</template>
{% endif %}
<main id="tasks" class="wide" tabindex="-1" aria-label="Tasks">
  <p id="filtered" class="filtered" hidden></p>
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
    <td class="title"><a href="{{ row.place }}/transcript.html"
      dir="auto">{{ (row.display_name or row.name or row.id) | line }}</a>
      {% if row.display_name and row.display_name != row.name %}<small>{{ (row.name or "") | line }}</small>
      {% endif %}{% if row.kind != "task" %}
      <small class="kind">{{ row.kind }}{{ " of a sub-agent" if row.parent }}</small>
      {% endif %}{% if row.error_kind and row.error_kind != "no_log" %}
      <small class="failed">last attempt failed: {{ row.error_kind | line }}</small>
      {% endif %}</td>
    <td data-label="Owner">{{ (row.owner or "") | line }}</td>
    <td data-label="Template">{{ (row.template or "") | line }}</td>
    <td data-label="Status"><span class="chip {{ row.status or "" }}">{{ (row.status or "") | line }}</span></td>
    <td data-label="Source"><span class="chip {{ row.source }}">{{ row.source }}</span></td>
    <td data-label="Log"><span class="chip {{ row.coverage }}"
      title="{{ meanings[row.coverage] }}">{{ row.coverage }}</span></td>
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
<footer class="foot wide">
  <dl class="meanings">{% for word, meaning in meanings.items() %}<div><dt>{{ word }}</dt><dd>{{ meaning }}</dd></div>
  {% endfor %}</dl>
  <p class="keys"><kbd>/</kbd> search, <kbd>j</kbd> <kbd>k</kbd> next and previous task, <kbd>Enter</kbd> opens it,
  <kbd>Esc</kbd> leaves the search.
  {% if said.words is none %}
  The conversations are too many to be searched on this page; ask <code>index.sqlite</code>.
  {% else %}
  The search finds tasks with all of the words, in their names or in what was said and saved; secrets that were taken
  out are in neither.
  {% endif %}</p>
  Times are in UTC. Checksums: <a href="SHA256SUMS">SHA256SUMS</a>. Data: <a
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
const rows = [...body.rows].map((node, at) => {
  const row = { node, at, link: node.querySelector("a") };
  columns.forEach((key, at) => { row[key] = node.cells[at].textContent.trim(); });
  row.messages = Number(row.messages);
  row.name = row.name.toLowerCase();
  row.text = `${node.textContent} ${row.link.getAttribute("href")}`.toLowerCase();
  return row;
});
let order = rows;
let sorted = "";
let limit = PAGE;

// The words of the conversations: see words.py, which writes them.
const WORD = /[^@SEPARATORS@@UNSPACED@]+|[@UNSPACED@]+/g;
const UNSPACED = /^[@UNSPACED@]{2}/;
const DIGITS = "@DIGITS@";
const VALUES = new Uint8Array(128);
[...DIGITS].forEach((digit, value) => { VALUES[digit.charCodeAt(0)] = value; });
const known = new Map();
let index;

function open() {
  const text = (id) => $(id)?.content.textContent ?? "";
  index = { words: text("words"), places: text("places").split("\n"), starts: [0] };
  for (let at = index.words.indexOf("\n"); at >= 0; at = index.words.indexOf("\n", at + 1)) index.starts.push(at + 1);
}

function lineAt(position) {
  let low = 0, high = index.starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (index.starts[middle] <= position) low = middle; else high = middle - 1;
  }
  return low;
}

// Marks the rows that say a word, or one that it is a part of.
function rowsWith(word) {
  const found = new Uint8Array(rows.length);
  for (let at = index.words.indexOf(word); at >= 0;) {
    const line = lineAt(at);
    const text = index.places[line];
    for (let place = 0, row = -1; place < text.length;) {
      let distance = 0, shift = 0, digit;
      do {
        digit = VALUES[text.charCodeAt(place++)];
        distance |= (digit & 31) << shift;
        shift += 5;
      } while (digit & 32);
      found[row += distance + 1] = 1;
    }
    at = line + 1 < index.starts.length ? index.words.indexOf(word, index.starts[line + 1]) : -1;
  }
  return found;
}

// Marks the rows whose conversation has all of a text that was typed; none if nothing in it is a word.
function saying(text) {
  if (!known.has(text)) {
    if (!index) open();
    if (known.size > 40) known.clear();
    const found = new Uint8Array(rows.length);
    const words = (text.normalize("NFKC").toLowerCase().match(WORD) ?? []).flatMap((word) => (UNSPACED.test(word)
      ? [...word].slice(1).map((char, at) => [...word][at] + char) : [[...word].slice(0, @LONGEST@).join("")]));
    words.map(rowsWith).forEach((marks, at) => {
      for (let row = 0; row < found.length; row++) found[row] = marks[row] && (at === 0 || found[row]);
    });
    known.set(text, found);
  }
  return known.get(text);
}

function show() {
  const words = $("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const wanted = filters.map((key) => [key, $(key).value]).filter(([, value]) => value);
  const said = words.map(saying);
  const state = keep();
  let found = 0;
  const visible = document.createDocumentFragment();
  for (const row of order) {
    if (!wanted.every(([key, value]) => row[key] === value)) continue;
    if (!words.every((word, at) => said[at][row.at] || row.text.includes(word))) continue;
    found += 1;
    if (found > limit) continue;
    row.node.classList.toggle("heard", words.some((word, at) => said[at][row.at] && !row.text.includes(word)));
    const onward = new URLSearchParams();
    const heard = words.filter((word, at) => said[at][row.at]);
    if (heard.length) onward.set("q", heard.length === words.length ? $("search").value.trim() : heard.join(" "));
    if (state) onward.set("list", state);
    row.link.hash = String(onward);
    visible.append(row.node);
  }
  body.replaceChildren(visible);
  const all = rows.length.toLocaleString("en");
  $("count").value = found === rows.length ? `${all} tasks` : `${found.toLocaleString("en")} of ${all} tasks`;
  $("nothing").hidden = found > 0;
  $("more").hidden = found <= limit;
  $("more").textContent = `Show more (${(found - limit).toLocaleString("en")} left)`;
  const conditions = wanted.map(([key, value]) => `${key === "coverage" ? "log" : key} ${value}`);
  if (words.length) conditions.unshift(`\u201c${$("search").value.trim()}\u201d`);
  $("filtered").hidden = !conditions.length;
  $("filtered").textContent = `Not all tasks are here: ${$("count").value}, by ${conditions.join(", ")}.`;
}

// The address after # says what is searched, chosen and sorted by, so that it can be kept and come back to.
function keep() {
  const state = new URLSearchParams();
  if ($("search").value.trim()) state.set("q", $("search").value.trim());
  for (const key of filters) if ($(key).value) state.set(key, $(key).value);
  if (sorted) state.set("sort", sorted);
  const hash = String(state);
  if (hash !== location.hash.slice(1) && (hash || location.hash.includes("="))) {
    try { history.replaceState(null, "", `#${hash}`); } catch { /* some browsers forbid many of them at once */ }
  }
  return hash;
}

function restore() {
  const state = new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");
  $("search").value = state.get("q") ?? "";
  for (const key of filters) $(key).value = state.get(key) ?? "";
  for (const key of filters) if ($(key).selectedIndex < 0) $(key).value = "";
  sort(state.get("sort") ?? "");
}

function sort(by) {
  const key = by.replace("-", "");
  sorted = columns.includes(key) ? by : "";
  for (const button of document.querySelectorAll("th button")) {
    const head = button.closest("th");
    if (sorted && button.dataset.key === key) head.setAttribute("aria-sort", by === key ? "ascending" : "descending");
    else head.removeAttribute("aria-sort");
  }
  const direction = by === key ? 1 : -1;
  order = sorted ? [...rows].sort((a, b) => direction * (a[key] < b[key] ? -1 : a[key] > b[key] ? 1 : 0)) : rows;
  restart();
}

function restart() { limit = PAGE; show(); }

function move(step) {
  const links = [...body.rows].map((row) => row.querySelector("a"));
  const from = links.indexOf(document.activeElement);
  links[Math.max(0, Math.min(links.length - 1, from < 0 ? 0 : from + step))]?.focus();
}

let timer;
$("search").addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(restart, 60); });
for (const key of filters) $(key).addEventListener("change", restart);
document.querySelector("form").addEventListener("submit", (event) => { event.preventDefault(); restart(); });
$("more").addEventListener("click", () => { limit += PAGE; show(); });
for (const button of document.querySelectorAll("th button")) {
  button.addEventListener("click", () => sort(sorted === button.dataset.key ? `-${sorted}` : button.dataset.key));
}
const [forward, back] = [() => move(1), () => move(-1)];
const KEYS = { j: forward, n: forward, k: back, p: back, "/": () => $("search").focus() };
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") { event.preventDefault(); document.activeElement.blur(); }
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select")) return;
  if (Object.hasOwn(KEYS, event.key)) { event.preventDefault(); KEYS[event.key](); }
});
for (const time of document.querySelectorAll("time")) {
  const when = new Date(time.dateTime);
  if (!isNaN(when)) time.title = `Your time: ${when.toLocaleString()}`;
}
if (location.protocol === "file:") {
  $("written").hidden = false;
  $("written").querySelector("dd").textContent = `${new Date(document.lastModified).toLocaleString()} (your time)`;
}
addEventListener("hashchange", restore);
body.classList.add("ready");
addEventListener("beforeprint", () => { limit = Infinity; show(); });
addEventListener("afterprint", restart);
restore();
"""
_GIVEN = {"SEPARATORS": SEPARATORS, "UNSPACED": UNSPACED, "DIGITS": DIGITS, "LONGEST": LONGEST_WORD}
for _name, _value in _GIVEN.items():
    SCRIPT = SCRIPT.replace(f"@{_name}@", str(_value))
