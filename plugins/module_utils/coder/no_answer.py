# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why no answer came: one table from the exceptions of other libraries to ours.

Whether the request may have been processed is what matters most, so the connections say by the class of an exception
that nothing was sent (see http_adapter).
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator
from typing import Any, NamedTuple

from . import http_adapter
from .errors import AnswerLost, CoderError

try:
    import requests
    import urllib3
    from urllib3.connection import CertificateError
except ImportError as _error:
    IMPORT_ERROR: ImportError | None = _error
else:
    IMPORT_ERROR = None


class Cause(NamedTuple):
    """One row of the table.

    classes: an exception of each group is somewhere in the chain of causes. lost: the request may have been processed.
    reason: may name ``{request}``, ``{server}``, ``{seconds}`` since it began and the ``{root}`` of the chain.
    """

    classes: tuple[Any, ...]
    kind: str
    lost: bool
    reason: str
    hint: str | None = None


_TLS_FILES = "Check that 'url' speaks TLS, and the files in 'ca_path', 'client_cert' and 'client_key'."


def _table() -> tuple[Cause, ...]:
    """The first row that fits counts."""
    their, ours = requests.exceptions, urllib3.exceptions
    unsendable = (
        their.InvalidURL, their.InvalidHeader, their.InvalidSchema, their.MissingSchema, ours.LocationValueError,
        UnicodeError,
    )  # fmt: skip
    never_connected = (ours.NewConnectionError, ours.ConnectTimeoutError)
    proxy = (their.ProxyError, ours.ProxyError)
    timeouts = (their.ReadTimeout, ours.ReadTimeoutError, socket.timeout)
    return (
        Cause(
            (unsendable,), "invalid", False,
            "{request} cannot be sent: an address or a header holds what is not allowed there",
            "Check 'url', 'proxy' and 'headers'.",
        ),
        Cause(
            (proxy, never_connected), "network", False, "the proxy in front of {server} did not connect: {root}",
            "Check 'proxy', HTTPS_PROXY and NO_PROXY.",
        ),
        Cause(
            (http_adapter.ServerSpeaksNoTls,), "tls", False,
            "{server} speaks plain HTTP there, and 'url' begins with https://",
            "Give 'url' with http://, or with the port where the server speaks TLS.",
        ),
        Cause(
            ((ssl.SSLCertVerificationError, CertificateError),), "tls", False,
            "the TLS connection to {server} failed: {root}",
            "Set 'ca_path' to the certificate authority of the server, and 'url' to a name in its certificate.",
        ),
        Cause(
            (http_adapter.HandshakeFailed,), "tls", False, "the TLS connection to {server} failed: {root}", _TLS_FILES
        ),
        Cause(
            (ours.NewConnectionError,), "network", False, "no connection to {server}: {root}",
            "Check 'url' and that the server runs.",
        ),
        Cause(
            (ours.ConnectTimeoutError,), "network", False, "no connection to {server} within {seconds:.1f} s",
            "Check 'url', the network and 'proxy'.",
        ),
        Cause(
            (http_adapter.ServerSpeaksTls,), "protocol", False,
            "{server} speaks TLS there, and 'url' begins with http://", "Give 'url' with https://.",
        ),
        Cause(
            ((ssl.SSLError, ours.SSLError),), "tls", True, "{request}: the TLS connection to {server} failed: {root}",
            _TLS_FILES,
        ),
        Cause(
            (timeouts,), "timeout", True, "{request} had no complete answer within {seconds:.1f} s",
            "The server or the agent behind it hangs; raise 'timeout', or 'deadline', if it is only slow.",
        ),
    )  # fmt: skip


_BROKEN = Cause(
    (), "network", True, "{request}: the connection broke before the answer was complete",
    "Try again; the server, a proxy or the network cut the connection.",
)  # fmt: skip


def no_answer(error: Exception, method: str, path: str, server: str, seconds: float) -> CoderError:
    """What an exception means for the request: an :class:`AnswerLost` where it may have been processed.

    :param server: as the user knows it, host and port. :param seconds: since the request began.
    """
    chain = list(_causes(error))
    cause = next((row for row in _table() if _fits(row, chain)), _BROKEN)
    reason = cause.reason.format(request=f"{method} {path}", server=server, seconds=seconds, root=_root(chain))
    return (AnswerLost if cause.lost else CoderError)(reason, cause.kind, method=method, path=path, hint=cause.hint)


def _fits(row: Cause, chain: list[BaseException]) -> bool:
    return all(any(isinstance(link, group) for link in chain) for group in row.classes)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The exception and all that it came from, outermost first. An error of ours ends the way: it is another story."""
    seen: list[BaseException] = []
    waiting: list[Any] = [error]
    while waiting:
        link = waiting.pop(0)
        if not isinstance(link, BaseException) or isinstance(link, CoderError) or any(link is one for one in seen):
            continue
        seen.append(link)
        yield link
        # requests and urllib3 carry what they wrap as an argument, a reason or an original error.
        waiting += [getattr(link, "reason", None), getattr(link, "original_error", None), *link.args, link.__cause__]
        waiting.append(None if link.__suppress_context__ else link.__context__)


def _root(chain: list[BaseException]) -> str:
    """What the operating system or OpenSSL said, without their numbers."""
    root = next((link for link in reversed(chain) if isinstance(link, OSError) and not _is_wrapper(link)), chain[-1])
    if isinstance(root, ssl.SSLCertVerificationError):
        return f"certificate verify failed: {root.verify_message}".rstrip(".")
    if isinstance(root, ssl.SSLError) and root.reason:
        return root.reason.replace("_", " ").lower()
    text = getattr(root, "strerror", None) or str(root)
    return re.sub(r"\[Errno -?\d+\] |\s*\(_ssl\.c:\d+\)", "", text).strip(" .") or type(root).__name__


def _is_wrapper(error: BaseException) -> bool:
    # requests' exceptions are OSErrors too.
    return isinstance(error, requests.RequestException)
