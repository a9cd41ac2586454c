# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a value looks like: drawn at random, chosen by a person, or no secret at all. Looks at its beginning only."""

from __future__ import annotations

import re

_SAMPLE = 256
_PLACEHOLDER = re.compile(
    r"(?i)(?:\$|<|\{|\[|%\(|\*{3}|x{3}|\.{3}|your|my[-_]|example|sample|change[-_]?(?:me|it)|placeholder|redacted|"
    r"replace|dummy|fake|todo|insert|enter|some[-_]|"
    r"(?:pass|passwd|password|passphrase|secret|token|key|apikey|none|null|nil|true|false|undefined|string|str|bytes|"
    r"required|optional|invalid|missing|unknown|hidden|masked|default|empty|yes|no|on|off|any|bool|self)\d{0,3}\Z)"
)
_TEMPLATE = re.compile(r"\$[({]|\{\{|\}\}|\{[\w.!:]{0,40}\}|%\([a-z_]|<[A-Za-z_ -]{1,40}>|%s|\\n")
_IDENTIFIERS = re.compile(r"[A-Za-z_]\w{0,80}(?:(?:\.|::|->|\?\.)[A-Za-z_]\w{0,80}){0,8}[?!:.,]{0,2}\Z")
_DOTTED = re.compile(r"[A-Za-z_]\w{0,80}(?:\.[A-Za-z_]\w{0,80}){1,8}\Z")
_PATH = re.compile(r"(?:~|\.{0,2})/|[A-Za-z]:\\|[a-z]{2,12}://")
_ROOT = re.compile(
    r"(?:~|\.{0,2})/(?:\Z|(?:etc|home|root|usr|var|tmp|opt|run|mnt|media|srv|dev|proc|sys|boot|bin|sbin|lib|lib64|nix|"
    r"snap|Users|Library|Applications|Volumes|private|app|apps|data|code|src|build|dist|config|secrets?|keys?|certs?|"
    r"vault|workspaces?|api|v[0-9]|oauth2?|auth|login|static|assets|node_modules)(?:/|\Z))"
)
# Runs of one sort of character; a capital before small letters begins a word.
_RUN = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
_DIGIT = re.compile("[0-9]")
_LETTER = re.compile("[^\\W\\d_]")
_HEX = re.compile("(?:[0-9a-f]+|[0-9A-F]+)\\Z")
_UNSPEAKABLE = re.compile("(?i)[bcdfghjklmnpqrstvwxz]{5}")
_NOT_ALNUM = re.compile(r"[^A-Za-z0-9]+")
_EXAMPLE = re.compile(
    r"EXAMPLE|(?i:example(?:key|token|secret)|0123456789|1234567890|abcdefghijkl|deadbeefdeadbeef)"
    r"|([xX0*])\1{7}"
    # What the documents of Stripe, jwt.io and the emulator of Azure's storage show.
    r"|4eC39HqLyjWDarj|BQokikJOvBiI2Hl|SflKxwRJSMeKKF2|Eby8vdM02xNOcqF"
)


def is_example(value: str) -> bool:
    """Whether it is a key that documents show, or one that was typed to look like a key."""
    return bool(_EXAMPLE.search(value, 0, 4096))


def is_mixed(value: str) -> bool:
    """Whether a digit stands beside a letter in it."""
    return bool(_DIGIT.search(value, 0, _SAMPLE)) and bool(_LETTER.search(value, 0, _SAMPLE))


def is_varied(value: str) -> bool:
    """Whether it has a digit beside a letter, or capitals inside a word: generated values have, words have not."""
    value = value[:_SAMPLE]
    return is_mixed(value) or (value[1:] != value[1:].lower() and value != value.upper())


def is_generated(value: str, least: int = 16) -> bool:
    """Whether a value looks drawn at random: its sorts of characters change all the time.

    In random text of 62 characters a run of one sort is 1.7 characters long on average, in hexadecimal 2.1, in base32
    3.3; in words and names, more than 4.

    :param least: how many letters and digits it must have.
    """
    solid = _NOT_ALNUM.sub("", value[:_SAMPLE])
    if len(solid) < least:
        return False
    runs = _RUN.findall(solid)
    digits = sum(len(run) for run in runs if run[0].isdigit())
    if not digits:
        return len(solid) >= 12 and len(solid) <= 3 * len(runs)
    if digits >= len(solid) * 0.9:
        return False
    if len(solid) < 3.5 * len(runs):
        return True
    unspeakable = len(solid) < 6 * len(runs) and _UNSPEAKABLE.search(value, 0, _SAMPLE)
    return len(solid) >= 16 and bool(_HEX.match(solid) or unspeakable)


def is_reference(value: str) -> bool:
    """Whether it is a path, an address, or the name of a variable's part.

    A random key may begin with a slash, or have dots in it.
    """
    value = value[:_SAMPLE]
    if _ROOT.match(value) or "://" in value[:16]:
        return True
    return bool(_PATH.match(value) or _DOTTED.match(value)) and not is_generated(value)


def is_name(value: str) -> bool:
    """Whether a program could have a variable, a type or an attribute of that name."""
    return bool(_IDENTIFIERS.match(value[:_SAMPLE]))


def is_literal(value: str) -> bool:
    """Whether it is the value itself: not a placeholder, a template or a reference."""
    value = value[:_SAMPLE]
    if len(set(value)) < 3 or _PLACEHOLDER.match(value) or _TEMPLATE.search(value):
        return False
    return not is_reference(value) and not is_example(value)
