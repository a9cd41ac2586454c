# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names and messages that are paths, commands, formulas, markup or templates stay text, wherever they are written."""

from __future__ import annotations

import csv
import html.parser
import io
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from calling import Call, call
from raw_server import listing, task

TOKEN = "abcdefghij-ABCDEFGHIJKLMNOPQRSTUV"


def texts(place: Path) -> list[str]:
    """What would leave a file behind in that folder, or run in a page, if anything took it for more than text."""
    template = f"{{{{ lookup('pipe','touch {place}/template') }}}}"
    return [
        f"../../../..{place}/escaped", f"{place}/absolute", "..", ".", "a/b\\c", "-rf",
        f"x'; touch {place}/quoted; '", f"$(touch {place}/command)", "`id`", "a\nb,=cmd|'/c calc'!A0",
        '=HYPERLINK("http://evil","x")', "+1+cmd", "@SUM(1)", "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>', "](javascript:alert(1))", "\x1b[2J\x1b]0;pwn\x07", "a\u202eb", "\u2028x",
        "\ud83d", "| a | b |", "`````", "CON", "aux", "x" * 300, "\x00nul", template, "!unsafe x",
        "a%s%d{0}", "</pre></div><img src=x onerror=1>", "<!-- --> <![CDATA[ ]]> </style></script>", "normal",
    ]  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile")


@pytest.fixture(scope="module")
def url(place: Path) -> Iterator[str]:
    tasks = []
    for number, text in enumerate(texts(place)):
        time = "2026-01-01T00:00:00Z"
        report = {"state": "working", "message": text, "uri": "javascript:alert(9)", "timestamp": time}
        owner = "alice" if number % 3 else text
        tasks.append(
            task(id=f"{number:08d}-0000-4000-8000-000000000000", name=text, owner_name=owner, display_name=text,
                 initial_prompt=text, template_name=text, current_state=report)
        )  # fmt: skip
    for number, text in enumerate((f"../../..{place}/id", "a/../../x", "x?y#z", "\u202e")):
        tasks.append(task(id=text, name=f"id-{number}"))
    logs = [
        {"id": number, "content": text, "type": ("output", "input")[number % 2], "time": "2026-01-01T00:00:00Z"}
        for number, text in enumerate(texts(place))
    ]
    with listing(tasks, logs) as found:
        yield found


@pytest.fixture(scope="module")
def archived(url: str, place: Path) -> Call:
    return call("archive", url=url, token=TOKEN, path=str(place / "archive"), redaction_key="k" * 20,
                all_owners=True, wait_timeout=1.0, retries=0)  # fmt: skip


def test_nothing_is_written_anywhere_else(archived: Call, place: Path) -> None:
    assert [file.name for file in place.iterdir()] == ["archive"]
    folder = place / "archive"
    assert not [file for file in folder.rglob("*") if file.stat().st_mode & 0o077 or file.is_symlink()]
    names = [file.name for file in (folder / "tasks").iterdir()]
    assert len(names) == len(set(map(str.lower, names))) > 30
    assert all(name.isascii() and name.isprintable() and name[0].isalnum() for name in names)


def test_only_tasks_that_no_request_can_name_fail(archived: Call, place: Path) -> None:
    unnameable = [number for number, text in enumerate(texts(place)) if text in (".", "..") and not number % 3]
    assert archived["summary"]["failed"] == len(unnameable), archived.msg
    assert archived["summary"]["created"] == len(texts(place)) + 4


def test_the_files_are_those_that_were_hashed(archived: Call, place: Path) -> None:
    done = subprocess.run(["sha256sum", "--check", "--quiet", "--strict", "SHA256SUMS"], cwd=place / "archive",
                          capture_output=True, text=True, check=False, timeout=60)  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_no_cell_is_a_formula_and_no_text_controls_a_terminal(archived: Call, place: Path) -> None:
    folder = place / "archive"
    rows = list(csv.reader(io.StringIO((folder / "index.csv").read_text(newline=""))))
    assert len({len(row) for row in rows}) == 1 and len(rows) > 30
    assert not [cell for row in rows for cell in row if cell[:1] in tuple("=+-@\t\r")]
    pages = [*folder.glob("*.md"), *folder.glob("*.html"), *folder.glob("*.csv"), *folder.glob("tasks/*/transcript.*")]
    assert len(pages) > 60
    assert not [page for page in pages if set(page.read_text()) & set("\x00\x07\x1b\u202e")]


class Markup(html.parser.HTMLParser):
    """Collects what runs or loads something: handlers, addresses that are scripts, elements that fetch.

    own: the server's address; a link to it is no harm.
    """

    def __init__(self, own: str) -> None:
        super().__init__()
        self.own = own
        self.active: list[object] = []
        self.scripts = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        if tag in ("img", "iframe", "object", "base", "link", "embed", "audio", "video"):
            self.active.append((tag, attrs))
        for name, value in attrs:
            text = (value or "").strip().lower()
            leads_out = name in ("src", "href", "action") and text.startswith(("http:", "https:", "//"))
            leads_out = leads_out and not text.startswith(self.own)
            if leads_out or name.startswith("on") or text.startswith(("javascript:", "data:text")):
                self.active.append((tag, name, text))


def test_no_page_runs_or_loads_anything_of_theirs(archived: Call, url: str, place: Path) -> None:
    folder = place / "archive"
    scripts = {}
    for page in [folder / "index.html", *folder.glob("tasks/*/transcript.html")]:
        markup = Markup(f"{url}/")
        markup.feed(page.read_text())
        assert not markup.active, page
        scripts[page.name] = scripts.get(page.name, set()) | {markup.scripts}
    # Each kind of page has its own scripts, as many whatever the tasks say.
    assert all(len(counts) == 1 for counts in scripts.values())


@pytest.mark.parametrize("operation", ["task_info", "task_logs_info"])
def test_results_are_text_that_json_and_terminals_take(url: str, operation: str, place: Path) -> None:
    done = call(operation, url=url, token=TOKEN, all_owners=True, retries=0)
    assert not done.failed, done.msg
    json.dumps(done.result, ensure_ascii=False).encode()
    names = [item["name"] for item in done["tasks" if operation == "task_info" else "logs"]]
    assert set(texts(place)) - {"\ud83d"} <= set(names)
