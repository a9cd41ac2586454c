# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small HTTP/1.1 client: one request per connection, one deadline over all of it.

Not http.client: that imports ssl and email, which takes as long as the whole hook, and its timeouts count from byte to
byte, so that a slow body never ends. Here DNS, connect, TLS, the proxy and the last byte share one deadline.
"""

from __future__ import annotations

import errno
import re
import socket
from _thread import allocate_lock, start_new_thread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .deadline import Deadline

MAX_BODY = 64 * 1024 * 1024
_MAX_LINE = 64 * 1024
_MAX_HEADERS = 200
# Errors of an address whose family, such as IPv6, this machine does not have: a refusal by another address tells more.
_NO_SUCH_FAMILY = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)
_HOST = r"(\[[0-9A-Fa-f:.]+\]|[^:/?#\[\]\s]+)"
_URL = re.compile(rf"(https?)://(?:[^@/?#]*@)?{_HOST}(?::(\d{{1,5}}))?(/[^#\s]*)?", re.IGNORECASE)


class WireError(Exception):
    """No complete answer. The text says why.

    :param refused: nothing listens there.
    :param timeout: it took too long.
    :param lasting: it will be the same the next time.
    """

    def __init__(self, text: str, refused: bool = False, timeout: bool = False, lasting: bool = False) -> None:
        super().__init__(text)
        self.refused = refused
        self.timeout = timeout
        self.lasting = lasting


class Url:
    """The parts of an http or https URL.

    :raises WireError: it is anything else.
    """

    def __init__(self, text: str) -> None:
        match = _URL.fullmatch(text)
        if not match or int(match.group(3) or 0) > 65535:
            raise WireError(f"{without_password(text)!r} is not an http:// or https:// URL", lasting=True)
        scheme, host, port, path = match.groups()
        self.scheme = scheme.lower()
        self.host = host.strip("[]").lower()
        self.port = int(port or (443 if self.scheme == "https" else 80))
        self.path = path or "/"
        default = self.port == (443 if self.scheme == "https" else 80)
        self.netloc = host if default else f"{host}:{self.port}"

    def is_loopback(self) -> bool:
        host = self.host
        return host == "::1" or host.startswith("127.") or host == "localhost" or host.endswith(".localhost")


class Answer:
    """Status and headers (lower-case names) of an answer, whose body is still to be read. Close it.

    :raises WireError: it does not arrive, or is not HTTP.
    """

    def __init__(self, sock: socket.socket, deadline: Deadline, has_body: bool = True) -> None:
        self.sock = sock
        self.deadline: Deadline | None = deadline
        self._buffer = b""
        self._at = 0
        self.status, self.headers = self._head()
        while 100 <= self.status < 200:
            self.status, self.headers = self._head()
        self._has_body = has_body and self.status not in (204, 304)

    def close(self) -> None:
        self.sock.close()

    def __enter__(self) -> Answer:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def read(self, limit: int = MAX_BODY) -> bytes:
        """The whole body.

        :raises WireError: it is incomplete, or longer than limit.
        """
        parts = []
        size = 0
        for part in self.chunks():
            size += len(part)
            if size > limit:
                raise WireError(f"the answer is longer than {limit} bytes")
            parts.append(part)
        return b"".join(parts)

    def excerpt(self, limit: int = 2000) -> str:
        """The beginning of the body as one line of text, as far as it arrives."""
        data = b""
        try:
            for part in self.chunks():
                data += part
                if len(data) >= limit:
                    break
        except WireError:
            pass
        return " ".join(data[:limit].decode("utf-8", "replace").split())

    def chunks(self) -> Iterator[bytes]:
        """The body, piece by piece, as it arrives.

        :raises WireError: it is incomplete.
        """
        if not self._has_body:
            return
        if "chunked" in self.headers.get("transfer-encoding", "").lower():
            while True:
                size = self._number(self._line().split(b";")[0], 16)
                if not size:
                    return
                yield from self._take(size)
                self._line()
        elif "content-length" in self.headers:
            yield from self._take(self._number(self.headers["content-length"].encode(), 10))
        else:
            while self._buffered() or self._receive():
                yield self._pop(self._buffered())

    def has_more(self) -> bool:
        """Whether more of the body has arrived than the line break that ends a chunk."""
        return bool(self._buffer[self._at : self._at + 3].strip())

    def _head(self) -> tuple[int, dict[str, str]]:
        match = re.match(rb"HTTP/1\.[01] (\d{3})(?: |$)", self._line())
        if not match:
            raise WireError("what listens there does not speak HTTP")
        headers: dict[str, str] = {}
        for _line in range(_MAX_HEADERS):
            name, _colon, value = self._line().decode("latin-1").partition(":")
            if not name:
                return int(match.group(1)), headers
            headers[name.strip().lower()] = value.strip()
        raise WireError("the answer has too many headers")

    def _line(self) -> bytes:
        while True:
            end = self._buffer.find(b"\n", self._at)
            if end >= 0:
                return self._pop(end + 1 - self._at).rstrip(b"\r\n")
            if self._buffered() > _MAX_LINE:
                raise WireError("the answer has a line without an end")
            if not self._receive():
                raise WireError("the connection was closed before the answer was complete")

    def _take(self, size: int) -> Iterator[bytes]:
        while size:
            if not self._buffered() and not self._receive():
                raise WireError("the connection was closed before the answer was complete")
            part = self._pop(min(size, self._buffered()))
            size -= len(part)
            yield part

    @staticmethod
    def _number(text: bytes, base: int) -> int:
        try:
            number = int(text, base)
        except ValueError:
            number = -1
        if number < 0:
            raise WireError("the answer has no valid length")
        return number

    def _buffered(self) -> int:
        return len(self._buffer) - self._at

    def _pop(self, size: int) -> bytes:
        data = self._buffer[self._at : self._at + size]
        self._at += size
        return data

    def _receive(self) -> bool:
        """Wait for more. False at the end of the connection."""
        if self.deadline is not None:
            _arm(self.sock, self.deadline)
        try:
            data = self.sock.recv(262144)
        except OSError as error:
            raise _wire_error(error) from error
        self._buffer = self._buffer[self._at :] + data
        self._at = 0
        return bool(data)


def open_request(
    method: str,
    url: str,
    deadline: Deadline,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    environ: Mapping[str, str] | None = None,
    ca_file: str | None = None,
) -> Answer:
    """Send a request and return its answer as soon as the headers are there. Never follows a redirect.

    :param environ: where proxies are looked up (http_proxy, https_proxy, all_proxy, no_proxy); None: no proxy.
    :param ca_file: a bundle that replaces OpenSSL's default one (which knows SSL_CERT_FILE and SSL_CERT_DIR).
    :raises WireError: there is no answer.
    """
    target = Url(url)
    proxy = _proxy_for(target, environ) if environ is not None else None
    lines = {"Host": target.netloc, "Connection": "close", "Accept": "*/*", "User-Agent": "coder-tasks-snapshot"}
    if body is not None:
        lines["Content-Length"] = str(len(body))
    lines.update(headers or {})
    path = target.path
    sock = _connect(proxy or target, deadline)
    try:
        if proxy is not None and target.scheme == "http":
            path = f"http://{target.netloc}{path}"
            lines.update(proxy.authorization)
        elif proxy is not None:
            _tunnel(sock, target, proxy, deadline)
        if target.scheme == "https":
            sock = _wrap_tls(sock, target.host, ca_file, deadline)
        _send(sock, f"{method} {path} HTTP/1.1", lines, body or b"", deadline)
        return Answer(sock, deadline)
    except BaseException:
        sock.close()
        raise


def redirect_target(url: str, location: str) -> str | None:
    """Where a 307 or 308 leads when it stays on the same host and is not less safe.

    :returns: None if it leads nowhere we may go.
    """
    here = Url(url)
    if location.startswith("/") and not location.startswith("//"):
        return f"{here.scheme}://{here.netloc}{location}"
    try:
        there = Url(location)
    except WireError:
        return None
    same = (there.scheme, there.host, there.port) == (here.scheme, here.host, here.port)
    safer = there.host == here.host and here.scheme == "http" and there.scheme == "https"
    return location if same or safer else None


def without_password(url: str) -> str:
    """The text without user and password, so that it may be printed, even if it is not a whole URL."""
    return re.sub(r"\A([^:/]*://)?.*@", r"\1", url, flags=re.DOTALL)


def quote(text: str) -> str:
    """The text as one segment of a path, whatever it holds (dots too: `..` would leave the path)."""
    safe = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    data = text.encode("utf-8", "surrogateescape")
    return "".join([chr(byte) if chr(byte) in safe else f"%{byte:02X}" for byte in data])


class _Proxy(Url):
    def __init__(self, text: str) -> None:
        text = text if "://" in text else f"http://{text}"
        super().__init__(text)
        if self.scheme != "http":
            raise WireError("only proxies with an http:// URL are supported", lasting=True)
        self.authorization: dict[str, str] = {}
        credentials = text.split("://", 1)[1].split("/")[0].rpartition("@")[0]
        if credentials:
            from binascii import b2a_base64

            plain = re.sub("%([0-9A-Fa-f]{2})", lambda match: chr(int(match.group(1), 16)), credentials)
            encoded = b2a_base64(plain.encode("latin-1", "replace"), newline=False).decode()
            self.authorization = {"Proxy-Authorization": f"Basic {encoded}"}


def _proxy_for(target: Url, environ: Mapping[str, str]) -> _Proxy | None:
    # HTTP_PROXY in upper case is not read: a CGI server sets it from a request's header (as in curl).
    names = ("http_proxy",) if target.scheme == "http" else ("https_proxy", "HTTPS_PROXY")
    proxy = next((environ[name] for name in (*names, "all_proxy", "ALL_PROXY") if environ.get(name)), "")
    if not proxy or target.is_loopback():
        return None
    exceptions = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    if any(_matches(target, entry.strip().lower()) for entry in exceptions.split(",")):
        return None
    return _Proxy(proxy)


def _matches(target: Url, entry: str) -> bool:
    """Whether an entry of no_proxy means this host: a name, a parent domain, name:port, a network, or `*`."""
    if entry == "*":
        return True
    if "/" in entry:
        import ipaddress

        try:
            return ipaddress.ip_address(target.host) in ipaddress.ip_network(entry, strict=False)
        except ValueError:
            return False
    name, colon, port = entry.rpartition(":") if entry.count(":") == 1 else (entry, "", "")
    if colon and port != str(target.port):
        return False
    name = name.strip("[]").lstrip("*").lstrip(".")
    return bool(name) and (target.host == name or target.host.endswith(f".{name}"))


def _connect(target: Url, deadline: Deadline) -> socket.socket:
    error: Exception = WireError(f"{target.host} has no address")
    addresses = _addresses(target, deadline)
    for index, (family, address) in enumerate(addresses):
        sock: socket.socket | None = None
        try:
            # Inside the try, because a kernel without IPv6 refuses this already.
            sock = socket.socket(family, socket.SOCK_STREAM)
            # An address that swallows packets must not take the time of the next one.
            _arm(sock, deadline.within(deadline.left() / (len(addresses) - index)))
            sock.connect(address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock
        except OSError as failure:
            if sock is not None:
                sock.close()
            if not isinstance(error, ConnectionRefusedError) or failure.errno not in _NO_SUCH_FAMILY:
                error = failure
    raise _wire_error(error) from error


def _addresses(target: Url, deadline: Deadline) -> list[tuple[int, tuple[str, int]]]:
    known = ["127.0.0.1", "::1"] if target.host == "localhost" else [target.host]
    numeric: list[tuple[int, tuple[str, int]]] = []
    for host in known:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            socket.inet_pton(family, host)
        except (OSError, ValueError):
            return _resolve(target, deadline)
        numeric.append((family, (host, target.port)))
    return numeric


def _resolve(target: Url, deadline: Deadline) -> list[tuple[int, tuple[str, int]]]:
    """Ask the resolver in a thread, because nothing can interrupt it."""
    found: list[tuple[int, tuple[str, int]]] = []
    problem: list[Exception] = []
    done = allocate_lock()
    done.acquire()

    def look_up() -> None:
        try:
            # Bytes, because text would import the IDNA tables first.
            host = target.host.encode("ascii" if target.host.isascii() else "idna")
            for entry in socket.getaddrinfo(host, target.port, 0, socket.SOCK_STREAM):
                found.append((entry[0], entry[4]))  # type: ignore[arg-type]
        except (OSError, ValueError) as error:
            problem.append(error)
        finally:
            done.release()

    start_new_thread(look_up, ())
    if not done.acquire(timeout=deadline.left()):
        raise WireError(f"the address of {target.host} was not found in time", timeout=True)
    if problem:
        raise WireError(f"the address of {target.host} was not found: {_reason(problem[0])}")
    return found


def _tunnel(sock: socket.socket, target: Url, proxy: _Proxy, deadline: Deadline) -> None:
    authority = f"[{target.host}]:{target.port}" if ":" in target.host else f"{target.host}:{target.port}"
    _send(sock, f"CONNECT {authority} HTTP/1.1", {"Host": authority, **proxy.authorization}, b"", deadline)
    status = Answer(sock, deadline, has_body=False).status
    if status != 200:
        raise WireError(f"the proxy {proxy.netloc} answered {status}")


def _wrap_tls(sock: socket.socket, host: str, ca_file: str | None, deadline: Deadline) -> socket.socket:
    import ssl

    try:
        context = ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise WireError(f"the CA bundle {ca_file} cannot be used: {_reason(error)}", lasting=True) from error
    # On from Python 3.13; curl, and the Coder agent, take a custom CA without a key usage, too.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    _arm(sock, deadline)
    try:
        return context.wrap_socket(sock, server_hostname=host)
    except ssl.SSLCertVerificationError as error:
        text = f"the certificate of {host} is not trusted: {error.verify_message}"
        raise WireError(text, lasting=True) from error
    except (OSError, ValueError) as error:
        raise _wire_error(error) from error


def _send(sock: socket.socket, first: str, headers: Mapping[str, str], body: bytes, deadline: Deadline) -> None:
    lines = [first, *(f"{name}: {value}" for name, value in headers.items())]
    if any("\r" in line or "\n" in line for line in lines):
        raise WireError("a header or the URL holds a line break", lasting=True)
    _arm(sock, deadline)
    try:
        sock.sendall("\r\n".join([*lines, "", ""]).encode("latin-1", "replace") + body)
    except OSError as error:
        raise _wire_error(error) from error


def _arm(sock: socket.socket, deadline: Deadline) -> None:
    left = deadline.left()
    if not left:
        raise WireError("no answer in time", timeout=True)
    sock.settimeout(left)


def _wire_error(error: Exception) -> WireError:
    if isinstance(error, WireError):
        return error
    if isinstance(error, socket.timeout):
        return WireError("no answer in time", timeout=True)
    return WireError(_reason(error), refused=isinstance(error, ConnectionRefusedError))


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return text[:1].lower() + text[1:]
