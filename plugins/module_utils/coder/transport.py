# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""HTTP to one Coder server: retries, one deadline, one rate gate. Knows no Ansible and no endpoint."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any, Callable, NamedTuple
from urllib.parse import quote, urlsplit

from . import connection as options
from .body import BodyRefused, parse_json, read_body
from .clock import Clock
from .connection import Connection
from .errors import AnswerLost, CoderError, missing_library
from .http_adapter import WatchedAdapter
from .no_answer import no_answer
from .rate_limit import RateGate, http_date, pause_asked
from .refusal import message_in, redirected, refused, what_is

try:
    import requests
    import urllib3
except ImportError as _error:
    IMPORT_ERROR: ImportError | None = _error
else:
    IMPORT_ERROR = None

# What a gateway between us and Coder answers while Coder is not reachable.
GATEWAY_STATUSES = (502, 503, 504)
SAFE = ("GET", "HEAD")
IDEMPOTENT = (*SAFE, "PUT", "PATCH", "DELETE")
BACKOFF = 0.25
BACKOFF_CAP = 8.0
_HOUR = 3600.0


@dataclass
class Response:
    """An answer below 300. ``data`` is the decoded JSON, None for an empty body; of a file it is the bytes."""

    status: int
    headers: Any
    data: Any


class File(NamedTuple):
    """A body that is sent as it is. ``headers`` say what it is."""

    content: bytes
    headers: dict[str, str]


class Allowance:
    """What one answer may still take, with all its attempts, and with all its pages if it comes in pages.

    :param began_at: by the monotonic clock. :param seconds: until it has to be there. :param size: most bytes.
    """

    def __init__(self, began_at: float, seconds: float, size: int) -> None:
        self.began_at = began_at
        self.ends_at = began_at + seconds
        self.bytes_left = size


@dataclass(frozen=True)
class _Request:
    method: str
    path: str
    params: dict[str, Any] | None
    body: File | None
    timeout: float
    final: Callable[[str], bool]
    allowance: Allowance
    raw: bool = False

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def is_idempotent(self) -> bool:
        return self.method in IDEMPOTENT


def segment(text: str) -> str:
    """One path segment, quoted whole (RFC 3986, 3.3).

    A dot segment survives quoting and would be resolved away by any client on the way, so it is refused.
    """
    try:
        quoted = quote(text, safe="")
    except UnicodeEncodeError:  # half of a surrogate pair
        quoted = ""
    if quoted in ("", ".", ".."):
        raise CoderError(f"{text!r} cannot be part of an address", "invalid")
    return quoted


def _never(_message: str) -> bool:
    return False


def _say_nothing(_text: str) -> None:
    return None


class Transport:
    """Requests to one server. Safe for use from several threads; no two share an adapter at the same time."""

    def __init__(self, connection: Connection, clock: Clock) -> None:
        if IMPORT_ERROR is not None:
            raise missing_library("requests", IMPORT_ERROR)
        self.connection = connection
        self.clock = clock
        # Told, while it is still time to act on it, that all requests wait.
        self.tell: Callable[[str], None] = _say_nothing
        # How far the server's clock is ahead of ours, in seconds, as its last answer said.
        self.server_ahead = 0.0
        self._base = options.checked_url(connection.url)
        options.check_limits(connection)
        self._gate = RateGate()
        # Adapters that nobody uses now, the last used one at the end; there are as many as requests ran at once.
        self._adapters: list[WatchedAdapter] = []
        self._headers = options.request_headers(connection)
        self._verify = options.trusted(connection)
        self._cert = options.client_certificate(connection)
        self._proxies = _proxies(connection, self._base)
        if not connection.validate_certs:
            options.expect_unverified(self._base)

    @property
    def base_url(self) -> str:
        return self._base

    def allowance(self) -> Allowance:
        """For requests that make one answer together: the connection's deadline and size, from now on."""
        return Allowance(self.clock.monotonic(), self.connection.deadline, self.connection.max_response_bytes)

    def request(
        self,
        method: str,
        path: str,
        *,
        params: dict[str, Any] | None = None,
        body: Any = None,
        timeout: float | None = None,
        final: Callable[[str], bool] = _never,
        within: Allowance | None = None,
        raw: bool = False,
    ) -> Response:
        """One request with its retries, within the connection's deadline.

        :param path: from the server's root, its segments already quoted, see :func:`segment`.
        :param body: a :class:`File`, or what is sent as JSON; None sends no body.
        :param timeout: longest silence while reading, in seconds; the connection's own when None.
        :param final: says of a server's message that a 429 or a 5xx carrying it is an answer, not a hiccup.
        :param within: what this request may take, where it is one of several that make one answer.
        :param raw: whether the answer is a file, whose bytes are wanted as they are, and no JSON.
        :raises RouteNotFound: the server has no such endpoint.
        :raises AnswerLost: a write may or may not have been processed.
        :raises CoderError: any other failure, see :data:`errors.KINDS`.
        """
        data = None if body is None else body if isinstance(body, File) else _as_json(body)
        silence = timeout or self.connection.timeout
        request = _Request(method, path, params, data, silence, final, within or self.allowance(), raw)
        with self._free_adapter() as adapter:
            return self._request(adapter, request)

    def _request(self, adapter: WatchedAdapter, request: _Request) -> Response:
        attempts = failures = 0
        if self.clock.monotonic() >= request.allowance.ends_at:
            raise CoderError(
                f"{request}: the answer, which comes in pages, did not end within {self.connection.deadline:g} s",
                "timeout", method=request.method, path=request.path,
                hint="Raise 'deadline' if the list is so long; else check 'url' and what answers there.",
            )  # fmt: skip
        while True:
            self._pass_gate(request, attempts)
            attempts += 1
            try:
                return self._once(adapter, request)
            except CoderError as caught:
                error = caught
            error.attempts = attempts
            if error.kind == "rate_limited" and not request.final(error.server_message):
                # The limiter refuses before anything is processed, so this is safe for a write too. The wait is
                # bounded by the deadline alone: it is the server's own word when to come back.
                continue
            failures += 1
            pause = random.uniform(0, min(BACKOFF_CAP, BACKOFF * 2**failures))
            in_time = self.clock.monotonic() + pause < request.allowance.ends_at
            if failures > self.connection.retries or not in_time or not _may_repeat(request, error):
                raise error
            self.clock.sleep(pause)

    def _pass_gate(self, request: _Request, attempts: int) -> None:
        while True:
            now = self.clock.monotonic()
            needed = self._gate.wait_needed(now)
            if needed <= 0:
                return
            # Sent with less time than that, a request would only fail in another way, and hide the reason.
            needed_in_all = needed + min(1.0, self.connection.deadline / 10)
            if now + needed_in_all > request.allowance.ends_at:
                raise self._limited(request, attempts, now - request.allowance.began_at, needed)
            if self._gate.is_news():
                until = time.strftime("%H:%M:%S", time.localtime(self.clock.time() + needed))
                self.tell(
                    f"All requests to {urlsplit(self._base).netloc} wait {needed:.0f} s, until {until}:"
                    f" the server's rate limit refused {request}."
                )
            self.clock.sleep(needed)

    def _limited(self, request: _Request, attempts: int, waited: float, needed: float) -> CoderError:
        reason = f"{request} is refused by the server's rate limit for another {needed:.0f} s"
        if attempts > 1:
            reason += f", after {attempts} attempts in {waited:.0f} s"
        # Never less than the deadline that was not enough.
        enough = max(int(waited + needed), int(self.connection.deadline)) + 2
        hint = f"Raise 'deadline' above {enough} s, or send fewer requests with this token or from this address."
        if enough > _HOUR:
            hint = "Try again later, or ask the server's administrator about its limit, CODER_API_RATE_LIMIT."
        return CoderError(
            reason, "rate_limited", status=429, method=request.method, path=request.path, attempts=attempts, hint=hint
        )

    def _once(self, adapter: WatchedAdapter, request: _Request) -> Response:
        began_at = self.clock.monotonic()
        left = max(0.001, request.allowance.ends_at - began_at)
        silence = min(request.timeout, left)
        adapter.watch.start(request.allowance.ends_at, silence)
        try:
            response = adapter.send(
                self._prepared(request), stream=True, verify=self._verify, cert=self._cert, proxies=self._proxies,
                timeout=(min(self.connection.connect_timeout, left), silence),
            )  # fmt: skip
            with response:
                content = read_body(response.raw, response.headers, request.allowance.bytes_left)
        except BodyRefused as error:
            raise _unusable(request, str(error), error.hint) from None
        except (requests.RequestException, urllib3.exceptions.HTTPError, HTTPException, OSError, ValueError) as error:
            server, seconds = urlsplit(self._base).netloc, self.clock.monotonic() - began_at
            raise no_answer(error, request.method, request.path, server, seconds) from None
        request.allowance.bytes_left -= len(content)
        said = http_date(response.headers.get("Date"))
        if said:
            self.server_ahead = said - self.clock.time()
        try:
            return _judged(request, response, content)
        except CoderError as error:
            if error.status == 429 and not request.final(error.server_message):
                self._gate.close_until(self.clock.monotonic() + pause_asked(response.headers, self.clock.time()))
            if error.status != 401 or not self.connection.session_file:
                raise
            raise error.but(
                hint=f"The session of `coder login` in {self.connection.session_file} is no longer valid: run "
                f"`coder login {self._base}`, or give 'token'."
            ) from None

    def _prepared(self, request: _Request) -> requests.PreparedRequest:
        headers, content = self._headers, None
        if request.body is not None:
            headers, content = {**headers, **request.body.headers}, request.body.content
        prepared = requests.PreparedRequest()
        prepared.prepare(request.method, self._base + request.path, headers, data=content, params=request.params)
        return prepared

    @contextmanager
    def _free_adapter(self) -> Iterator[WatchedAdapter]:
        """An adapter that no other thread uses meanwhile."""
        try:
            adapter = self._adapters.pop()
        except IndexError:
            adapter = WatchedAdapter(self.clock)
        try:
            yield adapter
        finally:
            self._adapters.append(adapter)


def _as_json(value: Any) -> File:
    return File(json.dumps(value).encode(), {"Content-Type": "application/json"})


def _may_repeat(request: _Request, error: CoderError) -> bool:
    """Whether the request may be sent again.

    Three reasons allow it: it never reached the server; its answer was lost, and repeating it does no harm; something
    before the server, or the server while it only reads, answered that it cannot just now.
    """
    if error.status is None:
        if isinstance(error, AnswerLost):
            return error.kind == "network" and request.is_idempotent
        return error.kind == "network"
    passing = (
        error.status in GATEWAY_STATUSES
        or (error.status == 500 and request.method in SAFE)
        or isinstance(error, AnswerLost)  # the answer is not Coder's
    )
    return passing and request.is_idempotent and not request.final(error.server_message)


def _judged(request: _Request, response: requests.Response, content: bytes) -> Response:
    method, path, status = request.method, request.path, response.status_code
    if 300 <= status < 400:
        raise redirected(method, path, status, response.headers.get("Location", ""))
    content_type = response.headers.get("Content-Type", "")
    # Coder stores no pages, so that one comes from something before it.
    if request.raw and status < 300 and "html" not in content_type:
        return Response(status, response.headers, content)
    data, is_json = _decoded(content, content_type)
    if status < 300:
        if content and not is_json:
            wanted = "a file" if request.raw else "JSON"
            raise _class_for(request)(
                f"{request} returned HTTP {status} with {what_is(content)} instead of {wanted}",
                "protocol", status=status, method=method, path=path,
                hint="Check 'url': a login page, a proxy or another web server may answer there.",
            )  # fmt: skip
        return Response(status, response.headers, data)
    # A gateway that gave up on a write does not know whether the server behind it did it. Coder gives its reason with
    # each error, so a 5xx without one comes from something before it, too.
    message = message_in(data)
    gave_up = status in GATEWAY_STATUSES and not request.is_idempotent and not request.final(message)
    lost = gave_up or (status >= 500 and not message and request.method not in SAFE)
    raise refused(method, path, status, data, content, lost)


def _unusable(request: _Request, reason: str, hint: str) -> CoderError:
    """An answer that is not read."""
    return _class_for(request)(f"{request}: {reason}", "protocol", method=request.method, path=request.path, hint=hint)


def _class_for(request: _Request) -> type[CoderError]:
    """Of an error about an answer that is not Coder's: a write may have been processed all the same."""
    return CoderError if request.method in SAFE else AnswerLost


def _decoded(content: bytes, content_type: str) -> tuple[Any, bool]:
    if not content or "html" in content_type:
        return None, False
    try:
        return parse_json(content), True
    except ValueError:
        return None, False


def _proxies(connection: Connection, base: str) -> dict[str, str]:
    if connection.proxy:
        return {"http": connection.proxy, "https": connection.proxy}
    return dict(requests.utils.get_environ_proxies(base))
