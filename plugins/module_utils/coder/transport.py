# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""HTTP to one Coder server: TLS, proxy, timeouts, retries, one rate gate. Knows no Ansible and no endpoint."""

from __future__ import annotations

import json as jsonlib
import os
import random
import re
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, Callable
from urllib.parse import quote, urlsplit

from ..version import VERSION
from .errors import AnswerLost, CoderError, RouteNotFound

try:
    import requests
    import urllib3
except ImportError as _error:
    IMPORT_ERROR: ImportError | None = _error
else:
    IMPORT_ERROR = None

# What a gateway between us and Coder answers while Coder is not reachable; Coder's own 5xx is final.
GATEWAY_STATUSES = (502, 503, 504)
IDEMPOTENT = ("GET", "HEAD", "PUT", "PATCH", "DELETE")
BACKOFF = 0.25
BACKOFF_CAP = 8.0
ROUTE_NOT_FOUND = "Route not found."
# A header line (RFC 9110, 5.1 and 5.5); what else a value may hold is cut to what Python's http.client can encode.
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+: [\t -~\x80-\xff]*")
KIND_BY_STATUS = {
    400: "invalid",
    401: "auth",
    403: "forbidden",
    404: "not_found",
    409: "conflict",
    410: "not_found",
    429: "rate_limited",
}


@dataclass(frozen=True)
class Connection:
    """How to reach a server. Hashable, so that sessions can be kept by it. Times are seconds."""

    url: str
    token: str = field(repr=False)
    validate_certs: bool = True
    ca_path: str | None = None
    client_cert: str | None = None
    client_key: str | None = None
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    proxy: str | None = field(default=None, repr=False)
    connect_timeout: float = 5.0
    timeout: float = 30.0
    deadline: float = 120.0
    retries: int = 3


@dataclass
class Response:
    """An answer below 300. ``data`` is the decoded JSON, None for an empty body."""

    status: int
    headers: Any
    data: Any


def segment(text: str) -> str:
    """One path segment, quoted whole (RFC 3986, 3.3).

    A dot segment survives quoting and would be resolved away by any client on the way, so it is refused.
    """
    try:
        quoted = quote(text, safe="")
    except UnicodeEncodeError:  # half of a surrogate pair
        quoted = ""
    if quoted in ("", ".", ".."):
        raise CoderError("%r cannot be part of an address" % text, "invalid")
    return quoted


class RateGate:
    """Closed while the server wants us to wait; all threads of a transport wait at the same gate."""

    def __init__(self) -> None:
        self._opens_at = 0.0
        self._lock = threading.Lock()

    def close_until(self, moment: float) -> None:
        with self._lock:
            self._opens_at = max(self._opens_at, moment)

    def wait_needed(self, now: float) -> float:
        return max(0.0, self._opens_at - now)


class Transport:
    """Requests to one server. Safe for use from several threads; no two share a session at the same time."""

    def __init__(self, connection: Connection, clock: Any) -> None:
        if IMPORT_ERROR is not None:
            raise missing_library("requests", IMPORT_ERROR)
        self.connection = connection
        self.clock = clock
        self.calls = 0
        # How far the server's clock is ahead of ours, in seconds, as its last answer said.
        self.server_ahead = 0.0
        self._base = _checked_url(connection.url)
        _check_times(connection)
        self._gate = RateGate()
        # Sessions that nobody uses now, the last used one at the end; there are as many as requests ran at once.
        self._sessions: list[requests.Session] = []
        self._headers = _request_headers(connection)
        self._verify = _verify(connection)
        self._cert = _client_cert(connection)
        self._proxies = _proxies(connection, self._base)
        if not connection.validate_certs:
            _expect_unverified(self._base)

    @property
    def base_url(self) -> str:
        return self._base

    def request(
        self,
        method: str,
        path: str,
        *,
        params: dict[str, Any] | None = None,
        body: Any = None,
        timeout: float | None = None,
        final: Callable[[str], bool] | None = None,
    ) -> Response:
        """One request with its retries, within the connection's deadline.

        :param path: from the server's root, its segments already quoted, see :func:`segment`.
        :param body: sent as JSON; None sends no body.
        :param timeout: longest silence while reading, in seconds; the connection's own when None.
        :param final: says of a server's message that a 5xx carrying it is an answer, not a gateway's hiccup.
        :raises RouteNotFound: the server has no such endpoint.
        :raises AnswerLost: a write may or may not have been processed.
        :raises CoderError: any other failure, see :data:`errors.KINDS`.
        """
        with self._free_session() as session:
            return self._request(session, method, path, params, body, timeout, final)

    def _request(
        self,
        session: requests.Session,
        method: str,
        path: str,
        params: dict[str, Any] | None,
        body: Any,
        timeout: float | None,
        final: Callable[[str], bool] | None,
    ) -> Response:
        ends_at = self.clock.monotonic() + self.connection.deadline
        attempts = 0
        failures = 0
        while True:
            self._pass_gate(ends_at, method, path, attempts)
            attempts += 1
            pause = None
            try:
                return self._once(session, method, path, params, body, timeout, ends_at)
            except CoderError as caught:
                error = _perhaps_processed(caught, method, final)
                error.attempts = attempts
                if error.kind == "rate_limited":
                    # The limiter refuses before anything is processed, so this is safe for a write too. The wait
                    # is bounded by the deadline alone: it is the server's own word when to come back.
                    continue
                failures += 1
                if failures > self.connection.retries or not self._may_retry(method, error, final):
                    raise error from None
                pause = random.uniform(0, min(BACKOFF_CAP, BACKOFF * 2 ** failures))
                if self.clock.monotonic() + pause >= ends_at:
                    raise error from None
            self.clock.sleep(pause)

    @staticmethod
    def _may_retry(method: str, error: CoderError, final: Callable[[str], bool] | None) -> bool:
        if error.status in GATEWAY_STATUSES:
            return method in IDEMPOTENT and not (final is not None and final(error.server_message))
        if isinstance(error, AnswerLost):
            return method in IDEMPOTENT and error.kind != "timeout"
        # A connection that was never made: nothing can have been processed.
        return error.kind == "network"

    def _pass_gate(self, ends_at: float, method: str, path: str, attempts: int) -> None:
        while True:
            now = self.clock.monotonic()
            needed = self._gate.wait_needed(now)
            if needed <= 0:
                return
            if now + needed > ends_at:
                raise CoderError(
                    "%s %s is refused by the server's rate limit for another %d s" % (method, path, round(needed)),
                    "rate_limited", status=429, method=method, path=path, attempts=attempts,
                    hint="Raise 'deadline' above that, or send fewer requests.",
                )
            self.clock.sleep(needed)

    def _once(
        self,
        session: requests.Session,
        method: str,
        path: str,
        params: dict[str, Any] | None,
        body: Any,
        timeout: float | None,
        ends_at: float,
    ) -> Response:
        limit = ends_at - self.clock.monotonic()
        read_timeout = max(0.001, min(timeout or self.connection.timeout, limit))
        headers = self._headers
        data = None
        if body is not None:
            data = jsonlib.dumps(body).encode()
            headers = dict(headers, **{"Content-Type": "application/json"})
        self.calls += 1
        started = self.clock.monotonic()
        try:
            response = session.request(
                method, self._base + path, params=params, data=data, headers=headers,
                timeout=(min(self.connection.connect_timeout, max(0.001, limit)), read_timeout),
                allow_redirects=False, verify=self._verify, cert=self._cert, proxies=self._proxies, stream=True,
            )
            with response:
                content = self._read(response, ends_at)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise self._no_answer(method, path, error, self.clock.monotonic() - started) from None
        said = _http_date(response.headers.get("Date"))
        if said:
            self.server_ahead = said - self.clock.time()
        return self._judge(method, path, response, content)

    def _read(self, response: requests.Response, ends_at: float) -> bytes:
        """The whole body, but never past the deadline: a body that drips would reset the read timeout for ever."""
        # read1 returns what has arrived; urllib3 before 2.1 has only read, which waits for the full amount.
        read = getattr(response.raw, "read1", response.raw.read)
        chunks = []
        while True:
            chunk = read(65536, decode_content=True)
            if not chunk:
                break
            chunks.append(chunk)
            if self.clock.monotonic() > ends_at:
                raise requests.exceptions.ReadTimeout("the body did not end")
        expected = response.headers.get("Content-Length", "")
        body = b"".join(chunks)
        if expected.isdecimal() and not response.headers.get("Content-Encoding") and len(body) < int(expected):
            raise requests.exceptions.ConnectionError("the body ended after %d of %s bytes" % (len(body), expected))
        return body

    @contextmanager
    def _free_session(self) -> Iterator[requests.Session]:
        """A session that no other thread uses meanwhile."""
        try:
            session = self._sessions.pop()
        except IndexError:
            session = _new_session()
        try:
            yield session
        finally:
            self._sessions.append(session)

    def _no_answer(self, method: str, path: str, error: Exception, seconds: float) -> CoderError:
        request = "%s %s" % (method, path)
        cls, kind, reason, hint = self._why_no_answer(request, error, seconds)
        return cls(reason, kind, method=method, path=path, hint=hint)

    def _why_no_answer(
        self, request: str, error: Exception, seconds: float
    ) -> tuple[type[CoderError], str, str, str | None]:
        """(class, kind, reason, hint). :class:`AnswerLost` wherever the request may have been processed."""
        server = urlsplit(self._base).netloc
        if isinstance(error, requests.exceptions.ConnectTimeout):
            reason = "no connection to %s within %g s" % (server, self.connection.connect_timeout)
            return CoderError, "network", reason, "Check 'url', the network and 'proxy'."
        if isinstance(error, requests.exceptions.SSLError):
            reason = "the TLS connection to %s failed: %s" % (server, _tls_reason(error))
            return CoderError, "tls", reason, _tls_hint(reason)
        if isinstance(error, requests.exceptions.ProxyError):
            reason = "the proxy in front of %s did not connect: %s" % (server, _root_cause(error))
            # urllib3 before 2.0 calls a connection that broke later a proxy's error too.
            cls = CoderError if _never_connected(error) else AnswerLost
            return cls, "network", reason, "Check 'proxy', HTTPS_PROXY and NO_PROXY."
        if isinstance(error, requests.exceptions.ConnectionError) and _never_connected(error):
            reason = "no connection to %s: %s" % (server, _root_cause(error))
            return CoderError, "network", reason, "Check 'url' and that the server runs."
        timeouts = (requests.exceptions.ReadTimeout, urllib3.exceptions.ReadTimeoutError)
        if isinstance(error, timeouts) or "timed out" in str(error):
            reason = "%s had no complete answer within %.1f s" % (request, seconds)
            hint = "The server or the agent behind it hangs; raise 'timeout' if it is only slow."
            return AnswerLost, "timeout", reason, hint
        if isinstance(error, (requests.exceptions.InvalidURL, requests.exceptions.InvalidHeader)):
            reason = "%s cannot be sent: an address or a header holds characters that are not allowed" % request
            return CoderError, "invalid", reason, None
        reason = "%s: the connection broke before the answer was complete" % request
        return AnswerLost, "network", reason, "Try again; a proxy or the network cut the connection."

    def _judge(self, method: str, path: str, response: requests.Response, content: bytes) -> Response:
        status = response.status_code
        if 300 <= status < 400:
            location = urlsplit(response.headers.get("Location", ""))
            to = "%s://%s" % (location.scheme, location.netloc) if location.netloc else location.path
            raise CoderError(
                "%s %s returned HTTP %d, a redirect to %s, which is not followed with a token"
                % (method, path, status, to or "nowhere"),
                "protocol", status=status, method=method, path=path,
                hint="Set 'url' to the address where the server itself answers.",
            )
        data, is_json = _decode(content, response.headers.get("Content-Type", ""))
        if status < 300:
            if content and not is_json:
                raise CoderError(
                    "%s %s returned HTTP %d with %s instead of JSON" % (method, path, status, _what(content)),
                    "protocol", status=status, method=method, path=path,
                    hint="Check 'url': a login page, a proxy or another web server may answer there.",
                )
            return Response(status, response.headers, data)
        raise self._refusal(method, path, response, data if is_json else None, content)

    def _refusal(self, method: str, path: str, response: requests.Response, data: Any, content: bytes) -> CoderError:
        status = response.status_code
        data = data if isinstance(data, dict) else {}
        message = str(data.get("message") or "")
        kind = KIND_BY_STATUS.get(status, "server" if status >= 500 else "protocol")
        text = "%s %s returned HTTP %d" % (method, path, status)
        text += ": %s" % message if message else (", %s" % _what(content) if content else " with an empty body")
        detail = data.get("detail")
        if detail and detail != message:
            text = "%s (%s)" % (text.rstrip("."), detail)
        validations = [item for item in data.get("validations") or [] if isinstance(item, dict)]
        if validations:
            fields = "; ".join("%s: %s" % (item.get("field"), item.get("detail")) for item in validations)
            text = "%s [%s]" % (text.rstrip("."), fields)
        if status == 429:
            self._gate.close_until(self.clock.monotonic() + _rate_limit_pause(response.headers, self.clock.time()))
        cls = RouteNotFound if status == 404 and (message == ROUTE_NOT_FOUND or not message) else CoderError
        error = cls(
            _clip(text), kind, status=status, method=method, path=path, detail=detail, validations=validations,
            hint=_HINTS.get(kind),
        )
        error.server_message = message
        return error


def _new_session() -> requests.Session:
    session = requests.Session()
    # The environment is read once, by the transport: left on, it would override TLS options and add .netrc passwords.
    session.trust_env = False
    return session


_HINTS = {
    "auth": "Give a valid session token in 'token' or CODER_SESSION_TOKEN; `coder tokens create` makes one.",
    "forbidden": "The token's user lacks the right; ask an administrator of the organization.",
}


def _perhaps_processed(error: CoderError, method: str, final: Callable[[str], bool] | None) -> CoderError:
    """A gateway that gave up on a write does not know whether the server behind it did it: the answer is lost."""
    if error.status not in GATEWAY_STATUSES or method in IDEMPOTENT:
        return error
    if final is not None and final(error.server_message):
        return error
    lost = AnswerLost(error.reason, error.kind)
    lost.__dict__.update(error.__dict__)
    return lost


def missing_library(name: str, error: ImportError) -> CoderError:
    """The sentence for a library that this interpreter lacks."""
    return CoderError(
        "the Python library %r is missing from %s (%s)" % (name, sys.executable, error), "library",
        hint="Install it there with `%s -m pip install %s`, or set ansible_python_interpreter to a Python that has it."
        % (sys.executable, name),
    )


def _checked_url(url: str) -> str:
    if not url:
        hint = "Set 'url' or the environment variable CODER_URL, such as https://coder.example.com."
        raise CoderError("no server is given", "invalid", hint=hint)
    try:
        parts = urlsplit(url.strip())
        parts.port  # noqa: B018  (raises on a port that is no number)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname or re.search(r"\s", url.strip()):
        hint = "Give it like https://coder.example.com."
        raise CoderError("'url' is not an http or https address", "invalid", hint=hint)
    if parts.username or parts.password or parts.query or parts.fragment:
        hint = "Give the bare address of the server, and the token in 'token'."
        raise CoderError("'url' holds a user, a query or a fragment", "invalid", hint=hint)
    return "%s://%s%s" % (parts.scheme, parts.netloc, parts.path.rstrip("/"))


def _check_times(connection: Connection) -> None:
    for name in ("connect_timeout", "timeout", "deadline"):
        if not getattr(connection, name) > 0:
            raise CoderError("%r is not more than 0" % name, "invalid", hint="Give a number of seconds.")


def _request_headers(connection: Connection) -> dict[str, str]:
    token = connection.token.strip()
    if not token:
        hint = "Set 'token' or the environment variable CODER_SESSION_TOKEN; `coder tokens create` makes one."
        raise CoderError("no session token is given", "invalid", hint=hint)
    if not re.match(r"^[!-~]+$", token):
        hint = "Check that it was copied whole, on one line."
        raise CoderError("'token' holds a character that no session token has", "invalid", hint=hint)
    headers = {"User-Agent": "coder.tasks/%s (Ansible)" % VERSION, "Accept": "application/json"}
    for name, value in connection.headers:
        if not _HEADER.fullmatch("%s: %s" % (name, value)):
            hint = "A name is a word without spaces, a value one line of Latin-1 text."
            raise CoderError("the header %r in 'headers' cannot be sent" % name, "invalid", hint=hint)
        headers[name] = value
    headers["Coder-Session-Token"] = token
    return headers


def _verify(connection: Connection) -> bool | str:
    """The option wins over the environment; the environment is honoured where no option is set."""
    if not connection.validate_certs:
        return False
    path = connection.ca_path or os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
    if not path:
        return True
    if not os.path.exists(path):
        hint = "Correct 'ca_path' or the variable REQUESTS_CA_BUNDLE."
        raise CoderError("the certificate authority file %s does not exist" % path, "invalid", hint=hint)
    return path


def _client_cert(connection: Connection) -> str | tuple[str, str] | None:
    for name, path in (("client_cert", connection.client_cert), ("client_key", connection.client_key)):
        if path and not os.path.exists(path):
            raise CoderError("the file %s given in %r does not exist" % (path, name), "invalid")
    if connection.client_cert and connection.client_key:
        return connection.client_cert, connection.client_key
    return connection.client_cert


def _proxies(connection: Connection, base: str) -> dict[str, str]:
    if connection.proxy:
        return {"http": connection.proxy, "https": connection.proxy}
    return dict(requests.utils.get_environ_proxies(base))


def _expect_unverified(base: str) -> None:
    """The user asked for no verification of this one host: only its warning is silenced."""
    host = re.escape(urlsplit(base).hostname or "")
    warnings.filterwarnings("ignore", message=r"Unverified HTTPS request is being made to host '%s'" % host)


def _rate_limit_pause(headers: Any, now: float) -> float:
    """Seconds to wait after a 429.

    Retry-After is always the whole window; X-Ratelimit-Reset is often sooner and true at newer servers. So the
    earlier of the two is tried first, and a further 429 brings new headers (contract, rate limit).
    """
    server_now = _http_date(headers.get("Date")) or now
    waits = []
    retry_after = headers.get("Retry-After", "")
    if retry_after.isdecimal():
        waits.append(float(retry_after))
    elif _http_date(retry_after):
        waits.append(_http_date(retry_after) - server_now)
    reset = headers.get("X-Ratelimit-Reset", "")
    if reset.isdecimal() and float(reset) > server_now:
        waits.append(float(reset) - server_now)
    return max(0.1, min(waits, default=1.0))


def _http_date(text: str | None) -> float:
    try:
        return parsedate_to_datetime(text or "").timestamp()
    except (TypeError, ValueError, IndexError):
        return 0.0


def _decode(content: bytes, content_type: str) -> tuple[Any, bool]:
    if not content or "html" in content_type:
        return None, False
    try:
        return jsonlib.loads(content), True
    except ValueError:
        return None, False


def _what(content: bytes) -> str:
    head = content[:200].decode("utf-8", "replace").strip()
    if head[:1] == "<":
        return "an HTML page"
    return "the text %r" % (head[:77] + "..." if len(head) > 80 else head)


def _clip(text: str, limit: int = 1000) -> str:
    return text if len(text) <= limit else text[:limit] + " [...]"


def _root_cause(error: BaseException) -> str:
    seen: BaseException = error
    while True:
        inner = getattr(seen, "reason", None) or (seen.args[0] if seen.args else None)
        if not isinstance(inner, BaseException):
            break
        seen = inner
    cause = seen.__context__ if isinstance(seen.__context__, OSError) else seen
    text = getattr(cause, "strerror", None) or str(cause)
    return re.sub(r"^.*?(?:: )?\[Errno -?\d+\] ", "", text).strip(" '\")") or type(cause).__name__


def _tls_reason(error: BaseException) -> str:
    for reason in (r"certificate verify failed: [^()]+", r"[Hh]ostname[^()]*doesn't match[^()]*", r"[A-Z_]{8,}"):
        found = re.search(reason, str(error))
        if found:
            return found.group().strip()
    return "the handshake was refused"


def _tls_hint(reason: str) -> str:
    if "verify failed" in reason or "match" in reason:
        return "Set 'ca_path' to the certificate authority of the server."
    return "Check that 'url' speaks TLS, and the files in 'ca_path', 'client_cert' and 'client_key'."


def _never_connected(error: BaseException) -> bool:
    text = repr(error)
    signs = ("NewConnectionError", "ConnectTimeoutError", "NameResolutionError", "Tunnel connection failed")
    return any(sign in text for sign in signs)
