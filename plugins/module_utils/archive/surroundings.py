# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets that their surroundings give away without a telling name: commands, files, headers, addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .assignments import ASSIGNMENT
from .judge import is_generated, is_literal, is_mixed, is_name
from .rule import Rule, Span, lower, occurrences, pattern_rule, word_rule

# --- commands -------------------------------------------------------------------------------------------------------

# Clients whose -p, -P, -a, -w or -W is the password, with a blank before the value.
_CLIENTS = (
    "docker|podman|buildah|skopeo|nerdctl|crane|oras|helm|az|oc|argocd|cf|ibmcloud|heroku|"
    "vault|rancher|mongo|mongosh|mongodump|mongorestore|sshpass|unzip|zip|rar|influx|cqlsh|"
    "sqlcmd|bcp|isql|rabbitmqadmin|smbclient|ldapsearch|ldapadd|ldapmodify|ldappasswd|"
    "ldapwhoami|redis-cli|valkey-cli|keydb-cli|ipmitool|snmpwalk|snmpget|vncdo|bw|mc|kinit|"
    "openconnect|nordvpn|mosquitto_pub|mosquitto_sub|nxc|crackmapexec|evil-winrm|svn"
)
# These take it without a blank in between; mysql knows no other way.
_CLIENTS_ATTACHED = "mysql|mariadb|mysqldump|mariadb-dump|mysqladmin|mysqlimport|mysqlshow|mycli|sshpass|7z|7za|rar"
# By itself or behind its path, also in a line that a diff takes out.
_COMMAND = r"(?<![\w.])(?<![\w.-]-)"
_ARGUMENT = r"""["']?(?P<secret>(?<=["'])[^"'\n]{4,512}|(?<!["'])[^\s"'`;|<>()]{4,512})"""
_NO_PASSWORD = re.compile(
    r"[0-9.]{1,24}:[0-9:]{1,24}(?:/\w+)?\Z|[\w.-]+:[0-9]+\Z|[a-z]+(?:[-./][a-z0-9]+)*\Z|[0-9,:/-]+\Z|(?:assword|roto|ort)\b|-"
)


def _is_password_argument(match: re.Match[str]) -> bool:
    return not _NO_PASSWORD.match(match["secret"]) and is_literal(match["secret"])


_SHORT_OPTION = pattern_rule(
    "command-line",
    rf"{_COMMAND}(?:{_CLIENTS})\b[^\n;|&]{{0,240}}?[ ](?:-p|-P|-a|-w|-W)(?:[ ]{{1,4}}|=|(?=[\"']))" + _ARGUMENT,
    " -",
    accept=_is_password_argument,
)
_ATTACHED = pattern_rule(
    "command-line",
    rf"{_COMMAND}(?:{_CLIENTS_ATTACHED})\b[^\n;|&]{{0,240}}?[ ]-p[\"']?(?P<secret>[^\s\"'`;|&<>()=]{{4,256}})",
    " -",
    accept=_is_password_argument,
)
# openssl's pass:x, htpasswd -b file user x, and user%x of Samba's clients
_PASSPHRASE_ARGUMENT = pattern_rule(
    "command-line",
    r"(?:(?<![\w-])-(?:passin|passout|pass|password|k)[ ]{1,4}pass:"
    r"|\bhtpasswd[ ][^\n]{0,120}?-[a-zA-Z]{0,6}b[a-zA-Z]{0,6}(?:[ ][^\s]{1,200}){2}[ ]"
    r"""|(?<![\w-])(?:-U|--user)[ ]["']?[^\s%"']{1,80}%)""" + _ARGUMENT,
    " -",
    accept=_is_password_argument,
)
# echo x | docker login --password-stdin
_PIPED = pattern_rule(
    "command-line",
    r"""\becho[ ](?:-[a-zA-Z]{1,3}[ ])?["']?(?:[^\s:"']{1,64}:(?=[^\n|]{1,200}\|[ ]{0,4}(?:sudo[ ])?chpasswd))?"""
    r"""(?P<secret>[^\s"'|]{4,256})["']?[ ]{0,4}\|"""
    r"""(?=[^\n|]{0,200}?(?:--password-stdin|--passphrase-fd|sudo[ ]-S|chpasswd|--with-token|[ ]login))""",
    "echo ",
    accept=_is_password_argument,
)
# curl -u user:x
_BASIC_CREDENTIALS = pattern_rule(
    "command-line",
    r"""(?<![A-Za-z0-9_-])(?:-[a-zA-Z]{0,6}u|--user|--proxy-user|-U)(?:[ ]{1,4}|=|(?=["']))["']?"""
    r"""[^\s:"'/]{1,64}:(?P<secret>[^\s"'/:][^\s"']{3,255})""",
    " -",
    accept=lambda match: not re.match(r"[0-9:]+\Z", match["secret"]) and is_literal(match["secret"]),
)
_IDENTIFIED_BY = word_rule(
    "assignment", ("identified ",),
    r"""identified[ ](?:with[ ]\S{1,40}[ ])?by(?:[ ]password)?[ ]{1,4}["'](?P<secret>[^"'\s]{4,256})["']""",
    lambda match: (is_mixed(match["secret"]) or not is_name(match["secret"])) and is_literal(match["secret"]),
)  # fmt: skip

# --- files ----------------------------------------------------------------------------------------------------------

_PGPASS = pattern_rule(
    "pgpass",
    r"(?m)^[ \t│>]{0,8}[A-Za-z0-9_.*-]{1,255}:(?:[0-9]{2,5}|\*):(?:[A-Za-z_][\w-]{0,63}|\*):[A-Za-z_*][\w.-]{0,63}:"
    r"(?P<secret>[^\s:]{4,256})[ \t]{0,8}$",
    ":5432:", ":*:", accept=lambda match: is_literal(match["secret"]),
)  # fmt: skip
_DOCUMENT_END = re.compile(r"(?m)^---[ \t]{0,8}$|\Z")
_KIND_SECRET = re.compile(r"""["']?kind["']?:[ \t]{0,8}["']?Secret\b""")
_DATA = re.compile(
    r"""(?m)^(?P<lead>[ \t│]{0,40})["']?(?:data|stringData)["']?:[ \t]{0,8}(?:\{[ \t]{0,8})?\n"""
    r"""(?P<body>(?:(?P=lead)[ \t]{1,40}[^\n]*(?:\n|\Z)){1,200})"""
)
_DATUM = re.compile(
    r"""(?m)^[ \t│]{1,80}["']?[A-Za-z0-9_.-]{1,128}["']?:[ \t]{1,8}["']?"""
    r"""(?P<secret>[^\s"',|>{][^\s"',]{3,16384})["']?,?[ \t]{0,8}$"""
)


def _find_kubernetes(text: str) -> Iterator[Span]:
    """The values of a Secret, whatever their names; the documents of a stream are apart by `---`."""
    start = 0
    for end in _DOCUMENT_END.finditer(text):
        if _KIND_SECRET.search(text, start, end.start()):
            for data in _DATA.finditer(text, start, end.start()):
                for value in _DATUM.finditer(text, *data.span("body")):
                    yield value.span("secret")
        start = end.end()


_KUBERNETES = Rule("kubernetes-secret", f"{_DATA.pattern}\n{_DATUM.pattern}", ("kind",), _find_kubernetes)
_JWK = pattern_rule(
    "jwk",
    r"""["'](?:d|p|q|k)["'][ ]{0,4}:[ ]{0,4}["'](?P<secret>[A-Za-z0-9_-]{22,2048})["']""",
    "kty", accept=lambda match: is_generated(match["secret"], 22),
)  # fmt: skip

# --- headers and URLs -----------------------------------------------------------------------------------------------


def _is_credential(match: re.Match[str]) -> bool:
    return (is_mixed(match["secret"]) or is_generated(match["secret"])) and is_literal(match["secret"])


_AUTHORIZATION = word_rule(
    "authorization", ("authorization",),
    r"""authorization\\?["']?[ \t]{0,8}[:=,][ \t]{0,8}\\?["']?(?:[A-Za-z][A-Za-z0-9-]{2,20} {1,2})?"""
    r"""(?P<secret>[A-Za-z0-9._~+/=:-]{6,16384})""",
    _is_credential,
)
_BEARER = word_rule(
    "authorization", ("bearer ", "basic "),
    r"(?<![A-Za-z0-9])(?:bearer|basic) {1,2}(?P<secret>[A-Za-z0-9._~+/=-]{16,16384})",
    lambda match: _is_credential(match) and is_generated(match["secret"], 12),
)
# The code of an OAuth answer; parameters with a telling name are assignments.
_URL_CODE = word_rule(
    "url-parameter", ("code=",),
    r"(?<=[?&])code=(?P<secret>[A-Za-z0-9%._~+/=-]{16,16384})",
    lambda match: is_literal(match["secret"]) and is_generated(match["secret"], 14),
)
_COOKIES = re.compile(r"""cookie["']?[ \t]{0,2}:[ \t]{0,3}["']?(?P<pairs>[^\n\r"']{3,8192})""", re.IGNORECASE)
_COOKIE_PAIR = re.compile(r"(?P<name>[A-Za-z0-9!#$%&*+.^_|~-]{1,64})=(?P<value>[^\s;,]{8,4096})")
_COOKIE_ATTRIBUTES = frozenset(("expires", "path", "domain", "max-age", "samesite", "priority", "version"))


def _find_cookies(text: str) -> Iterator[Span]:
    """The values in Cookie and Set-Cookie that could be a session's; a theme or a language stays."""
    lowered, done = lower(text), 0
    for start in occurrences(lowered, ("cookie",)) if len(lowered) == len(text) else range(len(text)):
        header = _COOKIES.match(text, start) if start >= done else None
        if header:
            done = header.end()
            for pair in _COOKIE_PAIR.finditer(text, *header.span("pairs")):
                if pair["name"].lower() not in _COOKIE_ATTRIBUTES and _is_session(pair["value"]):
                    yield pair.span("value")


def _is_session(value: str) -> bool:
    return (is_mixed(value) or is_generated(value, 8)) and is_literal(value)


_COOKIE = Rule("cookie", _COOKIES.pattern + _COOKIE_PAIR.pattern, ("cookie",), _find_cookies)
_URL_USERINFO = word_rule(
    "url-userinfo", ("://",),
    r"""://[^\s/@:"'<>\[\]()]{0,256}:(?P<secret>[^\s/"'<>]{1,256})@(?=[A-Za-z0-9\[_.-])""",
    lambda match: is_literal(match["secret"])
    and not re.fullmatch(r"[0-9]{1,5}|\w*(?:password|passwd|pass)\w*|\W+", match["secret"], re.IGNORECASE),
)
# A password that nobody encoded may hold a slash.
_URL_USERINFO_SLASH = word_rule(
    "url-userinfo", ("://",),
    r"""://[^\s/@:"'<>\[\]()]{1,64}:(?P<secret>[^\s"'<>@]{8,128})@(?=[A-Za-z0-9])""",
    lambda match: is_generated(match["secret"], 8) and not re.match("[0-9]{1,5}/", match["secret"]),
)
_URL_TOKEN = word_rule(
    "url-userinfo", ("://",),
    r"://(?P<secret>[A-Za-z0-9_-]{16,256})@",
    lambda match: is_mixed(match["secret"]) and is_generated(match["secret"], 12),
)

SURROUNDINGS: tuple[Rule, ...] = (
    _URL_USERINFO,
    _URL_USERINFO_SLASH,
    _URL_TOKEN,
    _AUTHORIZATION,
    _BEARER,
    _COOKIE,
    _PGPASS,
    _KUBERNETES,
    _JWK,
    ASSIGNMENT,
    _IDENTIFIED_BY,
    _URL_CODE,
    _SHORT_OPTION,
    _ATTACHED,
    _PASSPHRASE_ARGUMENT,
    _PIPED,
    _BASIC_CREDENTIALS,
)
