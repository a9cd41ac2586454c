# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.coder.tasks.plugins.module_utils.archive.redact import Redactor, marks
from ansible_collections.coder.tasks.plugins.module_utils.archive.rules import RULES, SHORTEST_TOKEN, Rule

from . import corpus

DOCUMENT = Path(__file__).parents[3] / "docs" / "redaction.md"
KEY = b"a key for the tests only"
TOKEN = "gh" + "p_" + "a1B2" * 9
redactor = Redactor(KEY)


def test_recall_and_false_hits_are_what_the_document_says(capsys: pytest.CaptureFixture[str]) -> None:
    plants = corpus.plants()
    missed = [plant for plant in plants if corpus.leaks(plant, redactor.redact(plant.text).text)]
    shaped = [plant for plant in plants if not plant.hard]
    false_hits = [line for line in corpus.INNOCENT if redactor.redact(line).text != line]
    numbers = {
        "planted": len(plants),
        "found": len(plants) - len(missed),
        "shaped": len(shaped),
        "shaped found": len(shaped) - sum(not plant.hard for plant in missed),
        "innocent lines": len(corpus.INNOCENT),
        "false hits": len(false_hits),
    }
    with capsys.disabled():
        print(f"\nredaction corpus: {numbers}")
    stated = dict(re.findall(r"^\| ([a-z ]+?) +\| +(\d+) \|", DOCUMENT.read_text(), flags=re.M))
    assert {name: int(number) for name, number in stated.items()} == numbers, (
        [(p.kind, p.context, redactor.redact(p.text).text) for p in missed if not p.hard][:8], false_hits)


def test_the_document_lists_every_rule_and_says_best_effort() -> None:
    text = DOCUMENT.read_text()
    assert "best effort" in text
    assert {rule.name for rule in RULES} <= set(re.findall(r"`([a-z-]+)`", text))


def test_wrapped_or_not_a_secret_has_one_mark() -> None:
    whole = redactor.redact(f"x {TOKEN}").text
    line = "a line long enough to be the full width of a terminal: " + TOKEN
    wrapped = redactor.redact(f"  {line[:67]}\n  {line[67:]} and more").text
    assert whole.split()[1] in wrapped
    assert wrapped.endswith(" and more")


@pytest.mark.parametrize("following", ["Then I went on", "However, it works", "done."])
def test_the_next_line_is_not_swallowed(following: str) -> None:
    key = "sk-" + "ant-" + "a1B2" * 20
    text = redactor.redact(f"This sentence ends with the key {key}\n{following}").text
    assert text.endswith("]\n" + following)


def test_exact_values_come_first_in_every_form() -> None:
    exact = Redactor(KEY, values=['pass/"word"&1'])
    text = exact.redact('pass/"word"&1 pass%2F%22word%22%261 {"p": "pass/\\"word\\"&1"}')
    assert text.counts == {"known-value": 3}
    assert "word" not in text.text


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.is_token], ids=lambda rule: rule.needles[0])
@settings(max_examples=15)
@given(data=st.data())
def test_what_is_called_a_token_is_one_long_word(rule: Rule, data: st.DataObject) -> None:
    """Because shorter words are not even looked at."""
    text = data.draw(st.from_regex(rule.pattern, fullmatch=True))
    assert len(text) >= SHORTEST_TOKEN and text.split() == [text]


def test_short_values_are_refused() -> None:
    with pytest.raises(ValueError, match="fewer than 4"):
        Redactor(KEY, values=["abc"])


def test_allowed_texts_stay() -> None:
    assert Redactor(KEY, allow=[TOKEN]).redact(TOKEN).text == TOKEN


def test_marks_need_the_key() -> None:
    other = Redactor(b"another key for the tests")
    assert redactor.redact(TOKEN).text == Redactor(KEY).redact(TOKEN).text != other.redact(TOKEN).text
    assert redactor.fingerprint != other.fingerprint


def test_data_of_any_shape() -> None:
    data = redactor.redact_data({"a": [TOKEN, 1, None], "b": {"c": f"x {TOKEN}"}, TOKEN: True, "id": TOKEN}, {"id"})
    assert marks(data) == {"github-token": 2}
    assert data["a"][0] == data["b"]["c"][2:]
    assert data["a"][1:] == [1, None] and data["id"] == TOKEN and data[TOKEN]


def test_what_is_redacted_stays_as_it_is() -> None:
    other = Redactor(KEY, values=["of the day"])
    for plant in corpus.plants():
        once = redactor.redact(plant.text).text
        assert redactor.redact(once) == (once, {}), plant
        assert other.redact(once) == (once, {}), plant


def test_a_mark_hides_nothing_beside_it() -> None:
    text = f"{redactor.redact(TOKEN).text} {TOKEN} PASSWORD=hunter22x"
    assert redactor.redact(text).counts == {"assignment": 1, "github-token": 1}


def test_a_value_of_this_call_alone_makes_no_other_configuration() -> None:
    one, two = (Redactor(KEY, values=["lasting"], passing_values=[value]) for value in ("first", "second"))
    assert one.configuration == two.configuration != redactor.configuration
    assert two.redact("first second lasting").counts == {"known-value": 2}


@given(st.text())
def test_any_text_is_taken(text: str) -> None:
    result = redactor.redact(text)
    assert isinstance(result.text, str)
    assert (result.text == text) or result.counts


@given(st.text(alphabet="abc \n│x1", max_size=200), st.text(alphabet="abc \n│x1", max_size=200))
def test_what_is_around_a_secret_stays(before: str, after: str) -> None:
    text = redactor.redact(f"{before} {TOKEN}, {after}").text
    assert text.startswith(before) and text.endswith(after) and "a1B2" not in text


@given(st.integers(42, 100), st.integers(0, 60), st.sampled_from(["", "  ", "│ "]))
def test_wrapped_anywhere_it_is_found(width: int, offset: int, indent: str) -> None:
    words = ("lorem ipsum dolor " * 10)[: width + offset % width] + " "
    line = words + TOKEN + " end"
    text = "\n".join(indent + line[at : at + width] for at in range(0, len(line), width))
    assert "a1B2a1B2" not in redactor.redact(text).text.replace("\n", "").replace(indent or "\0", "")


_HOSTILE = [
    *sorted({needle for rule in RULES for needle in rule.needles}),
    "a", "-", "=", "_", "a=", "a-", "eyJa", "-eyJ", "eyJa.eyJ", "://", "://a:", "a:", "a" * 10 + "-",
    "\x1b]", "\x1b[", "\x1b",
    "password=", "password: ", '"token":"', "--token ", "Cookie: a=", "Cookie: a=b; ", "authorization: a ", "-u a:",
    "-----BEGIN PRIVATE" + " KEY-----\n", "-----END PRIVATE" + " KEY-----\nAAAA\n", "AAAA\n", "│ ", " ", "\t", "\n",
    "a" * 41 + "\n", "x" * 39 + "=\n", "sk-ant-" + "a" * 60 + "\n",
]


def _seconds(text: str) -> float:
    best = float("inf")
    for _round in range(2):
        start = time.thread_time()
        redactor.redact(text)
        best = min(best, time.thread_time() - start)
    return best


@pytest.mark.slow
@pytest.mark.parametrize("piece", _HOSTILE, ids=repr)
def test_hostile_text_costs_linear_time(piece: str) -> None:
    """Twice the text may cost about twice the time; a quadratic rule would need four times as much."""
    variants = [piece, piece.upper(), piece + "a"]
    for unit in variants:
        short, long = (_seconds((unit * (size // len(unit) + 1))[:size]) for size in (20_000, 80_000))
        assert long < 0.05 or long < short * 8, (unit, short, long)
        assert long < 1.0, (unit, long)
