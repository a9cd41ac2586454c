# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scanner beside our own rules: with the package of Kingfisher, without it, and with one of the test's own."""

from __future__ import annotations

import importlib.util
import json
import random
import string
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from calling import Call, call
from missing import missing

from ansible_collections.coder.tasks.plugins.filter.redact import FilterModule
from ansible_collections.coder.tasks.plugins.module_utils.archive import scanner
from ansible_collections.coder.tasks.plugins.module_utils.archive.redact import Redactor
from ansible_collections.coder.tasks.plugins.module_utils.coder.errors import CoderError
from emulator import Emulator

KEY = b"a key for the tests only"
needs_kingfisher = pytest.mark.usefixtures("_kingfisher")
redact = FilterModule().filters()["redact"]


@pytest.fixture
def _kingfisher() -> None:
    if importlib.util.find_spec("kingfisher_sdk") is None:
        missing("the redaction with a scanner", "pip install kingfisher-secret-scanner")


class WordScanner:
    """Takes one word for a secret."""

    name = "words"
    rules = 1

    def __init__(self, word: str, version: str = "1") -> None:
        self.word, self.version = word, version

    @property
    def identity(self) -> str:
        return f"words {self.version}"

    def find(self, text: str) -> Iterator[tuple[int, int]]:
        at = text.find(self.word)
        while at >= 0:
            yield at, at + len(self.word)
            at = text.find(self.word, at + 1)


def github_token(seed: int = 1) -> str:
    return "gh" + "p_" + "".join(random.Random(seed).choices(string.ascii_letters + string.digits, k=36))


def unknown_key(seed: int = 2) -> str:
    """Of a format that none of our own rules has: a test key of Flutterwave."""
    return "FLW" + "PUBK_TEST-" + "".join(random.Random(seed).choices("abcdefgh0123456789", k=32)) + "-X"


def test_what_the_scanner_finds_is_merged_with_what_the_rules_find() -> None:
    redactor = Redactor(KEY, scanner=WordScanner("swordfish"))
    result = redactor.redact(f"swordfish, {github_token()} and PASSWORD=x1-swordfish")
    assert result.counts == {"assignment": 1, "github-token": 1, "words": 1}
    assert "swordfish" not in result.text


def test_the_scanner_sees_wrapped_and_coloured_text() -> None:
    word = "kqz7hwjx" * 8
    redactor = Redactor(KEY, scanner=WordScanner(word))
    assert redactor.redact(f"a {word[:9]}\x1b[1m{word[9:]}").counts == {"words": 1}
    line = "x" * 40 + "1 " + word
    assert redactor.redact(f"{line[:80]}\n{line[80:]}").counts == {"words": 1}


def test_what_the_scanner_finds_over_two_lines_is_taken_out_to_its_end() -> None:
    """A scanner cannot be asked whether the secret was complete when its line ended, as a rule is."""
    word = "kqz7hwjx" * 4 + "Then"
    line = "x" * 40 + "1 " + word[:-4]
    text = Redactor(KEY, scanner=WordScanner(word)).redact(f"{line}\n{word[-4:]} I went on").text
    assert text.endswith("] I went on") and "kqz7" not in text


def test_what_is_allowed_stays_whatever_the_scanner_says() -> None:
    assert Redactor(KEY, scanner=WordScanner("swordfish"), allow=["swordfish"]).redact("swordfish").text == "swordfish"


def test_another_scanner_or_version_is_another_configuration() -> None:
    redactors = [Redactor(KEY, scanner=each) for each in (None, WordScanner("x"), WordScanner("x", "2"))]
    assert len({redactor.configuration for redactor in redactors}) == 3
    assert Redactor(KEY, scanner=WordScanner("x")).configuration == redactors[1].configuration


def test_none_is_no_scanner_and_an_unknown_one_is_refused() -> None:
    assert scanner.load("none") is None
    with pytest.raises(CoderError, match=r"There is no scanner 'gitleaks'.*none, kingfisher") as error:
        scanner.load("gitleaks")
    assert error.value.kind == "invalid"


def test_without_the_package_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kingfisher_sdk", None)
    scanner.load.cache_clear()
    with pytest.raises(CoderError, match="pip install kingfisher-secret-scanner") as error:
        scanner.load("kingfisher")
    assert error.value.kind == "library"
    with pytest.raises(AnsibleFilterError, match=r"Could not redact: .*kingfisher is not installed"):
        redact("text", key="sixteen characters", scanner="kingfisher")
    assert redact("text", key="sixteen characters") == "text"


@needs_kingfisher
def test_kingfisher_finds_what_our_rules_do_not_know_and_every_place_of_it() -> None:
    kingfisher = scanner.load("kingfisher")
    assert kingfisher is not None and kingfisher.rules > 300
    key = unknown_key()
    text = f"é pay = '{key}' — and again\n{key}\n"
    assert Redactor(KEY).redact(text).text == text
    result = Redactor(KEY, scanner=kingfisher).redact(text)
    assert result.counts == {"kingfisher": 2}
    assert result.text.startswith("é pay = '[REDACTED:kingfisher:")
    assert "' — and again\n[REDACTED:kingfisher:" in result.text
    assert result == Redactor(KEY, scanner=kingfisher).redact(text)
    assert kingfisher.version in kingfisher.identity and str(kingfisher.rules) in kingfisher.identity


@needs_kingfisher
def test_the_filter_asks_kingfisher() -> None:
    text = f"pay = '{unknown_key()}'"
    assert redact([text], key="sixteen characters") == [text]
    assert "[REDACTED:kingfisher:" in redact([text], key="sixteen characters", scanner="kingfisher")[0]


@needs_kingfisher
@pytest.mark.parametrize("text", ["", "\x00", "\ud800 lone", "a\x1b[0m", "é" * 1000])
def test_kingfisher_takes_any_text(text: str) -> None:
    assert Redactor(KEY, scanner=scanner.load("kingfisher")).redact(text).text == text


class Archives:
    """Archives of one server, with a stand-in for the scanner."""

    def __init__(self, server: Emulator, path: Path) -> None:
        self._server, self._path = server, path

    def run(self, state: str = "present", name: str = "archive", **options: Any) -> Call:
        given = {"path": str(self._path / name), "redaction_key": KEY.decode(), "wait_timeout": 5.0, "state": state}
        return call("archive", self._server, **given, **options)

    def entry(self, name: str = "archive") -> dict[str, Any]:
        return dict(json.loads((self._path / name / "manifest.jsonl").read_text().splitlines()[0]))

    def said(self, name: str = "archive") -> str:
        return "".join(file.read_text() for file in (self._path / name).glob("tasks/*/messages.jsonl"))


@pytest.fixture
def archives(emulator: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Archives:
    monkeypatch.setattr(scanner, "Kingfisher", lambda: WordScanner("swordfish"))
    monkeypatch.setattr(WordScanner, "name", "kingfisher")
    scanner.load.cache_clear()
    server = emulator()
    messages = [{"id": 0, "content": "hi", "role": "user"}, {"id": 1, "content": "swordfish", "role": "agent"}]
    server.create_task("one").api.set_messages(messages)
    yield Archives(server, tmp_path)
    scanner.load.cache_clear()


def test_an_archive_says_which_scanner_it_was_written_with(archives: Archives) -> None:
    result = archives.run(scanner="kingfisher")
    about = {"name": "kingfisher", "version": "1", "rules": 1}
    assert result["archive"]["scanner"] == archives.entry()["scanner"] == about
    assert archives.entry()["redactions"] == {"kingfisher": 1} and "swordfish" not in archives.said()
    assert archives.run(name="plain")["archive"]["scanner"] is archives.entry("plain")["scanner"] is None
    assert "swordfish" in archives.said("plain")


def test_an_archive_keeps_the_scanner_that_it_was_begun_with(archives: Archives) -> None:
    archives.run(scanner="kingfisher")
    again = archives.run()
    assert not again["changed"] and not again.warnings
    other = archives.run(scanner="none")
    assert not other["changed"]
    assert [text for text in other.warnings if "was begun with scanner=kingfisher and keeps it" in text]
    assert archives.run("verified", accept=["redacted"])["verification"]["safe_to_delete"] == 1
    archives.run(name="plain")
    assert [text for text in archives.run(name="plain", scanner="kingfisher").warnings if "scanner=none" in text]
    assert "swordfish" in archives.said("plain")


def test_an_archive_without_its_manifest_keeps_its_scanner_too(archives: Archives, tmp_path: Path) -> None:
    archives.run(scanner="kingfisher")
    (tmp_path / "archive" / "manifest.jsonl").unlink()
    assert scanner.of_archive(str(tmp_path / "archive")) == "kingfisher"
    assert scanner.of_archive(str(tmp_path / "nothing")) is None


def test_another_version_of_the_scanner_is_another_redaction(
    archives: Archives, monkeypatch: pytest.MonkeyPatch
) -> None:
    archives.run(scanner="kingfisher")
    monkeypatch.setattr(scanner, "Kingfisher", lambda: WordScanner("swordfish", "2"))
    scanner.load.cache_clear()
    assert archives.run("verified", accept=["redacted"], fail_on="none")["verification"]["safe_to_delete"] == 0
    assert archives.run()["changed"] and archives.entry()["scanner"]["version"] == "2"


# Seccomp (linux/seccomp.h, linux/filter.h) ends the process at the first socket() or connect(), whoever calls it.
_GUARDED = """
import ctypes, os, platform, struct, sys
sys.path[:0] = {path!r}
from ansible_collections.coder.tasks.plugins.module_utils.archive.redact import Redactor
from ansible_collections.coder.tasks.plugins.module_utils.archive.scanner import load

CALLS = {{"x86_64": (41, 42), "aarch64": (198, 203)}}[platform.machine()]
ALLOW, KILL = 0x7FFF0000, 0x80000000
code = [(0x20, 0, 0, 0)]
for call in CALLS:
    code += [(0x15, 0, 1, call), (0x06, 0, 0, KILL)]
code.append((0x06, 0, 0, ALLOW))
program = b"".join(struct.pack("HBBI", *step) for step in code)
buffer = ctypes.create_string_buffer(program)
filter_ = ctypes.create_string_buffer(struct.pack("HL", len(code), ctypes.addressof(buffer)))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, filter_, 0, 0) == 0, ctypes.get_errno()
if sys.argv[1] == "connect":
    import socket
    socket.socket()
found = Redactor(b"a key for the tests only", scanner=load("kingfisher")).redact(sys.stdin.read())
print(sum(found.counts.values()), flush=True)
"""


@needs_kingfisher
def test_no_connection_is_opened() -> None:
    """Loading and scanning, with keys that Kingfisher could validate, in a process that may not even make a socket."""
    if not sys.platform.startswith("linux"):
        missing("that the scanner opens no connection", "use Linux")
    text = f"{github_token()} pay = '{unknown_key()}'"
    root = str(Path(scanner.__file__).parents[6])
    script = _GUARDED.format(path=[root])

    def run(how: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", script, how]
        return subprocess.run(command, input=text, text=True, capture_output=True, check=False)

    assert run("connect").returncode == -31  # SIGSYS: the guard works
    scanned = run("scan")
    assert (scanned.returncode, scanned.stdout) == (0, "2\n"), scanned.stderr
