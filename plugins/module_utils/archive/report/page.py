# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every page shares: a strict environment for templates, the policy that forbids all else, and plain words.

All that a page shows may be hostile: names, prompts, what an agent printed. Every expression in a template goes through
`plain` and is then escaped, so that it stays text; a page may load nothing and run nothing but its own script.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import re
from typing import Any

from ...coder.transport import missing_library
from ..text import line, plain
from .style import STYLE

try:
    import jinja2
    from markupsafe import Markup
except ImportError as _error:
    JINJA_ERROR: ImportError | None = _error
else:
    JINJA_ERROR = None

_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d(?::\d\d)?)")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>|~&$])")


@functools.cache
def template(source: str) -> jinja2.Template:
    """A compiled template. Raises CoderError (`library`) without Jinja2."""
    if JINJA_ERROR is not None:
        raise missing_library("jinja2", JINJA_ERROR)
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(line=line, day=day, clock=clock, weblink=weblink, thousands=thousands)
    return environment.from_string(source)


def _finalize(value: Any) -> Any:
    """Text as a page may show it; Markup is a string too, but ours."""
    return plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def render(source: str, script: str, **values: Any) -> str:
    """A page that carries its style and script, and may use no others."""
    return template(source).render(
        style=Markup(STYLE),
        script=Markup(script),
        policy="default-src 'none'; "
        f"style-src '{_fingerprint(STYLE)}'; script-src '{_fingerprint(script)}'; base-uri 'none'; form-action 'none'",
        **values,
    )


@functools.cache
def _fingerprint(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"


def day(time: str | None) -> str:
    """The date of an RFC 3339 time; what is none stays as it is."""
    match = _TIME.match(time or "")
    return match[1] if match else line(time or "")


def clock(time: str | None) -> str:
    """Date and time of an RFC 3339 time in UTC, as Coder gives it."""
    match = _TIME.match(time or "")
    return f"{match[1]} {match[2]}" if match else line(time or "")


def weblink(url: str | None) -> str | None:
    """The address if it is one of the web; no other scheme becomes a link."""
    return url if url and re.match(r"https?://[^\s]+\Z", url) else None


def thousands(number: int) -> str:
    return f"{number:,}".replace(",", "\u202f")


def markdown_text(text: str | None) -> str:
    """Text in one line of Markdown, with nothing in it that Markdown or HTML would act on."""
    return _MARKDOWN.sub(r"\\\1", line(text or ""))


def fenced(text: str) -> str:
    """Text as a Markdown code block whose fence is longer than any run of backticks in it (CommonMark, 4.5)."""
    text = plain(text)
    runs = re.findall(r"`+", text) if "```" in text else ()
    fence = "`" * (max(map(len, runs), default=2) + 1)
    return f"{fence}text\n{text}\n{fence}\n"


def notes(entry: dict[str, Any]) -> list[tuple[str, str]]:
    """What a reader must know about a log before believing it: (kind, sentence). Kinds are "bad", "warn" and "info"."""
    found = []
    if entry["error_kind"]:
        found.append(("bad", f"The last attempt to read this log failed: {entry['error_kind'].replace('_', ' ')}."))
    if not entry["messages"]:
        found.append(("bad", "This log is empty: no message was found."))
    if entry["source"] == "snapshot":
        when = f" taken on {clock(entry['snapshot_at'])} UTC" if entry["snapshot_at"] else ""
        found.append(("warn", f"This is a snapshot{when}, not the live log. A snapshot keeps the last messages only."))
    if entry["truncated"]:
        found.append(("warn", "A message in this log was cut when it was saved."))
    elif entry["messages"] and not entry["complete"] and entry["source"] != "snapshot":
        found.append(("warn", "This log may not be complete."))
    if entry["earlier"]:
        last = entry["earlier"]
        files = "messages.1.jsonl" if last == 1 else f"messages.1.jsonl to messages.{last}.jsonl"
        found.append(("info", f"The log changed after it was saved. What it said before is kept in {files}."))
    if entry["redacted"]:
        count = sum(entry["redactions"].values())
        rules = ", ".join(f"{rule} ({number})" for rule, number in entry["redactions"].items())
        found.append(("info", f"{count} secret{'s were' if count > 1 else ' was'} taken out: {rules}."))
    return found
