# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of one conversation: template and script."""

from __future__ import annotations

PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{{ policy }}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{{ title | line }} · transcript</title>
<style>{{ style }}</style>
</head>
<body>
<a class="skip" href="#log">Skip to the conversation</a>
<header class="top narrow">
  <nav class="crumb" aria-label="Breadcrumb"><a id="all"
    href="../../index.html">All tasks</a> / {{ (entry.owner or "–") | line
    }} / {{ (entry.name or entry.id) | line }}</nav>
  <h1 dir="auto">{{ title | line }}</h1>
  <dl class="facts">
    <div><dt>Status</dt><dd><span class="chip {{ status }}">{{ status }}</span></dd></div>
    <div><dt>Owner</dt><dd>{{ (entry.owner or "–") | line }}</dd></div>
    {% if entry.kind | default("task") == "task" %}
    <div><dt>Template</dt><dd>{{ (entry.template or "–") | line }}</dd></div>
    {% endif %}
    {% for what, id, folder in family %}
    <div><dt>{{ what }}</dt><dd><a href="../{{ folder }}/transcript.html">{{ id | line }}</a></dd></div>
    {% endfor %}
    <div><dt>Created</dt><dd>{% if entry.created_at | clock %}<time
      datetime="{{ entry.created_at | utc }}">{{ entry.created_at | clock }}</time>{% else %}–{% endif %}</dd></div>
    <div><dt>Messages</dt><dd>{{ count }}</dd></div>
    <div><dt>Source</dt><dd><span class="chip {{ entry.source }}">{{ entry.source }}</span></dd></div>
    <div><dt>Log</dt><dd><span class="chip {{ word }}"
      title="{{ meaning }}">{{ word }}</span>{% if why %} <small>{{ why }}</small>{% endif %}
    </dd></div>
    {% if state %}
    <div><dt>Last state</dt><dd dir="auto">{{ state | line }}</dd></div>
    {% endif %}
    {% if entry.url | weblink %}
    <div><dt>In Coder</dt><dd><a href="{{ entry.url | weblink }}"
      rel="noopener noreferrer">Open the {{ entry.kind | default("task") }}</a></dd></div>
    {% endif %}
  </dl>
  {% for kind, sentence in notes %}
  <p class="note {{ kind }}" role="note">{{ sentence }}</p>
  {% endfor %}
  {% if outline | length > 1 %}
  <details class="prompt outline"><summary>Outline: {{ outline | length }} prompts</summary><ol>
  {% for block in outline %}
  <li value="{{ block.number }}"><a href="#m{{ block.number }}" dir="auto">{{ block.begins }}</a></li>
  {% endfor %}
  </ol></details>
  {% endif %}
  {% if prompt %}
  <details class="prompt user"{% if not blocks %} open{% endif %}><summary>Prompt</summary><pre dir="auto">
{{ prompt }}</pre></details>
  {% endif %}
</header>
<div class="tools"><div class="narrow">
  <form role="search" aria-label="Search this conversation">
    <label class="hidden-label" for="search">Search in the messages</label>
    <input id="search" type="search" placeholder="Search in {{ count }} messages  ( / )" autocomplete="off"
      spellcheck="false">
    <label class="hidden-label" for="role">Show messages of</label>
    <select id="role"><option value="">User and agent</option><option value="user">User</option><option
      value="agent">Agent</option></select>
    <button type="button" id="unfold" aria-pressed="false">Unfold all</button>
    <span class="hits"><button type="button" id="previous" aria-label="Previous hit" title="Previous hit ( p )"
      disabled>↑</button><button type="button" id="next" aria-label="Next hit" title="Next hit ( n )"
      disabled>↓</button></span>
    <output id="count" for="search role" aria-live="polite"></output>
  </form>
</div></div>
<main id="log" class="narrow" tabindex="-1" aria-label="Conversation">
  <p id="filtered" class="filtered" hidden></p>
  <ol class="messages">
  {% for block in blocks %}
  {% if block.missing %}
  <li class="between gap"><span>{{ block.missing }}</span></li>
  {% endif %}
  {% if block.seam %}
  <li class="between seam"><span>{{ block.body.shown }}</span></li>
  {% else %}
  <li id="m{{ block.number }}" class="message {{ block.role | lower }}" tabindex="-1">
    <header><span class="role">{{ block.role }}</span><a href="#m{{ block.number }}"
      aria-label="Message {{ block.number }}">#{{ block.number }}</a>
    {% if block.time | clock %}<time datetime="{{ block.time | utc }}">{{ block.time | clock }}</time>{% endif %}
    <button type="button" class="copy" aria-label="Copy message {{ block.number }}">Copy</button></header>
    {% if block.title and not block.body.rest %}
    <p class="said title mono" dir="auto">{{ block.title }}</p>
    {% elif block.title %}
    {% elif block.body.kind == "markdown" %}
    <div class="said markdown" dir="auto">{{ block.body.shown }}</div>
    {% elif block.body.shown or not block.links %}
    <pre class="said" dir="auto">
{{ block.body.shown }}</pre>
    {% endif %}
    {% if block.links %}
    <ul class="files">{% for name, address, why in block.links %}<li>{% if address %}<a href="{{ address }}"
      rel="noopener noreferrer">{{ name }}</a>{% else %}{{ name }} <small>{{ why }}</small>{% endif %}</li>
    {% endfor %}</ul>
    {% endif %}
    {% if block.body.rest %}
    <details class="fold"><summary>{% if block.title %}<span class="said mono" dir="auto">{{ block.title }}</span>{%
      else %}{{ block.body.rest_lines }} more line{{ "s" if block.body.rest_lines > 1 }}{% endif %}</summary>
    {% if block.body.kind == "markdown" %}
    <div class="said markdown" dir="auto">{{ block.body.rest }}</div>
    {% else %}
    <pre class="said" dir="auto">
{{ block.body.rest }}</pre>
    {% endif %}
    </details>
    {% endif %}
  </li>
  {% endif %}
  {% endfor %}
  </ol>
  <p id="nothing" class="nothing" {% if blocks %}hidden{% endif %}>
    {{ "No message matches." if blocks else "There are no messages." }}
  </p>
</main>
<footer class="foot narrow">
  <p class="keys"><kbd>/</kbd> search, <kbd>n</kbd> <kbd>p</kbd> next and previous hit, <kbd>j</kbd> <kbd>k</kbd> next
  and previous message, <kbd>Esc</kbd> leave the search.</p>
  Times are in UTC. {{ entry.kind | default("task") | capitalize }} {{ entry.id }}.
  Original: <a href="messages.jsonl">messages.jsonl</a>{% if entry.earlier %},
  all of it: <a href="conversation.jsonl">conversation.jsonl</a>{% endif %}.
  {% for name, version in entry.versions | dictsort if version %}
  {{ name | capitalize }} {{ version | line }}{{ "," if not loop.last else "." }}
  {% endfor %}
  {% if rendered %}
  Markdown is shown rendered here; <a href="transcript.md">transcript.md</a> has the text as it was written.
  {% endif %}
</footer>
<script>{{ script }}</script>
</body>
</html>
"""

SCRIPT = r"""
"use strict";
const $ = (id) => document.getElementById(id);
const MOST_HITS = 5000;
const items = [...document.querySelectorAll(".message")].map((node) => ({
  node, role: node.classList.contains("user") ? "user" : "agent",
  parts: [...node.querySelectorAll(".said")].map((said) => ({ said, text: lower(said.textContent) })),
}));
const folds = [...document.querySelectorAll(".fold")];
let hits = [];
let at = -1;
let current = -1;
let list = "";

// Lower case with every character in its place; a few become longer otherwise.
function lower(text) {
  const lowered = text.toLowerCase();
  if (lowered.length === text.length) return lowered;
  return [...text].map((char) => (char.toLowerCase().length === char.length ? char.toLowerCase() : char)).join("");
}

// What to look for: the text as it was typed, or its words where it stands nowhere as a whole.
function sought() {
  const text = lower($("search").value.trim());
  const whole = !text || items.some((item) => item.parts.some((part) => part.text.includes(text)));
  return whole ? [text].filter(Boolean) : [...new Set(text.split(/\s+/))];
}

// The places of all needles in one part, as ranges that may reach over several text nodes.
function find({ said, text }, needles) {
  const places = [];
  for (const needle of needles) {
    for (let start = text.indexOf(needle); start >= 0; start = text.indexOf(needle, start + needle.length)) {
      places.push([start, start + needle.length]);
      if (places.length > MOST_HITS) break;
    }
  }
  if (!places.length) return [];
  places.sort((a, b) => a[0] - b[0]);
  const walker = document.createTreeWalker(said, NodeFilter.SHOW_TEXT);
  let node = walker.nextNode();
  let before = 0;
  const seek = (place, isEnd) => {
    while (place > before + node.length || (!isEnd && place === before + node.length)) {
      before += node.length;
      node = walker.nextNode();
    }
    return [node, place - before];
  };
  let last = 0;
  return places.filter(([start, end]) => start >= last && (last = end)).map(([start, end]) => {
    const range = new Range();
    range.setStart(...seek(start, false));
    range.setEnd(...seek(end, true));
    return range;
  });
}

function highlight() {
  if (!window.CSS || !CSS.highlights) return;
  CSS.highlights.delete("found");
  CSS.highlights.delete("current");
  if (hits.length) CSS.highlights.set("found", new Highlight(...hits.map((hit) => hit.range)));
  if (hits[at]) CSS.highlights.set("current", Object.assign(new Highlight(hits[at].range), { priority: 1 }));
}

function filter() {
  const needles = sought();
  const role = $("role").value;
  let shown = 0;
  hits = [];
  for (const { node, role: own, parts } of items) {
    node.hidden = Boolean(role) && own !== role;
    if (node.hidden) continue;
    shown += 1;
    for (const part of needles.length && hits.length < MOST_HITS ? parts : []) {
      for (const range of find(part, needles)) hits.push({ range, node, fold: part.said.closest("details") });
    }
  }
  at = -1;
  $("nothing").hidden = needles.length ? hits.length > 0 : shown > 0;
  $("next").disabled = $("previous").disabled = !hits.length;
  tell(needles.length, role ? `${shown} of ${items.length} messages` : "");
  highlight();
  keep();
}

function tell(searches, filtered) {
  const number = hits.length >= MOST_HITS ? `${MOST_HITS} or more` : hits.length;
  const found = at >= 0 ? `${at + 1} of ${number} hits` : `${number} hit${hits.length === 1 ? "" : "s"}`;
  $("count").value = [searches ? found : "", filtered ?? $("count").dataset.filtered].filter(Boolean).join(", ");
  if (filtered !== undefined) $("count").dataset.filtered = filtered;
}

function go(step) {
  if (!hits.length) return;
  at = (at + step + (at < 0 && step < 0 ? 1 : 0) + hits.length) % hits.length;
  const { range, node, fold } = hits[at];
  if (fold) fold.open = true;
  current = items.findIndex((item) => item.node === node);
  const box = range.getBoundingClientRect();
  scrollTo({ top: scrollY + box.top - innerHeight / 3 });
  tell(true);
  highlight();
}

function move(step) {
  const visible = items.filter((item) => !item.node.hidden);
  const top = document.querySelector(".tools").getBoundingClientRect().bottom + 4;
  let from = visible.findIndex((item) => item === items[current]);
  if (from < 0) {
    from = visible.findIndex((item) => item.node.getBoundingClientRect().bottom > top);
    from -= step > 0 && visible[from]?.node.getBoundingClientRect().top > top ? 1 : 0;
  }
  const next = visible[Math.max(0, Math.min(visible.length - 1, from + step))];
  if (!next) return;
  current = items.indexOf(next);
  next.node.focus({ preventScroll: true });
  next.node.scrollIntoView({ block: "start" });
}

// The address after #: q and role of this page, and `list`, the state of the index that led here.
function keep() {
  const state = new URLSearchParams();
  if ($("search").value) state.set("q", $("search").value);
  if ($("role").value) state.set("role", $("role").value);
  if (list) state.set("list", list);
  const hash = String(state);
  $("all").hash = list;
  if (hash || location.hash.includes("=")) history.replaceState(null, "", `#${hash}`);
}

function restore() {
  if (!location.hash.includes("=")) return;
  const state = new URLSearchParams(location.hash.slice(1));
  $("search").value = state.get("q") ?? "";
  $("role").value = state.get("role") ?? "";
  list = state.get("list") ?? "";
  filter();
  go(1);
}

let timer;
$("search").addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(() => { filter(); go(1); }, 120);
});
$("search").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && hits.length) { event.preventDefault(); go(event.shiftKey ? -1 : 1); }
});
$("role").addEventListener("change", filter);
document.querySelector("form").addEventListener("submit", (event) => { event.preventDefault(); filter(); });
$("next").addEventListener("click", () => go(1));
$("previous").addEventListener("click", () => go(-1));
$("unfold").addEventListener("click", (event) => {
  const open = event.target.getAttribute("aria-pressed") !== "true";
  for (const fold of folds) fold.open = open;
  event.target.setAttribute("aria-pressed", open);
  event.target.textContent = open ? "Fold all" : "Unfold all";
});
if (!folds.length) $("unfold").hidden = true;
document.addEventListener("click", async (event) => {
  if (!event.target.matches(".copy")) return;
  const text = [...event.target.closest(".message").querySelectorAll(".said")].map((said) => said.textContent);
  let outcome = "Copied";
  try { await navigator.clipboard.writeText(text.join("\n")); } catch { outcome = "Not allowed"; }
  event.target.textContent = outcome;
  setTimeout(() => { event.target.textContent = "Copy"; }, 1500);
});
const KEYS = { j: () => move(1), k: () => move(-1), n: () => go(1), p: () => go(-1), "/": () => $("search").focus() };
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") { event.preventDefault(); document.activeElement.blur(); }
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select")) return;
  if (Object.hasOwn(KEYS, event.key)) { event.preventDefault(); KEYS[event.key](); }
});
addEventListener("hashchange", restore);
for (const time of document.querySelectorAll("time")) {
  const when = new Date(time.dateTime);
  if (!isNaN(when)) time.title = `Your time: ${when.toLocaleString()}`;
}
addEventListener("beforeprint", () => {
  for (const fold of document.querySelectorAll("details")) fold.open = true;
  $("filtered").hidden = !$("role").value;
  $("filtered").textContent = `Not all is printed: only messages of the ${$("role").value}.`;
});
restore();
"""
