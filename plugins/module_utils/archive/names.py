# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that announce a secret, such as `DB_PASSWORD`, `apiKey` or `--token`, and those that only look like it."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from .rule import lower, occurrences

PASSWORD, SECRET, KEY = "password", "secret", "key"

_WORDS = ("key", "token", "secret", "pass", "pw", "credential", "auth", "jwt", "psk", "sig=", "signature", "mnemonic")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_SUFFIX = (
    r"(?:_(?:prod|production|dev|stage|staging|test|live|old|new|base|b64|base64|data|value|val|raw|plain|text|string|"
    r"primary|secondary|main|admin|root|user|here))?\d{0,2}_?\Z"
)
_PASSWORD = re.compile(
    r"(?:password|passwd|passphrase|"
    rf"(?:\A|_)(?:passcode|pass|pwd|pw|psk|sshpass|requirepass|masterauth|storepass|keypass)){_SUFFIX}"
)
_SECRET = re.compile(
    r"(?:token|secret|apikey|authkey|secretkey|accesskey|privatekey|(?:\A|_)(?:jwt|secret_id|credentials?|mnemonic|"
    r"(?:api|app|secret|access|private|auth|account|encryption|signing|signature|master|storage|shared|service|client|"
    rf"license|webhook|deploy|session|preshared|subscription|admin|role|hmac|jwt|security|bot|user)_key)){_SUFFIX}"
)
_KEY = re.compile(r"(?:\A|_)(?:key|auth|sig|signature)(?:_data|_base64|_b64|_value|_prod|_live|_test)?_?\Z")
_NO_SECRET = re.compile(
    r"(?:\A|_)(?:public|pub|publishable|cache|caching|sort|primary|foreign|partition|shard|index|group|idempotency|dedup|"
    r"object|row|hash|map|dict|registry|host|site|translation|i18n|message|lookup|unique|natural|range|order|s3|next|"
    r"page|continuation|pagination|resume|sync|pad|eos|bos|unk|sep|cls|mask|start|end|stop|special|last|first|prev|"
    r"current|max|num)_(?:key|token|secret|auth)s?(?:_|\Z)|(?:\A|_)(?:pubkey|public)|(?<!secret)_id\Z"
    r"|_(?:name|path|file|url|uri|type|format|length|size)\Z"
)
_ADJECTIVES = (
    "api", "secret", "access", "private", "auth", "authentication", "account", "encryption", "license", "shared",
    "storage", "master", "service", "app",
)  # fmt: skip
_CHARS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")
_REST = re.compile(r"[A-Za-z0-9_-]{0,64}")
_WHOLE = re.compile(r"(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{2,128}")
_LONGEST = 64


class Name(NamedTuple):
    """A telling name in a text.

    :param kind: PASSWORD, SECRET, or KEY, which can be any sort of key.
    """

    start: int
    end: int
    kind: str
    text: str


@lru_cache(4096)
def kind_of(name: str) -> str:
    """PASSWORD, SECRET, KEY, or "" if the name announces no secret."""
    plain = _CAMEL.sub("_", name).lower().replace("-", "_").replace(".", "_")
    if _NO_SECRET.search(plain):
        return ""
    if _PASSWORD.search(plain):
        return PASSWORD
    if _SECRET.search(plain):
        return SECRET
    return KEY if _KEY.search(plain) else ""


@lru_cache(4)
def telling_names(text: str) -> list[Name]:
    """Every name in the text that announces a secret, in order. Cached: several rules ask about one text in turn."""
    lowered = lower(text)
    if len(lowered) != len(text):  # places in one are not those in the other
        spans = [match.span() for match in _WHOLE.finditer(text)]
    else:
        spans = _spans(text, lowered)
    found = []
    for start, end in spans:
        name = text[start:end]
        kind = kind_of(name)
        if kind == KEY and text[max(0, start - 16) : start].lower().rstrip().endswith(_ADJECTIVES):
            kind = SECRET  # as people write it: API key, secret key
        if kind:
            found.append(Name(start, end, kind, name))
    return found


def _spans(text: str, lowered: str) -> list[tuple[int, int]]:
    spans, done = [], 0
    for at in occurrences(lowered, _WORDS):
        if at >= done:
            start = at
            while start > done and text[start - 1] in _CHARS and at - start <= _LONGEST:
                start -= 1
            match = _REST.match(text, at)
            done = match.end() if match else at
            spans.append((start, done))
    return spans
