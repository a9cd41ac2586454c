# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""HTTP connections on which nothing lasts longer than a deadline: not the look-up of a name, not a header that drips.

Timeouts of sockets bound one step each, so a peer that sends one byte per step could keep a request for ever.
"""

from __future__ import annotations

import functools
import http.client
import io
import socket
import ssl
import threading
from typing import Any, Callable

try:
    import urllib3
    from requests.adapters import HTTPAdapter
    from urllib3.connection import HTTPConnection, HTTPSConnection
except ImportError as _error:
    IMPORT_ERROR: ImportError | None = _error
    HTTPAdapter = HTTPConnection = HTTPSConnection = object  # type: ignore[assignment,misc]
    UrllibSSLError: Any = Exception
else:
    IMPORT_ERROR = None
    UrllibSSLError = urllib3.exceptions.SSLError

# A record of TLS that carries an alert (RFC 8446, 5.1): how a TLS port answers plain HTTP.
_TLS_ALERT = "\x15\x03"


class HandshakeFailed(UrllibSSLError):
    """TLS was refused by one side before anything was sent."""


class ServerSpeaksNoTls(HandshakeFailed):
    """The answer to our first word of TLS was no TLS."""


class ServerSpeaksTls(http.client.BadStatusLine):
    """The answer to plain HTTP was an alert of TLS."""


class Watch:
    """When the request that runs now has to be over; one adapter's connections share it.

    :param clock: has ``monotonic()``.
    """

    def __init__(self, clock: Any) -> None:
        self._clock = clock
        self._ends_at = 0.0
        self._silence = 0.0

    def start(self, ends_at: float, silence: float) -> None:
        """:param ends_at: by the monotonic clock. :param silence: longest time in seconds for one step."""
        self._ends_at, self._silence = ends_at, silence

    def arm(self, sock: Any) -> None:
        """Bound the socket's next step. :raises socket.timeout: no time is left."""
        left = self._ends_at - self._clock.monotonic()
        if left <= 0:
            raise socket.timeout("the deadline has passed")
        sock.settimeout(min(left, self._silence))


class _Reader(io.RawIOBase):
    """What arrives on a socket, each piece within what is left of the time."""

    def __init__(self, watch: Watch, sock: Any) -> None:
        self._watch = watch
        self._sock = sock
        # Counted by the socket, which is closed when its last reader is.
        self._raw = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._watch.arm(self._sock)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _WatchedSocket:
    """As much of a socket as an answer of http.client takes."""

    def __init__(self, watch: Watch, sock: Any) -> None:
        self._watch = watch
        self._sock = sock

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self._watch, self._sock))


class _Answer(http.client.HTTPResponse):
    def __init__(self, watch: Watch, sock: Any, *args: Any, **options: Any) -> None:
        super().__init__(_WatchedSocket(watch, sock), *args, **options)  # type: ignore[arg-type]

    def begin(self) -> None:
        try:
            super().begin()
        except http.client.BadStatusLine as error:
            if str(error).startswith(_TLS_ALERT):
                raise ServerSpeaksTls(str(error)) from None
            raise
        if self.status < 200:
            # What follows it, the true answer, would be read as the answer to the next request.
            raise http.client.BadStatusLine(f"interim status {self.status}")


class _Dial(threading.Thread):
    """Makes a connection in a thread of its own, because nothing can interrupt the look-up of a name."""

    def __init__(self, connect: Callable[[], Any]) -> None:
        super().__init__(name="coder.tasks dial", daemon=True)
        self._connect = connect
        self._lock = threading.Lock()
        self._given_up = False
        self._sock: Any = None
        self._error: BaseException | None = None

    def run(self) -> None:
        try:
            sock = self._connect()
        except BaseException as error:  # noqa: BLE001  (it is raised by the thread that waits)
            self._error = error
            return
        with self._lock:
            self._sock = sock
            if self._given_up:
                sock.close()

    def socket(self, seconds: float) -> Any:
        """The connected socket, None if there is none by then. :raises Exception: what the attempt raised."""
        self.start()
        self.join(seconds)
        with self._lock:
            self._given_up = self._sock is None
        if self._error is not None:
            raise self._error
        return self._sock


class _Watched:
    """What a connection of urllib3 does differently. A subclass has the ``watch``."""

    watch: Watch
    sock: Any
    host: Any
    timeout: Any

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.response_class = functools.partial(_Answer, self.watch)

    def connect(self) -> None:
        """Whatever fails in here, the request was not sent: each error says so by its class."""
        try:
            super().connect()  # type: ignore[misc]
        except socket.timeout as error:
            raise urllib3.exceptions.ConnectTimeoutError(self, "no connection in time") from error
        except (ssl.SSLError, UrllibSSLError) as error:
            no_tls = getattr(error, "reason", None) == "WRONG_VERSION_NUMBER"
            raise (ServerSpeaksNoTls if no_tls else HandshakeFailed)(error) from error
        except OSError as error:
            # A proxy that refused the tunnel, a reset during the handshake.
            raise urllib3.exceptions.NewConnectionError(self, str(error)) from error  # type: ignore[arg-type]

    def _new_conn(self) -> Any:
        sock = _Dial(super()._new_conn).socket(self.timeout)  # type: ignore[misc]
        if sock is None:
            raise urllib3.exceptions.ConnectTimeoutError(self, f"no connection to {self.host} in time")
        return sock

    def _tunnel(self) -> None:
        super()._tunnel()  # type: ignore[misc]
        self.watch.arm(self.sock)

    def send(self, data: Any) -> None:
        if self.sock is not None:
            # A connection that was kept has the little time that was left at the end of its last request.
            self.watch.arm(self.sock)
        super().send(data)  # type: ignore[misc]


def _pool_classes(watch: Watch) -> dict[str, Any]:
    """Pools of connections with this watch, by scheme, as urllib3's managers of pools want them."""
    plain = type("HTTPConnection", (_Watched, HTTPConnection), {"watch": watch})
    tls = type("HTTPSConnection", (_Watched, HTTPSConnection), {"watch": watch})
    return {
        "http": type("HTTPConnectionPool", (urllib3.HTTPConnectionPool,), {"ConnectionCls": plain}),
        "https": type("HTTPSConnectionPool", (urllib3.HTTPSConnectionPool,), {"ConnectionCls": tls}),
    }


class WatchedAdapter(HTTPAdapter):
    """Sends requests, one at a time, and keeps the connection.

    Used without a session of requests: that would keep cookies, which Coder reads before the token's header, and read
    the body of a redirect whole even where it is not followed.
    """

    def __init__(self, clock: Any) -> None:
        self.watch = Watch(clock)
        self._pools = _pool_classes(self.watch)
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **options)
        if not proxy.lower().startswith("socks"):  # whose connections are of classes of their own
            manager.pool_classes_by_scheme = self._pools
        return manager
