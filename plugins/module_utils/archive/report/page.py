# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every page shares: a strict environment for templates, the policy that forbids all else, and plain words.

All that a page shows may be hostile: names, prompts, what an agent printed. Every expression in a template goes through
`printable` and is then escaped, so that it stays text; a page may load nothing and run nothing but its own script.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import re
from typing import Any

from ...coder.errors import missing_library
from .. import times, wholeness
from ..text import line, printable
from .markup import Html
from .style import STYLE

try:
    import jinja2
except ImportError as _error:
    JINJA_ERROR: ImportError | None = _error
else:
    JINJA_ERROR = None

_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>|~&$])")


@functools.cache
def template(source: str) -> jinja2.Template:
    """A compiled template.

    :raises CoderError: `library` without Jinja2.
    """
    if JINJA_ERROR is not None:
        raise missing_library("jinja2", JINJA_ERROR)
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(line=line, day=day, clock=clock, utc=times.utc, weblink=weblink, thousands=thousands)
    return environment.from_string(source)


def _finalize(value: Any) -> Any:
    """Text as a page may show it. Html, which this collection wrote, is a string as well and stays as it is."""
    return printable(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def render(source: str, script: str, **values: Any) -> str:
    """A page that carries its style and script, and may use no others."""
    return template(source).render(
        style=Html(STYLE),
        script=Html(script),
        policy="default-src 'none'; "
        f"style-src '{_fingerprint(STYLE)}'; script-src '{_fingerprint(script)}'; base-uri 'none'; form-action 'none'",
        **values,
    )


@functools.cache
def _fingerprint(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"


def day(time: str | None) -> str:
    """The date, in UTC, of an RFC 3339 time; nothing where there is no time."""
    return clock(time)[:10]


@functools.lru_cache(1024)
def clock(time: str | None) -> str:
    """Date and time in UTC of an RFC 3339 time with any offset; nothing where there is no time."""
    moment = times.instant(time)
    return moment.strftime("%Y-%m-%d %H:%M:%S") if moment else ""


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
    text = printable(text)
    runs = re.findall(r"`+", text) if "```" in text else ()
    fence = "`" * (max(map(len, runs), default=2) + 1)
    return f"{fence}text\n{text}\n{fence}\n"


def notes(entry: dict[str, Any]) -> list[tuple[str, str]]:
    """What a reader must know about a log before believing it: (kind, sentence). Kinds are "bad", "warn" and "info"."""
    found = []
    error = entry["error_kind"]
    if error not in (None, "no_log"):
        found.append(("bad", f"The last attempt to read this log failed: {error.replace('_', ' ')}."))
    for name in wholeness.lacks_of(entry):
        if name == "snapshot":
            when = f" taken on {clock(entry['snapshot_at'])} UTC" if entry["snapshot_at"] else ""
            found.append(("warn", f"This is a snapshot{when}, not the live log. {_SNAPSHOT[bool(entry['complete'])]}"))
        elif name == "none" and error in (None, "no_log"):
            found.append(("warn", "The server said that it has no log of this task."))
        elif name in _NOTES:
            found.append(("warn", _NOTES[name]))
    found += [("warn", _gone(file)) for file in entry.get("gone", ())]
    if error == "no_log" and entry["messages"]:
        found.append(("info", "The server has no log of this task any more; this is what was saved before."))
    if entry["earlier"]:
        last = entry["earlier"]
        files = "messages.1.jsonl" if last == 1 else f"messages.1.jsonl to messages.{last}.jsonl"
        found.append(("info", "The log changed after it was saved; all of its versions are shown here as one "
                              f"conversation. Each by itself is kept in {files} and messages.jsonl."))  # fmt: skip
    if entry["redacted"]:
        count = sum(entry["redactions"].values())
        rules = ", ".join(f"{rule} ({number})" for rule, number in entry["redactions"].items())
        found.append(("info", f"{count} secret{'s were' if count > 1 else ' was'} taken out: {rules}."))
    return found


def _gone(file: dict[str, str]) -> str:
    return (
        f"The file {line(file['name'] or file['id'])} is gone from the server, as was first seen on "
        f"{clock(file['since'])} UTC: {line(file['said'])}"
    )


_SNAPSHOT = {
    True: "It begins with the first message, so it is the whole conversation until then.",
    False: "A snapshot keeps the last messages only.",
}
_NOTES = {
    "cut": "A message in this log was cut when it was saved.",
    "restarted": "The agent was started more than once and may have forgotten what was said before: nothing shows that "
    "this log goes on from there.",
    "empty": "This log is empty: the running agent showed no message.",
    "gaps": "The ids of the messages do not follow each other, so messages may be missing.",
    "running": "The agent was at work while this was read, so more may have been said.",
    "files": "A file that is mentioned here could not be read.",
}
