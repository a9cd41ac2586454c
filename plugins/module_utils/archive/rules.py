# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a secret looks like: the rules that ship with the collection.

Every pattern is written so that hostile text costs linear time: it begins with a literal or a bounded run, nothing that
repeats contains another repeat, and no two neighbouring repeats can match the same character without a small bound.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Callable, NamedTuple

Span = tuple[int, int]

SHORTEST_TOKEN = 15
"""Characters. In words shorter than that, which are most, no provider's token needs to be looked for."""


class Rule(NamedTuple):
    """A kind of secret. `find` yields where they lie; it is asked only if one of `needles` (lower case) occurs.

    is_token: it lies in a run of at least SHORTEST_TOKEN characters without white space, so nothing else is looked at.
    """

    name: str
    pattern: str
    needles: tuple[str, ...]
    find: Callable[[str], Iterator[Span]]
    is_token: bool = False


def pattern_rule(
    name: str,
    pattern: str,
    *needles: str,
    accept: Callable[[re.Match[str]], bool] | None = None,
    is_token: bool = False,
) -> Rule:
    """A rule by regular expression; the secret is the group `secret`, or else the whole match."""
    compiled = re.compile(pattern)
    group = "secret" if "secret" in compiled.groupindex else 0

    def find(text: str) -> Iterator[Span]:
        for match in compiled.finditer(text):
            if accept is None or accept(match):
                yield match.span(group)

    return Rule(name, pattern, tuple(needle.lower() for needle in needles), find, is_token)


def _token(name: str, body: str, *needles: str) -> Rule:
    """A provider's token: a fixed prefix, not in the middle of a word."""
    return pattern_rule(name, rf"(?<![A-Za-z0-9])(?:{body})", *needles, is_token=True)


# --- judging a value ------------------------------------------------------------------------------------------------

_PLACEHOLDER = re.compile(
    r"(?i)(?:\$|<|\{|\[|%\(|\*{3}|x{3}|\.{3}|your|my[-_]|example|change[-_]?me|placeholder|redacted|replace|dummy|"
    r"(?:pass|passwd|password|secret|token|none|null|nil|true|false|undefined|string|required|optional|invalid|missing)\Z)"
)
_REFERENCE = re.compile(r"[A-Za-z_]\w{0,80}(?:\.[A-Za-z_]\w{0,80}){1,8}\Z|(?:\.{0,2}|~)/|[A-Za-z]:\\|[a-z]{2,12}://")
_SOLID = re.compile(r"[A-Za-z0-9+/]{16}")


def _varied(value: str) -> bool:
    """A digit beside a letter, or capitals inside a word: what a generated value has and a word has not."""
    digit = any(char.isdigit() for char in value)
    letter = any(char.isalpha() for char in value)
    return (digit and letter) or (value[1:] != value[1:].lower() and value != value.upper())


def _is_literal(value: str) -> bool:
    """Neither a placeholder nor a variable, a path or a URL."""
    return len(set(value)) > 2 and not _PLACEHOLDER.match(value) and not _REFERENCE.match(value)


# --- NAME=value, "name": "value", --name value ----------------------------------------------------------------------

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_PASSWORD_NAME = re.compile(r"(?:\A|_)(?:password|passwd|passphrase|pass|pwd)\d{0,2}\Z")
_SECRET_NAME = re.compile(
    r"(?:\A|_)(?:token|secret|apikey|credentials?|bearer|sas|"
    r"(?:api|secret|access|private|auth|account|encryption|signing|master|storage|shared)_key)\d{0,2}\Z"
)
_KEY_NAME = re.compile(r"(?:\A|_)key\Z")
_SECRET_WORDS = ("key", "token", "secret", "pass", "pwd", "credential", "bearer", "sas")


def _is_secret_assignment(match: re.Match[str]) -> bool:
    value, text = match["secret"], match.string
    if not _is_literal(value) or text[match.end() : match.end() + 1] == "(":
        return False
    name = _CAMEL.sub("_", match["name"]).lower().replace("-", "_")
    definite = match["name"].isupper() and match["sign"] == "="  # as the shell and .env files write it
    quoted = bool(match["quote"])
    if _PASSWORD_NAME.search(name):
        return definite or quoted or _varied(value)
    if _SECRET_NAME.search(name):
        return definite or (len(value) >= 8 and (_varied(value) or (quoted and len(value) >= 20)))
    return bool(_KEY_NAME.search(name)) and _varied(value) and bool(_SOLID.search(value))


_VALUE = r"""(?P<secret>[A-Za-z0-9_+/=.~!@#%^*:$?-]{6,512})"""

_NAME_CHARS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")
_LONGEST_NAME = 64


def _secret_names(text: str) -> list[int]:
    """Where names begin that have a telling word in them, so that no regular expression has to try each word."""
    lowered = text.lower()
    if len(lowered) != len(text):  # places in one are not those in the other
        return [match.start() for match in re.finditer(r"(?<![A-Za-z0-9_-])[A-Za-z0-9_-]", text)]
    starts = set()
    for word in _SECRET_WORDS:
        at = lowered.find(word)
        while at >= 0:
            start = at
            while start and at - start <= _LONGEST_NAME and text[start - 1] in _NAME_CHARS:
                start -= 1
            starts.add(start)
            at = lowered.find(word, at + 1)
    return sorted(starts)


def _assignment_rule(pattern: str) -> Rule:
    compiled = re.compile(pattern)

    def find(text: str) -> Iterator[Span]:
        matches = (compiled.match(text, start) for start in _secret_names(text))
        yield from (match.span("secret") for match in matches if match and _is_secret_assignment(match))

    return Rule("assignment", pattern, ("=", ":"), find)


_ASSIGNMENT = _assignment_rule(
    r"""(?<![A-Za-z0-9_-])(?P<name>[A-Za-z0-9_-]{2,64})\\?["'`]?[ \t]{0,4}(?P<sign>:=|=>|=|:)[ \t]{0,4}"""
    r"""(?P<quote>\\?["'`]|)""" + _VALUE
)
_COMMAND_LINE = pattern_rule(
    "command-line",
    r"""(?<![A-Za-z0-9_-])--(?P<name>[a-z][a-z-]{1,40})(?P<sign>[ ])(?P<quote>["']|)""" + _VALUE,
    "--",
    accept=_is_secret_assignment,
)
_BASIC_CREDENTIALS = pattern_rule(
    "command-line",
    r"""(?<![A-Za-z0-9_-])(?:-u|--user)[ =]["']?[^\s:"']{1,64}:(?P<secret>[^\s"']{4,128})""",
    "-u ", "--user",
    accept=lambda match: _is_literal(match["secret"]) and not match["secret"].isdigit(),
)

# --- headers and URLs -----------------------------------------------------------------------------------------------

_AUTHORIZATION = pattern_rule(
    "authorization",
    r"""(?i:authorization)["']?[ \t]{0,3}[:=][ \t]{0,3}["']?(?:[A-Za-z]{4,12} {1,2})?"""
    r"""(?P<secret>[A-Za-z0-9._~+/=:-]{6,4096})""",
    "authorization",
    accept=lambda match: _is_literal(match["secret"]) and _varied(match["secret"]),
)
_BEARER = pattern_rule(
    "authorization",
    r"(?<![A-Za-z0-9])(?i:bearer) {1,2}(?P<secret>[A-Za-z0-9._~+/=-]{16,4096})",
    "bearer ",
    accept=lambda match: _is_literal(match["secret"]) and _varied(match["secret"]),
)
_COOKIE_PAIR = r"""[A-Za-z0-9!#$%&*+.^_|~-]{1,64}=[^\s;,"']{0,4096}"""
_COOKIE = pattern_rule(
    "cookie",
    rf"(?i:cookie)[ \t]{{0,2}}:[ \t]{{0,3}}(?P<secret>{_COOKIE_PAIR}(?:; ?{_COOKIE_PAIR}){{0,50}})",
    "cookie",
)
_URL_USERINFO = pattern_rule(
    "url-userinfo",
    r"""://[^\s/@:"'<>]{0,256}:(?P<secret>[^\s/"'<>]{1,256})@""",
    "://",
    accept=lambda match: _is_literal(match["secret"]),
)
_URL_TOKEN = pattern_rule(
    "url-userinfo",
    r"://(?P<secret>[A-Za-z0-9_-]{16,256})@",
    "://",
    accept=lambda match: _varied(match["secret"]),
)

# --- blocks ---------------------------------------------------------------------------------------------------------

_PEM_MARK = re.compile(r"-----(?P<side>BEGIN|END) (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_PEM_BODY = re.compile(r"(?:[A-Za-z0-9+/=]{4,}|[A-Z][A-Za-z-]{2,20}: .{0,120})\Z")
_FRAME = " \t\r│┃║|>\"'`,"


def _body_end(text: str, start: int, stop: int) -> int:
    """Where the lines that could be a key's body end, reading from `start`."""
    end = start
    while end < stop:
        newline = text.find("\n", end, stop)
        following = stop if newline < 0 else newline + 1
        content = text[end:following].strip(_FRAME + "\n")
        if content and not _PEM_BODY.match(content.replace("\\n", "").replace("\\", "")):
            break
        end = following
    return end


def _body_start(text: str, stop: int, floor: int) -> int:
    """Where the lines that could be a key's body begin, reading back from `stop`."""
    start = stop
    while start > floor:
        newline = text.rfind("\n", floor, start - 1)
        preceding = floor if newline < 0 else newline + 1
        content = text[preceding:start].strip(_FRAME + "\n")
        if content and not _PEM_BODY.match(content):
            break
        start = preceding
    return start


def _find_private_keys(text: str) -> Iterator[Span]:
    """Whole PEM blocks (RFC 7468, OpenPGP), and what a cut left of one. Reads every character at most twice."""
    floor = 0
    marks = list(_PEM_MARK.finditer(text))
    index = 0
    while index < len(marks):
        mark, following = marks[index], marks[index + 1] if index + 1 < len(marks) else None
        index += 1
        if mark["side"] == "END":  # its beginning was cut off
            start, end = _body_start(text, mark.start(), floor), mark.end()
        elif following is not None and following["side"] == "END" and following.start() - mark.end() <= 32768:
            start, end = mark.start(), following.end()
            index += 1
        else:  # its end was cut off
            start, end = mark.start(), _body_end(text, mark.end(), following.start() if following else len(text))
        yield start, end
        floor = end


# --- the list -------------------------------------------------------------------------------------------------------


def _is_coder_token(match: re.Match[str]) -> bool:
    secret = match[0][11:]
    return sum(map(str.isupper, secret)) >= 2 and sum(map(str.islower, secret)) >= 2


# In order of preference: where two rules cover the same characters, the first one names the secret.
RULES: tuple[Rule, ...] = (
    Rule("private-key", _PEM_MARK.pattern, ("private key",), _find_private_keys),
    _token("anthropic-key", r"sk-ant-[A-Za-z0-9_-]{20,256}", "sk-ant-"),
    _token("openrouter-key", r"sk-or-v1-[0-9a-f]{64}", "sk-or-"),
    _token("openai-key", r"sk-(?:proj|svcacct|admin|service)-[A-Za-z0-9_-]{20,256}|sk-[A-Za-z0-9]{32,64}", "sk-"),
    _token("github-token", r"gh[pousr]_[A-Za-z0-9]{36,255}", "ghp_", "gho_", "ghu_", "ghs_", "ghr_"),
    _token("github-token", r"github_pat_[A-Za-z0-9_]{50,255}", "github_pat_"),
    _token("gitlab-token", r"gl(?:pat|ptt|rt|dt|ft|soat|cbt|agent|imt|oas)-[A-Za-z0-9_.-]{20,255}",
           "glpat-", "glptt-", "glrt-", "gldt-", "glft-", "glsoat-", "glcbt-", "glagent-", "glimt-", "gloas-"),
    _token("aws-access-key", r"A(?:KIA|SIA|BIA|CCA)[A-Z2-7]{16}(?![A-Za-z0-9])", "akia", "asia", "abia", "acca"),
    _token("google-key", r"AIza[A-Za-z0-9_-]{35}|GOCSPX-[A-Za-z0-9_-]{28}|ya29\.[A-Za-z0-9_-]{20,1024}",
           "aiza", "gocspx-", "ya29."),
    _token("slack-token", r"xox[abeoprs]-[A-Za-z0-9-]{10,255}|xapp-[0-9]-[A-Za-z0-9-]{10,255}", "xox", "xapp-"),
    pattern_rule("slack-webhook",
                 r"hooks\.slack\.com/(?P<secret>(?:services|workflows|triggers)/[A-Za-z0-9/_-]{20,200})",
                 "hooks.slack.com", is_token=True),
    pattern_rule("discord-webhook", r"discord(?:app)?\.com/api/webhooks/(?P<secret>[0-9]{15,22}/[A-Za-z0-9_-]{50,100})",
                 "/api/webhooks/", is_token=True),
    _token("stripe-key", r"[rs]k_(?:live|test|prod)_[A-Za-z0-9]{10,255}|whsec_[A-Za-z0-9+/]{24,128}",
           "k_live_", "k_test_", "k_prod_", "whsec_"),
    _token("twilio-key", r"SK[0-9a-f]{32}(?![0-9a-f])", "sk"),
    _token("sendgrid-key", r"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}", "sg."),
    _token("mailgun-key", r"key-[0-9a-f]{32}(?![0-9a-f])", "key-"),
    _token("npm-token", r"npm_[A-Za-z0-9]{36}", "npm_"),
    _token("pypi-token", r"pypi-AgE[A-Za-z0-9_-]{50,512}", "pypi-age"),
    _token("docker-token", r"dckr_(?:pat|oat)_[A-Za-z0-9_-]{20,128}", "dckr_"),
    _token("huggingface-token", r"hf_[A-Za-z0-9]{30,64}", "hf_"),
    _token("ai-provider-key", r"gsk_[A-Za-z0-9]{40,64}|xai-[A-Za-z0-9]{60,100}|pplx-[A-Za-z0-9]{40,64}",
           "gsk_", "xai-", "pplx-"),
    _token("databricks-token", r"dapi[0-9a-f]{32}(?:-[0-9])?", "dapi"),
    _token("digitalocean-token", r"do[oprt]_v1_[0-9a-f]{64}", "_v1_"),
    _token("vault-token", r"hv[sbr]\.[A-Za-z0-9_-]{20,512}", "hvs.", "hvb.", "hvr."),
    _token("terraform-token", r"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_-]{60,80}", ".atlasv1."),
    _token("shopify-token", r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}", "shpat_", "shpca_", "shppa_", "shpss_"),
    _token("atlassian-token", r"ATATT3[A-Za-z0-9_=-]{50,512}", "atatt3"),
    _token("saas-token", r"lin_api_[A-Za-z0-9]{40}|ntn_[A-Za-z0-9]{40,64}|NRAK-[A-Z0-9]{27}"
           r"|PMAK-[0-9a-f]{24}-[0-9a-f]{34}|rubygems_[0-9a-f]{48}|sntry[su]_[A-Za-z0-9+/=_-]{40,255}|dp\.(?:pt|st|ct)\.[A-Za-z0-9]{40,64}",
           "lin_api_", "ntn_", "nrak-", "pmak-", "rubygems_", "sntry", "dp."),
    _token("grafana-token", r"glsa_[A-Za-z0-9]{32}_[0-9A-Fa-f]{8}|glc_[A-Za-z0-9+/=]{32,400}", "glsa_", "glc_"),
    _token("telegram-token", r"[0-9]{8,10}:AA[A-Za-z0-9_-]{33}", ":aa"),
    _token("age-key", r"AGE-SECRET-KEY-1[A-Z0-9]{58}", "age-secret-key-"),
    pattern_rule("jwt",
                 r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,4096}\.eyJ[A-Za-z0-9_-]{2,8192}\.[A-Za-z0-9_-]{0,2048}",
                 "eyj", is_token=True),
    pattern_rule("coder-token", r"(?<![A-Za-z0-9-])[A-Za-z0-9]{10}-[A-Za-z0-9]{22}(?![A-Za-z0-9-])", "-",
                 accept=_is_coder_token, is_token=True),
    _URL_USERINFO,
    _URL_TOKEN,
    _AUTHORIZATION,
    _BEARER,
    _COOKIE,
    _ASSIGNMENT,
    _COMMAND_LINE,
    _BASIC_CREDENTIALS,
)
