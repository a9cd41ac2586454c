# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values beside a telling name, in whatever way the two are joined: code, data, tables, commands, sentences.

A telling name alone is not enough, because code and reports are full of them: how much a value has to look like a
secret depends on the kind of the name and on how the two are joined.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Callable, NamedTuple

from .judge import is_generated, is_literal, is_mixed, is_name, is_varied
from .names import KEY, PASSWORD, SECRET, Name, telling_names
from .rule import Rule, Span

_LONGEST = 16384
_SAMPLE = 128
_MOST_IN_ONE_WORD = 16

# --- NAME=value, "name": "value", name: str = "value", name | value ---------------------------------------------------

_JOINT = re.compile(
    r"""(?P<close>\\{0,3}["'`]|\*\*|)\]?"""
    r"""(?P<type>[ \t]{0,4}:[ \t]{0,4}[&A-Za-z][\w.<>\[\]&' ]{0,30}?(?=[ \t]{0,4}=(?!=)))?"""
    r"""(?:[ \t]{0,64}(?P<sign>:=|=>|={1,3}|:(?!:)|[|│┃║]|,)\*{0,2}[ \t]{0,64}|(?P<gap>[ \t]{2,64}))"""
    r"""(?:[bBrRfFuU]{1,2}(?=["']))?(?P<open>\\{0,3}["'`]|)"""
)
_JOINT_STARTS = frozenset("\\\"'`*] \t:=|│┃║,")
_COLUMNS = frozenset("|│┃║, \t")
_NOT_BARE = re.compile(r"[^A-Za-z0-9_+/=.~!@#%^*:$?-]")
_SHELL_WORD = re.compile(r"(?:[^\s\"'`\\;|<>()\[&]|&(?![&\s])){0,512}")
_ENV_LINE = re.compile(r"[^\s\"'`()\[\]{}<>|]{4,512}(?=[ \t\r]{0,8}(?:\n|\Z))")
_BEFORE_COMMAND = frozenset(("", *" \t\n\r│┃|>$#"))
_PHRASE = re.compile(r"(?i)passphrase|mnemonic")
_LABEL = re.compile(r"(?i)pass|secret|token|key|credential")
_ENDS_AS_LABEL = re.compile(r"(?i)(?:password|secret|token|key|credentials?)\Z")
_NOT_ALNUM = re.compile("[^A-Za-z0-9]")
_DIGEST = re.compile(r"[0-9a-fA-F]+\Z|[0-9a-fA-F-]{36}\Z")


class _Value(NamedTuple):
    """What stands behind a name.

    :param sample: its beginning.
    :param following: the character after it.
    """

    sample: str
    quoted: bool
    following: str


def _assigned(text: str, names: list[Name]) -> Iterator[Span]:
    done = bare_end = tried = 0
    for name in names:
        if name.start < done or text[name.end : name.end + 1] not in _JOINT_STARTS:
            continue
        if text[name.end] == " " and text[name.end + 1 : name.end + 2].isalnum():  # a sentence goes on
            continue
        joint = _JOINT.match(text, name.end)
        if joint is None or text.startswith("://", name.start - 3):  # of an address, whose password has a rule
            continue
        begin = joint.end()
        end = _closing(text, begin, joint["open"]) if joint["open"] else -1
        quoted = end >= 0
        if not quoted:
            if begin >= bare_end:
                match = _NOT_BARE.search(text, begin)
                bare_end, tried = match.start() if match else len(text), 0
            tried += 1
            if tried > _MOST_IN_ONE_WORD:
                continue
            end = bare_end
            if _is_definite(name, joint) and not joint["open"] and text[name.start - 1 : name.start] in _BEFORE_COMMAND:
                end = max(end, _word_end(text, begin, text[name.start - 1 : name.start] in ("", "\n")))
        value = _Value(text[begin : min(end, begin + _SAMPLE)], quoted, text[end : end + 1])
        if len(value.sample) >= 4 and _has_shape(name, joint, value) and is_literal(value.sample):
            if not quoted:
                end = begin + len(text[begin : min(end, begin + _LONGEST)].rstrip(".,;:!?"))
            yield begin, end
            done = end


def _closing(text: str, begin: int, quote: str) -> int:
    """Where a quoted value ends, or -1 if its quote is not closed in this line."""
    line = text.find("\n", begin, begin + _LONGEST)
    stop = line if line >= 0 else min(len(text), begin + _LONGEST)
    at = text.find(quote, begin, stop)
    for _escaped in range(32):
        if at < 1 or len(quote) > 1 or text[at - 1] != "\\":
            break
        at = text.find(quote, at + 1, stop)
    return at


def _word_end(text: str, begin: int, whole_line: bool) -> int:
    """Where a value of the shell ends; a line of an .env file knows no operators."""
    match = (_ENV_LINE.match(text, begin) if whole_line else None) or _SHELL_WORD.match(text, begin)
    return match.end() if match else begin


def _is_definite(name: Name, joint: re.Match[str]) -> bool:
    """Whether it is written as the shell and .env files write it, where a name has its value and nothing else."""
    return joint["sign"] == "=" and name.text.isupper() and not joint["close"] and not joint["type"]


def _has_shape(name: Name, joint: re.Match[str], value: _Value) -> bool:
    text, quoted, sign = value.sample, value.quoted, joint["sign"] or " "
    if not quoted and value.following in ("(", "["):  # a call, an item
        return False
    if quoted and " " in text:
        return bool(_PHRASE.search(name.text)) and text.count(" ") > 2
    if sign in _COLUMNS:  # of a table, or arguments
        if sign == "," and not (joint["close"] and quoted and is_mixed(text)):
            return False
        if name.kind == KEY:
            return is_generated(text, 20) and _is_whole(text)
        return is_generated(text, 12) or (len(text) > 40 and is_generated(text[-36:]))
    if not is_mixed(text) and (sign.startswith("==") or (is_name(text) and _LABEL.search(text))):
        return False  # a comparison with a word, a constant that is called as what it holds
    if not quoted and is_name(text) and (sign.startswith("==") or _ENDS_AS_LABEL.search(text)):
        return False  # a variable, a type
    if name.kind == KEY:
        return _is_key(name, joint, value)
    definite = _is_definite(name, joint) and not (value.following in (",", ")") and is_name(text))
    if not quoted and not definite and (joint["close"] or sign == ":" or value.following in (",", ")", ";")):
        return _is_unquoted(name, text)
    if name.kind == PASSWORD:
        if definite and not quoted:
            return is_mixed(text) or not (text.isupper() and is_name(text))
        return quoted or is_mixed(text) or is_generated(text, 10)
    if definite:
        return len(text) >= 6 and (is_varied(text) or not is_name(text) or len(text) >= 16)
    return is_generated(text, 8) or (len(text) >= 8 and is_mixed(text) and (quoted or not is_name(text)))


def _is_unquoted(name: Name, value: str) -> bool:
    """Behind a colon, which also joins a name with its type, a result with a test, a module with a function."""
    if name.text.lower() == "pass":
        return is_generated(value)
    if name.kind == PASSWORD and is_mixed(value) and len(value) >= 6:
        is_word = value[0].islower() and value[-1].isdigit() and len(value) >= 8
        return not is_name(value) or is_word or is_generated(value, 6)
    return is_generated(value, 12)


def _is_key(name: Name, joint: re.Match[str], value: _Value) -> bool:
    """The name ends with `key`, and there are many kinds of keys."""
    text = value.sample
    if not is_generated(text) or not _is_whole(text):
        return False
    bare = name.text.lower() in ("key", "sig", "signature")
    if bare and _DIGEST.match(text):
        return False
    return value.quoted or joint["sign"] == "=" or not bare or len(text) >= 32


def _is_whole(value: str) -> bool:
    """Random from its beginning, not a name that ends with a hash."""
    first = _NOT_ALNUM.split(value, maxsplit=1)[0]
    least = 6 if value[len(first) : len(first) + 1] in "/+=" else 4  # base64 has these in any place
    is_word = len(first) >= least and first.isalpha() and first[1:] in (first[1:].lower(), first[1:].upper())
    return len(first) == len(value) or not is_word


# --- the other ways --------------------------------------------------------------------------------------------------


class _Way(NamedTuple):
    """A way of joining a name and its value.

    :param pattern: what follows the name, with the value as the group `secret`.
    :param starts: the characters that the pattern can start with.
    :param before: what has to stand in front of the name; None for anything.
    :param needle: what is in every text that `before` matches; looked for first, because that takes no time.
    :param accept: whether a match is a secret.
    """

    pattern: re.Pattern[str]
    starts: str
    before: re.Pattern[str] | None
    needle: str
    accept: Callable[[Name, re.Match[str]], bool]


def _way(
    pattern: str, starts: str, accept: Callable[[Name, re.Match[str]], bool], before: str = "", needle: str = ""
) -> _Way:
    return _Way(re.compile(pattern), starts, re.compile(rf"(?:{before})\Z") if before else None, needle, accept)


def _is_value(name: Name, match: re.Match[str]) -> bool:
    value = match["secret"]
    if name.kind == PASSWORD:
        shaped = is_varied(value) or not value.isalpha()
    else:
        shaped = is_generated(value, 8 if name.kind == SECRET else 16)
    return shaped and is_literal(value)


def _is_set(name: Name, match: re.Match[str]) -> bool:
    return (name.kind == PASSWORD or is_varied(match["secret"])) and is_literal(match["secret"])


def _is_sql_password(name: Name, match: re.Match[str]) -> bool:
    return name.text.lower() == "password" and is_varied(match["secret"]) and is_literal(match["secret"])


def _is_option(name: Name, match: re.Match[str]) -> bool:
    """`--name value`; the dashes are a part of the name."""
    value = match["secret"]
    if not name.text.startswith("-") or value.startswith("-"):
        return False
    if name.kind == PASSWORD:
        shaped = bool(match["quote"]) or is_varied(value) or not is_name(value)
    elif name.kind == SECRET:
        shaped = len(value) >= 8 and is_mixed(value)
    else:
        shaped = is_generated(value)
    return shaped and is_literal(value)


def _is_said(name: Name, match: re.Match[str]) -> bool:
    value = match["secret"]
    if name.kind == KEY and not ("_" in name.text and is_generated(value, 20)):
        return False
    quoted = bool(match["quote"]) and is_mixed(value) and not is_name(value)
    random = is_generated(value, 10) or (len(value) > 40 and is_generated(value[-36:]))
    return (quoted or random) and is_literal(value)


def _is_configured(name: Name, match: re.Match[str]) -> bool:
    return _is_said(name, match) and (bool(match["quote"]) or is_generated(match["secret"], 12))


_WAYS = (
    # machine git.acme.dev login ci password x
    _way(
        r"\s{1,8}(?P<secret>\S{4,512})", " \t\n", _is_set,
        before=r"(?:\bmachine\s{1,8}\S{1,255}|(?<![\w-])default)\s{1,8}login\s{1,8}\S{1,80}\s{1,8}", needle="login",
    ),
    # ALTER ROLE app PASSWORD 'x'
    _way(r"[ ]{1,4}'(?P<secret>[^'\s]{4,256})'", " ", _is_sql_password),
    # name: DB_PASSWORD, value: x  <add key="ApiKey" value="x"/>  and over two lines of YAML
    _way(
        r"""\\?["']?[,;]?\s{1,64}[-{]?\\?["']?(?i:value|default|content)\\?["']?[ \t]{0,4}[:=][ \t]{0,4}"""
        r"""\\?["']?(?P<secret>[^\s"'<>\\]{4,4096})""",
        "\\\"',; \t\n\r", _is_value,
        before=r"""(?i:name|key|id)\\?["']?[ \t]{0,4}[:=][ \t]{0,4}\\?["']?(?:[\w.]{1,40}\.)?""",
    ),
    # <password>x</password>
    _way(
        r">\s{0,40}(?P<secret>[^<>\s]{4,4096})\s{0,40}</", ">", _is_value, before=r"<(?:[A-Za-z0-9_-]{1,32}[:.]){0,2}",
        needle="<",
    ),
    # password: |
    #   x
    _way(
        r"""["']?:[ \t]{1,4}[|>][+-]?[0-9]?[ \t]{0,4}\n[ \t]{1,40}(?P<secret>\S{6,4096})[ \t]*(?:\n|\Z)""",
        "\"':", _is_value,
    ),
    # variable "token" { default = "x" }
    _way(
        r"""["'][ ]{0,4}\{[^{}]{0,256}?\bdefault[ \t]{0,40}=[ \t]{0,40}"(?P<secret>[^\s"]{4,4096})["]""",
        "\"'", _is_value,
    ),
    # set -gx TOKEN x    ENV TOKEN x
    _way(
        r"""[ \t]{1,8}(?:--body[ =]|-b )?["']?(?P<secret>[^\s"'`;|&()]{4,4096})""", " \t", _is_set,
        before=r"(?<![\w.-])(?:set(?: -[a-zA-Z]{1,4}| --[a-z]{2,9}){1,4}|setenv|setx|ENV|config set|secret set)[ ]+",
    ),
    # --token x
    _way(
        r"""(?:[ ]{1,4}|=)(?P<quote>["']|)(?P<secret>(?<=["'])[^"'\n]{4,512}|[^\s"'`;|<>()]{4,512})""", " =", _is_option
    ),
    # the password of alice is now x
    _way(
        r"""s?(?:[ ][A-Za-z][\w./@'-]{0,24}){0,7}?[ ]"""
        r"""(?i:is|was|be|to|as|are|into|of|using|with|called)(?:[ ]now)?:?[ ]"""
        r"""(?P<quote>["'`\u201c\u2018*]{1,2}|)(?P<secret>[^\s"'`\u201c\u201d\u2018\u2019<>*]{7,511}[^\s"'`\u201c\u201d\u2018\u2019<>*.,;:!?)])""",
        "s ", _is_said,
    ),
    # requirepass x    username admin password 0 x
    _way(r"""[ ](?:[0-9][ ])?(?P<quote>["'`]|)(?P<secret>[^\s"'`<>]{7,511}[^\s"'`<>.,;:!?)])""", " ", _is_configured),
)
_HINT = re.compile("[0-9A-Z]")
_PLAIN_WORD = re.compile(r"[ ][a-z]+(?=[ ,.\n]|\Z)")
_REACH, _HINT_REACH = 256, 128
_WAYS_OVER_WORDS = tuple(way for way in _WAYS if way.accept is _is_said or "value|default" in way.pattern.pattern)
_WAYS_BY_START = {
    start: tuple(way for way in _WAYS if start in way.starts) for start in {*"".join(way.starts for way in _WAYS)}
}


def _find(text: str) -> Iterator[Span]:
    names = telling_names(text)
    if not names:
        return
    yield from _assigned(text, names)
    for name in names:
        ways = _WAYS_BY_START.get(text[name.end : name.end + 1], ())
        if ways and _PLAIN_WORD.match(text, name.end):
            ways = _WAYS_OVER_WORDS if name.kind != KEY else ()
        if ways and not _HINT.search(text, name.end, name.end + _HINT_REACH):
            continue  # nothing here looks like a secret
        for way in ways:
            if way.needle and text.find(way.needle, max(0, name.start - _REACH), name.start) < 0:
                continue
            match = way.pattern.match(text, name.end)
            if not match or not way.accept(name, match):
                continue
            if way.before is None or way.before.search(text, max(0, name.start - _REACH), name.start):
                yield match.span("secret")


ASSIGNMENT = Rule("assignment", "\n".join([_JOINT.pattern, *(way.pattern.pattern for way in _WAYS)]), ("",), _find)
