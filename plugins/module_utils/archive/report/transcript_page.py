# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of one task: template and script."""

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
  <nav class="crumb" aria-label="Breadcrumb"><a
    href="../../index.html">All tasks</a> / {{ (entry.owner or "") | line }}</nav>
  <h1 dir="auto">{{ title | line }}</h1>
  <dl class="facts">
    <div><dt>Status</dt><dd><span class="chip {{ status }}">{{ status }}</span></dd></div>
    <div><dt>Owner</dt><dd>{{ (entry.owner or "–") | line }}</dd></div>
    <div><dt>Template</dt><dd>{{ (entry.template or "–") | line }}</dd></div>
    <div><dt>Created</dt><dd>{% if entry.created_at | clock %}<time
      datetime="{{ entry.created_at | utc }}">{{ entry.created_at | clock }}</time>{% else %}–{% endif %}</dd></div>
    <div><dt>Messages</dt><dd>{{ count }}</dd></div>
    <div><dt>Source</dt><dd><span class="chip {{ entry.source }}">{{ entry.source }}</span></dd></div>
    <div><dt>Log</dt><dd><span class="chip {{ word }}">{{ word }}</span>{% if why %} <small>{{ why }}</small>{% endif %}
    </dd></div>
    {% if state %}
    <div><dt>Last state</dt><dd dir="auto">{{ state | line }}</dd></div>
    {% endif %}
    {% if entry.url | weblink %}
    <div><dt>In Coder</dt><dd><a href="{{ entry.url | weblink }}" rel="noopener noreferrer">Open the task</a></dd></div>
    {% endif %}
  </dl>
  {% for kind, sentence in notes %}
  <p class="note {{ kind }}" role="note">{{ sentence }}</p>
  {% endfor %}
  {% if task.initial_prompt %}
  <details class="prompt user"{% if not blocks %} open{% endif %}><summary>Prompt</summary><pre dir="auto">
{{ task.initial_prompt }}</pre></details>
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
    <output id="count" for="search role" aria-live="polite"></output>
  </form>
</div></div>
<main id="log" class="narrow" tabindex="-1" aria-label="Conversation">
  <ol class="messages">
  {% for block in blocks %}
  {% if block.missing %}
  <li class="between gap"><span>{{ block.missing }}</span></li>
  {% endif %}
  {% if block.seam %}
  <li class="between seam"><span>{{ block.shown }}</span></li>
  {% else %}
  <li id="m{{ block.number }}" class="message {{ block.role | lower }}">
    <header><span class="role">{{ block.role }}</span><a href="#m{{ block.number }}"
      aria-label="Message {{ block.number }}">#{{ block.number }}</a>
    {% if block.time | clock %}<time datetime="{{ block.time | utc }}">{{ block.time | clock }}</time>{% endif %}
    <button type="button" class="copy" aria-label="Copy message {{ block.number }}">Copy</button></header>
    <pre dir="auto">
{{ block.shown }}</pre>
    {% if block.rest %}
    <details class="fold"><summary>{{ block.rest_lines }} more line{{ "s" if block.rest_lines > 1 }}</summary><pre
      dir="auto">
{{ block.rest }}</pre></details>
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
  Times are in UTC. Task {{ entry.id }}. Original: <a href="messages.jsonl">messages.jsonl</a>{% if entry.earlier %},
  all of it: <a href="conversation.jsonl">conversation.jsonl</a>{% endif %}.
  {% for name, version in entry.versions | dictsort if version %}
  {{ name | capitalize }} {{ version | line }}{{ "," if not loop.last else "." }}
  {% endfor %}
</footer>
<script>{{ script }}</script>
</body>
</html>
"""

SCRIPT = r"""
"use strict";
const $ = (id) => document.getElementById(id);
const items = [...document.querySelectorAll(".message")].map((node) => ({
  node, role: node.classList.contains("user") ? "user" : "agent", text: node.textContent.toLowerCase(),
}));
const folds = [...document.querySelectorAll(".fold")];

function highlight(query) {
  if (!window.CSS || !CSS.highlights) return;
  CSS.highlights.delete("found");
  if (!query) return;
  const ranges = [];
  for (const { node } of items) {
    if (node.hidden) continue;
    for (const pre of node.querySelectorAll("pre")) {
      const walker = document.createTreeWalker(pre, NodeFilter.SHOW_TEXT);
      for (let text = walker.nextNode(); text; text = walker.nextNode()) {
        const content = text.data.toLowerCase();
        let at = content.indexOf(query);
        while (at >= 0 && at + query.length <= text.length && ranges.length < 5000) {
          const range = new Range();
          range.setStart(text, at);
          range.setEnd(text, at + query.length);
          ranges.push(range);
          const fold = pre.closest(".fold");
          if (fold) fold.open = true;
          at = content.indexOf(query, at + query.length);
        }
      }
    }
  }
  CSS.highlights.set("found", new Highlight(...ranges));
}

function filter() {
  const query = $("search").value.trim().toLowerCase();
  const role = $("role").value;
  let shown = 0;
  for (const item of items) {
    item.node.hidden = (role && item.role !== role) || !item.text.includes(query);
    shown += item.node.hidden ? 0 : 1;
  }
  $("count").value = query || role ? `${shown} of ${items.length}` : "";
  $("nothing").hidden = shown > 0;
  highlight(query);
}

let timer;
$("search").addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(filter, 80); });
$("role").addEventListener("change", filter);
document.querySelector("form").addEventListener("submit", (event) => { event.preventDefault(); filter(); });
$("unfold").addEventListener("click", (event) => {
  const open = event.target.getAttribute("aria-pressed") !== "true";
  for (const fold of folds) fold.open = open;
  event.target.setAttribute("aria-pressed", open);
  event.target.textContent = open ? "Fold all" : "Unfold all";
});
if (!folds.length) $("unfold").hidden = true;
document.addEventListener("click", async (event) => {
  if (!event.target.matches(".copy")) return;
  const text = [...event.target.closest(".message").querySelectorAll("pre")].map((pre) => pre.textContent).join("\n");
  let outcome = "Copied";
  try { await navigator.clipboard.writeText(text); } catch { outcome = "Not allowed"; }
  event.target.textContent = outcome;
  setTimeout(() => { event.target.textContent = "Copy"; }, 1500);
});
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !event.target.matches("input, select")) { event.preventDefault(); $("search").focus(); }
});
for (const time of document.querySelectorAll("time")) {
  const when = new Date(time.dateTime);
  if (!isNaN(when)) time.title = `Your time: ${when.toLocaleString()}`;
}
addEventListener("beforeprint", () => { for (const fold of document.querySelectorAll("details")) fold.open = true; });
"""
