# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ansible_collections.coder.tasks.plugins.module_utils.archive.judge import is_varied
from ansible_collections.coder.tasks.plugins.module_utils.archive.redact import Redactor, marks
from ansible_collections.coder.tasks.plugins.module_utils.archive.rules import (
    REVISION,
    RULES,
    SHORTEST_TOKEN,
    Rule,
    pattern_rule,
)
from ansible_collections.coder.tasks.plugins.module_utils.archive.tokens import _PREFIXES

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
    stated = dict(re.findall(r"^\| ([a-z ]+?) +\| +(\d+) \|$", DOCUMENT.read_text(), flags=re.M))
    assert {name: int(number) for name, number in stated.items()} == numbers, (
        [(p.kind, p.context, redactor.redact(p.text).text) for p in missed if not p.hard][:8], false_hits)


def test_the_document_lists_every_rule_and_says_best_effort() -> None:
    text = DOCUMENT.read_text()
    assert "best effort" in text
    assert {rule.name for rule in RULES} <= set(re.findall(r"`([a-z0-9-]+)`", text))


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


PATTERNS = [rule for rule in RULES if rule.is_token and rule.name not in ("api-token", "base64")]


@pytest.mark.parametrize("rule", PATTERNS, ids=lambda rule: rule.needles[0])
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_what_is_called_a_token_is_one_long_word_with_a_needle(rule: Rule, data: st.DataObject) -> None:
    """Because shorter words are not even looked at, and a rule is not asked without one of its needles."""
    text = data.draw(st.from_regex(rule.pattern, fullmatch=True))
    assert len(text) >= SHORTEST_TOKEN and text.split() == [text]
    assert any(needle in text.lower() for needle in rule.needles)


def test_short_values_are_refused() -> None:
    with pytest.raises(ValueError, match="fewer than 4"):
        Redactor(KEY, values=["abc"])


def test_allowed_texts_stay() -> None:
    assert Redactor(KEY, allow=[TOKEN]).redact(TOKEN).text == TOKEN


def test_a_mark_is_the_same_in_every_version() -> None:
    """Else a secret would have another mark from one day to the next, and every log would be another one."""
    assert redactor.redact(f"a {TOKEN} b").text == "a [REDACTED:github-token:a917fc0d] b"


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


# What a text is made of that an attacker, an agent or a terminal puts together.
PIECES = st.one_of(
    st.sampled_from([plant.text for plant in corpus.plants()[::7]]),
    st.sampled_from([redactor.redact(plant.text).text for plant in corpus.plants()[::31]]),
    st.sampled_from([
        "\n", " ", "password=", '"', "'", "://", "@", ":", "=", "\x1b[31m", "\x1b]8;;", "\x07", "\0", "\r", "\u200b",
        "\u00ad", "│", "Cookie: a=", "token is ", "\\", "**", "<b>", "[REDACTED:x:12345678]", "[REDACTED:", "İ",
        "-----BEGIN PRIVATE" + " KEY-----\n", "a1B2c3D4e5F6g7H8", "hunter22x", TOKEN, TOKEN[:20], TOKEN[20:],
        "kind: Secret\ndata:\n",
    ]),
    st.text(max_size=20),
)  # fmt: skip
TEXTS = st.lists(PIECES, max_size=10).map("".join)


@settings(deadline=None)
@given(TEXTS)
def test_redacting_is_a_function_and_doing_it_again_changes_nothing(text: str) -> None:
    once = redactor.redact(text)
    assert Redactor(KEY).redact(text) == once
    assert redactor.redact(once.text) == (once.text, {})


@settings(deadline=None)
@given(TEXTS)
def test_marks_are_left_alone(text: str) -> None:
    mark = "[REDACTED:github-token:1a2b3c4d]"
    assert redactor.redact(f"{text}\n{mark}\n{text}").text.count(mark) == 1 + 2 * text.count(mark)


IN_ONE_LINE = st.sampled_from([plant for plant in corpus.plants() if "\n" not in plant.text])


@settings(deadline=None)
@given(st.lists(IN_ONE_LINE, min_size=1, max_size=4), st.booleans())
def test_json_stays_json(plants: list[corpus.Plant], pretty: bool) -> None:
    data = {f"step {number}": plant.text for number, plant in enumerate(plants)}
    data["token"] = plants[0].secret
    text = redactor.redact(json.dumps(data, indent=2 if pretty else None)).text
    assert json.loads(text).keys() == data.keys()
    assert text.count("\n") == (len(data) + 1 if pretty else 0)


UNBROKEN = [plant for plant in corpus.plants()[::5] if plant.secret in plant.text]


@pytest.mark.parametrize("plant", UNBROKEN, ids=lambda plant: f"{plant.kind}, {plant.context}")
def test_a_mark_hides_no_more_than_the_secret(plant: corpus.Plant) -> None:
    before, after = plant.text.split(plant.secret)[0], plant.text.split(plant.secret)[-1]
    text = redactor.redact(plant.text).text
    if plant.kind != "private key" and not plant.hard:
        assert text.startswith(before) and text.endswith(after)
        assert text.count("\n") == plant.text.count("\n")


HALVES = "gh" + "p_" + "a1B2" * 4, "c3D4" * 5


@pytest.mark.parametrize("between", [
    "\0", "\r", "\x08", "\x1b[0m", "\x1b[1;31m", "\x9b0m", "\u200b", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u200e",
    "\ufe0f", "\u202e", "<wbr>", "<b>", "</b>", "<!-- -->", "&shy;", "&#8203;", "&#x200b;", "**", "`", "*",
    "</span><span class='x'>", "\0\u200b", "<b \x1b]0;t>x\x07",
], ids=repr)  # fmt: skip
def test_what_nobody_sees_splits_no_secret(between: str) -> None:
    """Neither the secret nor a way to join it is left."""
    result = redactor.redact(f"see {HALVES[0]}{between}{HALVES[1]} there")
    assert re.fullmatch(r"see \[REDACTED:github-token:[0-9a-f]{8}\] there", result.text)
    assert result.text.split()[1] == redactor.redact("".join(HALVES)).text  # the same secret, the same mark


@pytest.mark.parametrize("text", [
    f"\x1b]8;;https://x.example/?t={TOKEN}\x1b\\click\x1b]8;;\x1b\\",
    f"\x1b]8;;https://x.example/?t={TOKEN}\x07click\x1b]8;;\x07",
    f"\x1b]52;c;{base64.b64encode(TOKEN.encode()).decode()}\x07",
    f"\x1b]0;{TOKEN}\x07",
    f"\x1bP{TOKEN}\x1b\\",
    f"{TOKEN[:3]}\\{TOKEN[3:]}",
    f"\x1b[{TOKEN}",
], ids=repr)  # fmt: skip
def test_what_is_not_shown_is_redacted_too(text: str) -> None:
    result = redactor.redact(text)
    assert sum(result.counts.values()) == 1
    assert "a1B2a1B2" not in result.text and base64.b64encode(TOKEN.encode()).decode()[8:24] not in result.text


def test_line_ends_of_windows_join_nothing() -> None:
    assert redactor.redact(f"{HALVES[0]}\r\n{HALVES[1]}\r\n").counts == {}


def test_a_change_of_what_is_found_is_another_revision() -> None:
    """An archive is written again where its redaction has changed, which it knows by this number."""
    found = [Redactor(KEY).redact(plant.text).text for plant in corpus.plants()] + [
        Redactor(KEY).redact(line).text for line in corpus.INNOCENT
    ]
    digest = hashlib.sha256("\0".join(found).encode("utf-8", "surrogatepass")).hexdigest()[:16]
    assert (REVISION, digest) == (3, "6122515ce01ae81a"), "raise REVISION in rules.py, and put both here"


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


@given(st.integers(40, 100), st.integers(0, 60), st.sampled_from(["", "  ", "│ "]), st.sampled_from([1, 4]))
@example(width=44, offset=0, indent="", times=4)  # the line before the token's is full, and the space on the next line
@example(width=44, offset=43, indent="│ ", times=4)  # the space ends the line before
def test_wrapped_anywhere_it_is_found(width: int, offset: int, indent: str, times: int) -> None:
    """Also where it is longer than a line, and its first line would be taken out without the others."""
    words = ("lorem ipsum dolor " * 12)[: width + offset % width] + " "
    line = words + TOKEN + "a1B2" * 9 * (times - 1) + " end"
    text = "\n".join(indent + line[at : at + width] for at in range(0, len(line), width))
    assert "a1B2a1B2" not in redactor.redact(text).text.replace("\n", "").replace(indent or "\0", "")


_HOSTILE = [
    *sorted({needle for rule in RULES for needle in rule.needles if needle}),
    "a", "-", "=", "_", "a=", "a-", "eyJa", "-eyJ", "eyJa.eyJ", "://", "://a:", "a:", "a" * 10 + "-",
    "\x1b]", "\x1b[", "\x1b",
    "password=", "password: ", '"token":"', "--token ", "Cookie: a=", "Cookie: a=b; ", "authorization: a ", "-u a:",
    "-----BEGIN PRIVATE" + " KEY-----\n", "-----END PRIVATE" + " KEY-----\nAAAA\n", "AAAA\n", "│ ", " ", "\t", "\n",
    "a1" * 21 + "\n", "<b>", "a*", "`", "&shy;", "\u200b", "a\u200b", "token is ", "token ", "password | ", "secret, ",
    "[REDACTED:", "kind: Secret\ndata:\n", "key='", "password: |\n  a", "name: token\nvalue: ", "docker -p ",
    "mysql -p", "echo a | ", "eyJhbGci", "Z2hwX2Ex", "a_b-", "sk-", "api_key-", "@", ":*:", "identified by '",
    "a" * 41 + "\n",
    "x" * 39 + "=\n", "sk-ant-" + "a" * 60 + "\n",
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


@pytest.mark.slow
def test_a_megabyte_of_assignments_takes_a_second() -> None:
    assert _seconds("password=" * (1_000_000 // 9)) < 1.0


@pytest.mark.parametrize("lead", ["", "-", "--", "_", "a-", "é-", "x--", "lead__", "name_of_parts-", f"{'x' * 60}-"])
def test_a_prefix_is_known_wherever_it_stands_in_its_word(lead: str) -> None:
    """In a line that a diff takes out, in what is emphasized, and behind any other part of a word."""
    body = "Xk3v9QpL2mN8rT5wYz1B4cD7fG6hJ0sAqWeRtYuI"
    for prefix in _PREFIXES:
        redacted = redactor.redact(f"see {lead}{prefix}{body} there").text
        assert body not in redacted and redacted.startswith("see ") and redacted.endswith("] there"), prefix
    assert redactor.redact(f"see {lead}mdb_sa_sk_{body}").text.startswith(f"see {lead}[REDACTED:")


ALONE = {plant.secret: plant for plant in corpus.plants() if redactor.redact(f"it is {plant.secret} so").counts}


@pytest.mark.parametrize("before", ["-", "_", "+", "\u201c", "\\n", "\\r\\n", "\\t", "\\u0022", "%20", "%3D", "\\"])
@pytest.mark.parametrize("behind", ["", ".", ",", "_", "-", "\\n", "%22", "…"])
def test_what_is_a_secret_alone_is_one_between_any_marks(before: str, behind: str) -> None:
    """Escapes end with letters and digits, and yet begin a word: what agents show is often JSON, or an address."""
    assert len(ALONE) > 40
    for secret, plant in ALONE.items():
        assert not corpus.leaks(plant, redactor.redact(f"it is {before}{secret}{behind} so").text), secret


@pytest.mark.parametrize("spell", [json.dumps, repr, html.escape, quote], ids=lambda spell: spell.__name__)
def test_what_is_found_is_found_as_json_code_html_and_a_url_spell_it(spell: Callable[[str], str]) -> None:
    for plant in corpus.plants():
        spelled = spell(plant.text)
        if plant.secret in spelled and not corpus.leaks(plant, redactor.redact(plant.text).text):
            assert not corpus.leaks(plant, redactor.redact(spelled).text), (plant.kind, plant.context)


@pytest.mark.parametrize("word", ["KEY=" * 40, "a1-" * 40], ids=["names", "segments"])
def test_a_word_that_is_looked_at_no_further_hides_nothing_behind_it(word: str) -> None:
    """The work on one word is bounded, and that on the next begins anew."""
    for secret in (f'API_KEY="{TOKEN[4:]}"', TOKEN):
        assert TOKEN[4:] not in redactor.redact(f"{word} {secret}").text


def test_a_secret_right_beside_a_mark_is_found() -> None:
    mark = redactor.redact(TOKEN).text
    for text in (mark + TOKEN, f"{mark}{TOKEN}{mark}", f"{TOKEN}{mark}"):
        assert redactor.redact(text).text == text.replace(TOKEN, mark), text


@pytest.mark.parametrize("said", [
    "2026-11-27", "12:30:45", "10.0.0.1", "v1.2.3-rc1", "8+characters", "40-chars", "read-only/2", "Base64-encoded",
    "RS256-signed",
])  # fmt: skip
def test_what_is_said_of_a_secret_is_none(said: str) -> None:
    for name in ("token", "password"):
        text = f"The {name} is {said}"
        assert redactor.redact(text).text == text


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "basic"])
def test_a_credential_of_few_letters_is_found_behind_its_scheme(scheme: str) -> None:
    for secret in ("aB3.dE6_gH9-jK2+", "a1B2c3D4e5F6g7H8"):
        assert secret not in redactor.redact(f"curl -H 'x: {scheme} {secret}'").text
    assert redactor.redact(f"{scheme} access-control-list").text == f"{scheme} access-control-list"


@pytest.mark.parametrize("name", ["client_secret", "access_token", "token"])
def test_short_unquoted_values_are_secrets_behind_an_equals_sign_only(name: str) -> None:
    """A colon also joins a name with its type, and a result with its test."""
    assert "Zk4tPq9wB" not in redactor.redact(f"{name}=Zk4tPq9wB").text
    assert redactor.redact(f"{name}: Zk4tPq9wB").text == f"{name}: Zk4tPq9wB"


@pytest.mark.parametrize("joint", ["key = '{}'", "key={}", "| key | {} |"])
def test_a_key_that_begins_with_a_word_is_a_name_with_a_hash(joint: str) -> None:
    """As caches and branches are called; one that ends with a word is a key with a note."""
    said = joint.format("main-aB3dE6gH9jK2mN5pQ8sT1vW4")
    assert redactor.redact(said).text == said
    assert "aB3dE6gH9jK2mN5pQ8sT1vW4" not in redactor.redact(joint.format("aB3dE6gH9jK2mN5pQ8sT1vW4-main")).text


@pytest.mark.parametrize("name, enough, too_few", [
    ("token", "Ab1xY2zQ", "Ab1xY2z"), ("token", "Ab1xY2zQ9", "Ab1xY2z"), ("secret", "swordf1s", "swordf1"),
])  # fmt: skip
def test_a_quoted_value_of_eight_mixed_characters_is_enough(name: str, enough: str, too_few: str) -> None:
    assert enough not in redactor.redact(f'"{name}": "{enough}"').text
    assert redactor.redact(f'"{name}": "{too_few}"').text == f'"{name}": "{too_few}"'


@pytest.mark.parametrize(("text", "secret"), [
    (r'password = "ab\"cd\"ef1"; done', r'ab\"cd\"ef1'), ("pass: aB3dE6gH9jK2mN5pQ8sT", "aB3dE6gH9jK2mN5pQ8sT"),
    ("api_key = '0aa1b2c3d4e5f60718293a4b5c6d7e8f'", "0aa1b2c3d4e5f60718293a4b5c6d7e8f"),
    ("run --key aB3dE6gH9jK2mN5pQ8sT1vW4 now", "aB3dE6gH9jK2mN5pQ8sT1vW4"),
], ids=lambda text: text[:8])  # fmt: skip
def test_a_value_is_taken_out_to_its_end_and_nothing_else(text: str, secret: str) -> None:
    before, after = map(re.escape, text.split(secret))
    assert re.fullmatch(rf"{before}\[REDACTED:assignment:[0-9a-f]{{8}}\]{after}", redactor.redact(text).text)


@pytest.mark.parametrize("text", [
    "token = OAuth2AccessToken", "access_token == sha256sum", "pass: hunter22", "--key the-name-of-one2",
    "key = '0aa1b2c3d4e5f60718293a4b5c6d7e8f'", "signature: '0aa1b2c3-d4e5-f607-1829-3a4b5c6d7e8f'",
])  # fmt: skip
def test_a_name_a_word_and_a_digest_are_no_secrets(text: str) -> None:
    assert redactor.redact(text).text == text


def test_marks_of_a_key_far_apart_hide_no_prose_between_them() -> None:
    """As in a long log, whose single words could be lines of a key."""
    prose = "and some prose of a few words"
    lines = "\n".join(["word", "other", "third", "fourth", "fifth", prose] * 2000)
    text = f"-----BEGIN PRIVATE {'KEY-----'}\n{lines}\n-----END PRIVATE {'KEY-----'}"
    assert redactor.redact(text).text.count(prose) == 2000


@pytest.mark.parametrize(("before", "after"), [
    (" a long beginning", " a rather long end"), (" a long beginning", ""), ("", ""),
])  # fmt: skip
def test_what_stands_around_a_mark_is_a_secret_of_its_own_if_it_is_long(before: str, after: str) -> None:
    """A rule of a user may find a text with a mark in the middle."""
    own = Redactor(KEY, rules=[pattern_rule("own", "<key.*/key>", "<key")])
    mark = redactor.redact(TOKEN).text
    text = own.redact(f"<key{before}{mark}{after}/key>").text
    assert text.count(mark) == 1 and text.count("[REDACTED:own:") == bool(before) + bool(after)
    assert text == text.replace("a long beginning", "").replace("a rather long end", "")
    assert own.redact(text).text == text


@pytest.mark.parametrize("value, varied", [
    ("word", False), ("Word", False), ("WORD", False), ("wOrd", True), ("WorD", True), ("word1", True),
])  # fmt: skip
def test_a_varied_value_is_written_like_no_word(value: str, varied: bool) -> None:
    assert is_varied(value) is varied
