# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The style of both pages: light and dark by the reader's system, quiet colours, narrow screens, print."""

from __future__ import annotations

STYLE = r"""
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --card: #ffffff; --text: #1c2127; --soft: #59636e; --line: #dfe3e8; --accent: #2557c7;
  --user: #2557c7; --user-card: #eef3fd; --agent: #7a4bb5; --code: #f6f7f9;
  --good: #157040; --good-card: #e3f5ea; --warn: #8a5a00; --warn-card: #fdf3d8; --bad: #b3261e; --bad-card: #fdeceb;
  --info-card: #e8eff8; --mark: #ffe28a; --now: #ffb347; --shadow: 0 1px 2px #1c212714, 0 1px 6px #1c21270a;
  --c1: #b3261e; --c2: #157040; --c3: #8a5a00; --c4: #2557c7; --c5: #7a3fa8; --c6: #0b6b77;
  --active: #2e9e63; --paused: #7d8da1; --initializing: #3b82d6; --pending: #c9a227; --error: #d2483f;
    --unknown: #b3b9c1;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14171b; --card: #1c2026; --text: #e4e7eb; --soft: #9aa5b1; --line: #2d333b; --accent: #85aefb;
    --user: #85aefb; --user-card: #1d2738; --agent: #c3a1f0; --code: #171a1f;
    --good: #6fd39a; --good-card: #17301f; --warn: #e8c063; --warn-card: #332a12; --bad: #f29a93; --bad-card: #3a1d1b;
    --info-card: #1d2733; --mark: #7a6000; --shadow: none; --now: #f0983a;
    --c1: #f29a93; --c2: #6fd39a; --c3: #e8c063; --c4: #85aefb; --c5: #d0a6f2; --c6: #6fd0dc;
    --paused: #67768a; --unknown: #59616b;
  }
}
* { box-sizing: border-box; }
html { scroll-padding-top: 5rem; }
body { margin: 0; background: var(--page); color: var(--text);
  font: 16px/1.5 system-ui, "Segoe UI", Roboto, sans-serif; }
.wide, .narrow { max-width: 84rem; margin: 0 auto; padding: 0 1.25rem; }
.narrow { max-width: 60rem; }
a { color: var(--accent); text-underline-offset: .15em; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: 4px; }
.skip { position: absolute; left: -999rem; }
.skip:focus { left: 1rem; top: 1rem; z-index: 9; padding: .5rem 1rem; background: var(--card); border-radius: 8px; }
.hidden-label { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
  white-space: nowrap; }
h1 { margin: .35rem 0 .75rem; font-size: clamp(1.35rem, 4vw, 1.9rem); line-height: 1.2; letter-spacing: -.015em;
  overflow-wrap: anywhere; }
h2 { margin: 0; font-size: 1rem; }
.top { padding-block: 1.75rem 1rem; }
.crumb { color: var(--soft); font-size: .9rem; }
.soft { color: var(--soft); }
code, pre, .mono { font-family: ui-monospace, "SF Mono", "Cascadia Code", Menlo, Consolas, "DejaVu Sans Mono",
  monospace; }
.chip { display: inline-block; padding: .1rem .6rem; border-radius: 99px; font-size: .8rem; font-weight: 600;
  white-space: nowrap;
  color: var(--soft); background: var(--page); border: 1px solid var(--line); }
.chip.active, .chip.running, .chip.complete { color: var(--good); background: var(--good-card);
  border-color: transparent; }
.chip.initializing, .chip.live { color: var(--accent); background: var(--info-card); border-color: transparent; }
.chip.pending, .chip.partial { color: var(--warn); background: var(--warn-card); border-color: transparent; }
.chip.error, .chip.empty, .chip.unreadable { color: var(--bad); background: var(--bad-card);
  border-color: transparent; }
.facts { display: flex; flex-wrap: wrap; gap: .5rem 2rem; margin: 0 0 1rem; }
.facts div { min-width: 0; }
.facts dt { color: var(--soft); font-size: .8rem; }
.facts dd { margin: 0; overflow-wrap: anywhere; }
.note { margin: .5rem 0; padding: .65rem 1rem; border-radius: 8px; background: var(--info-card);
  border-left: 4px solid var(--accent);
  overflow-wrap: anywhere; }
.note.warn { background: var(--warn-card); border-color: var(--warn); }
.note.bad { background: var(--bad-card); border-color: var(--bad); }
.tools { position: sticky; top: 0; z-index: 2; padding: .75rem 0; background: var(--page);
  border-bottom: 1px solid var(--line); }
.tools form { display: flex; flex-wrap: wrap; gap: .6rem; align-items: center; }
.tools output { color: var(--soft); font-size: .9rem; margin-left: auto; }
input, select, button { font: inherit; font-size: .92rem; color: var(--text); background: var(--card);
  border: 1px solid var(--line);
  border-radius: 8px; padding: .42rem .7rem; min-height: 2.4rem; }
input[type=search] { flex: 1 1 14rem; min-width: 0; }
select { max-width: 12rem; }
button { cursor: pointer; }
button:hover, select:hover, input:hover { border-color: var(--soft); }
.messages { list-style: none; margin: 1.25rem 0 3rem; padding: 0; display: grid; gap: 1rem; }
.message { background: var(--card); border: 1px solid var(--line); border-radius: 12px; box-shadow: var(--shadow);
  min-width: 0;
  border-left: 4px solid var(--agent); }
.message.user { background: var(--user-card); border-left-color: var(--user); }
.message:target { outline: 2px solid var(--accent); }
.between { display: flex; align-items: center; gap: 1rem; color: var(--warn); font-size: .88rem; }
.between::before, .between::after { content: ""; flex: 1; border-top: 1px dashed currentColor; }
.between.seam { font-weight: 600; } .between.seam::before, .between.seam::after { border-top-style: solid; }
.message > header { display: flex; align-items: center; gap: .75rem; padding: .55rem 1rem 0; font-size: .85rem;
  color: var(--soft); }
.message .role { font-weight: 700; color: var(--agent); }
.message.user .role { color: var(--user); }
.message > header a { color: inherit; text-decoration: none; }
.message > header a:hover { text-decoration: underline; }
.message > header button { margin-left: auto; min-height: 0; padding: .15rem .6rem; font-size: .8rem;
  background: none; }
pre { margin: 0; padding: .5rem 1rem .9rem; font-size: .84rem; line-height: 1.5; white-space: pre-wrap;
  overflow-wrap: anywhere; tab-size: 4; }
.user pre.said, .user > pre { font-family: inherit; font-size: .96rem; }
.c1 { color: var(--c1); } .c2 { color: var(--c2); } .c3 { color: var(--c3); } .c4 { color: var(--c4); }
.c5 { color: var(--c5); } .c6 { color: var(--c6); } .bold { font-weight: 700; } .dim { color: var(--soft); }
.add { color: var(--good); background: var(--good-card); } .del { color: var(--bad); background: var(--bad-card); }
.markdown { padding: .5rem 1rem .9rem; overflow-wrap: anywhere; }
.markdown > :first-child { margin-top: 0; } .markdown > :last-child { margin-bottom: 0; }
.markdown :is(h3, h4, h5, h6) { margin: 1rem 0 .4rem; line-height: 1.3; font-size: 1rem; }
.markdown h3 { font-size: 1.2rem; } .markdown h4 { font-size: 1.08rem; }
.markdown :is(p, ul, ol, blockquote, table, pre) { margin: .5rem 0; }
.markdown :is(ul, ol) { padding-inline-start: 1.6rem; }
.markdown code { padding: .1em .3em; border-radius: 4px; font-size: .88em; background: var(--code);
  border: 1px solid var(--line); }
.markdown .code { padding: .7rem .9rem; border-radius: 8px; background: var(--code); border: 1px solid var(--line); }
.markdown blockquote { margin-inline: 0; padding-inline-start: .9rem; color: var(--soft);
  border-inline-start: 3px solid var(--line); }
.markdown table { width: auto; max-width: 100%; table-layout: auto; }
.markdown :is(th, td) { padding: .3rem .7rem; border: 1px solid var(--line); text-align: start; }
.markdown .number { text-align: end; }
.markdown tbody tr:first-child td { border-top: 1px solid var(--line); }
.markdown hr { border: 0; border-top: 1px solid var(--line); }
summary { cursor: pointer; }
.fold { border-top: 1px dashed var(--line); }
.message.tool, .message.reasoning, .message.context, .message.system { border-left-style: dashed; }
.fold > summary .said { overflow-wrap: anywhere; }
.said.title { margin: 0; padding: .45rem 1rem; overflow-wrap: anywhere; }
.files { margin: 0; padding: .35rem 1rem .75rem 2.2rem; overflow-wrap: anywhere; }
.fold > summary { padding: .45rem 1rem; color: var(--accent); font-size: .88rem; }
.prompt { margin: 1rem 0 0; background: var(--card); border: 1px solid var(--line); border-radius: 12px;
  box-shadow: var(--shadow); }
.prompt > summary { padding: .65rem 1rem; font-weight: 600; }
.outline ol { margin: 0; padding: 0 1rem .8rem 3.2rem; max-height: 20rem; overflow: auto; font-size: .92rem; }
.outline a { text-decoration: none; } .outline a:hover { text-decoration: underline; }
.outline li { padding: .1rem 0; } .outline li::marker { color: var(--soft); font-variant-numeric: tabular-nums; }
.hits { display: inline-flex; gap: .25rem; } .hits button { min-width: 2.4rem; }
button:disabled { opacity: .45; cursor: default; }
kbd { padding: 0 .35rem; border: 1px solid var(--line); border-radius: 4px; background: var(--card);
  font: inherit; font-size: .8rem; }
.keys { margin: 0 0 .5rem; }
.meanings { display: grid; gap: .1rem 1rem; margin: 0 0 .75rem; } .meanings div { display: flex; gap: .5rem; }
.meanings dt { flex: 0 0 5.5rem; font-weight: 600; } .meanings dd { margin: 0; }
.filtered { display: none; }
.heard .title::after { content: "in the conversation"; display: block; color: var(--soft); font-size: .82rem; }
.foot { padding-block: 1.25rem 3rem; color: var(--soft); font-size: .85rem;
  overflow-wrap: anywhere; }
::highlight(found) { background: var(--mark); color: var(--text); }
::highlight(current) { background: var(--now); color: #000; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .75rem; margin: 0 0 1rem; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: .8rem 1rem;
  box-shadow: var(--shadow); }
.card dt { color: var(--soft); font-size: .82rem; }
.card dd { margin: 0; font-size: 1.55rem; font-weight: 650; letter-spacing: -.02em; line-height: 1.25;
  font-variant-numeric: tabular-nums; }
.chart { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: .8rem 1rem;
  margin: 0 0 .5rem;
  box-shadow: var(--shadow); }
.chart svg { display: block; width: 100%; height: 7rem; margin: .5rem 0 .25rem; border-bottom: 1px solid var(--line); }
.chart figcaption, .axis { display: flex; flex-wrap: wrap; justify-content: space-between; gap: .25rem 1rem; }
.chart figcaption { font-weight: 600; }
.axis { color: var(--soft); font-size: .8rem; font-variant-numeric: tabular-nums; }
.legend { display: flex; flex-wrap: wrap; gap: .1rem 1rem; font-weight: 400; font-size: .85rem; color: var(--soft); }
.legend i { display: inline-block; width: .7rem; height: .7rem; border-radius: 3px; margin-right: .35rem; }
.fill-active { fill: var(--active); background: var(--active); } .fill-paused { fill: var(--paused);
  background: var(--paused); }
.fill-initializing { fill: var(--initializing); background: var(--initializing); }
.fill-pending { fill: var(--pending); background: var(--pending); }
.fill-running { fill: var(--active); background: var(--active); }
.fill-waiting { fill: var(--paused); background: var(--paused); }
.fill-error { fill: var(--error); background: var(--error); } .fill-unknown { fill: var(--unknown);
  background: var(--unknown); }
rect.hover { fill: transparent; } rect.hover:hover { fill: var(--text); fill-opacity: .08; }
.table { background: var(--card); border: 1px solid var(--line); border-radius: 12px; margin: 1rem 0; overflow: clip;
  box-shadow: var(--shadow); }
table { width: 100%; border-collapse: collapse; table-layout: fixed; font-size: .92rem; }
th { text-align: left; border-bottom: 1px solid var(--line); padding: 0; }
th button { width: 100%; padding-inline: .7rem 0; white-space: nowrap; text-align: left; border: 0; border-radius: 0;
  background: none; font-weight: 600;
  color: var(--soft); font-size: .82rem; }
th button::after { content: " \2195"; opacity: .35; }
th[aria-sort=ascending] button::after { content: " \2191"; opacity: 1; }
th[aria-sort=descending] button::after { content: " \2193"; opacity: 1; }
th[aria-sort=ascending] button, th[aria-sort=descending] button { color: var(--text); }
@media (scripting: enabled) { main > .table tbody:not(.ready) { display: none; } }
td { padding: .5rem .7rem; border-top: 1px solid var(--line); vertical-align: top; overflow-wrap: anywhere; }
tbody tr:first-child td { border-top: 0; }
tbody tr:hover { background: var(--page); }
td.number, th.number button { padding-right: .7rem; text-align: right; font-variant-numeric: tabular-nums; }
td a { font-weight: 600; text-decoration: none; }
td a:hover { text-decoration: underline; }
td small { display: block; color: var(--soft); }
.w-task { width: 27%; } .w-small { width: 7.5rem; } .w-time { width: 12rem; }
td time { white-space: nowrap; font-variant-numeric: tabular-nums; }
.more { display: flex; justify-content: center; margin: 1rem 0 2rem; }
.nothing { padding: 2rem; text-align: center; color: var(--soft); }
[hidden] { display: none !important; }
@media screen and (max-width: 60rem) { .tools { position: static; } }
@media screen and (max-width: 52rem) {
  .tools output { margin-left: 0; width: 100%; }
  .tools select { flex: 1 1 8rem; }
  table, tbody, tr, td { display: block; }
  thead { position: absolute; left: -999rem; }
  tbody tr { padding: .7rem 1rem; border-top: 1px solid var(--line); }
  tbody tr:first-child { border-top: 0; }
  td, td.number { border: 0; padding: .1rem 0; text-align: left; display: flex; gap: .75rem; }
  td[data-label]::before { content: attr(data-label); flex: 0 0 6.5rem; color: var(--soft); font-size: .85rem; }
  td.title { display: block; padding-bottom: .3rem; }
}
@media print {
  :root { --page: #fff; --card: #fff; --text: #000; --soft: #444; --line: #bbb; --user-card: #fff; --shadow: none; }
  @page { size: A4; margin: 12mm; }
  .tools, .skip, .more, .message > header button, .crumb, .outline, .keys, th button::after {
    display: none !important; }
  body { font-size: 10.5pt; } .wide, .narrow { max-width: none; padding: 0; }
  .top { padding-block: 0 .5rem; } .foot { padding-block: .5rem 0; }
  .filtered { display: block; margin: .5rem 0; font-weight: 600; }
  .table { margin: .3rem 0; border: 0; border-radius: 0; overflow: visible; box-shadow: none; }
  main table[aria-label] { table-layout: auto; font-size: 7.5pt; line-height: 1.25; }
  main table[aria-label] td { padding: 1.2pt 3pt; } main table[aria-label] th button { padding: 0 3pt; min-height: 0;
    font-size: 7pt; }
  td .chip { padding: 0; border: 0; font-size: inherit; font-weight: inherit; background: none !important; }
  .w-task, .w-small, .w-time { width: auto; } .w-task { width: 34%; } td small { font-size: 6.5pt; }
  .heard .title::after { font-size: 6.5pt; }
  .cards { gap: .4rem; } .card { padding: .3rem .6rem; } .card dd { font-size: 1.1rem; }
  .message { break-inside: auto; } .message > header { break-after: avoid; } tr, .note, .card { break-inside: avoid; }
  .fold > summary { display: none; }
}
"""
