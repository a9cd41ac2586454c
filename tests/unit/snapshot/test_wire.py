# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The HTTP client: one deadline over all of it, and no surprise from whatever listens there."""

from __future__ import annotations

import datetime
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.snapshot.servers import Request, Server

from ansible_collections.coder.tasks.plugins.module_utils.snapshot import wire
from ansible_collections.coder.tasks.plugins.module_utils.snapshot.deadline import Deadline
from ansible_collections.coder.tasks.plugins.module_utils.snapshot.wire import Url, WireError, open_request


@contextmanager
def raw_server(*parts: bytes, pause: float = 0.0, close: bool = True) -> Iterator[str]:
    """Sends these bytes to everyone, whatever was asked."""
    listener = socket.create_server(("127.0.0.1", 0))
    done = threading.Event()

    def serve() -> None:
        while True:
            try:
                client, _address = listener.accept()
            except OSError:
                return
            with client:
                try:
                    client.recv(65536)
                    for part in parts:
                        client.sendall(part)
                        done.wait(pause)
                    if not close:
                        done.wait(10)
                except OSError:
                    continue

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    finally:
        done.set()
        listener.close()


def get(url: str, seconds: float = 2.0, **options: object) -> tuple[int, bytes]:
    with open_request("GET", url, Deadline(seconds), **options) as answer:  # type: ignore[arg-type]
        return answer.status, answer.read()


@pytest.mark.parametrize(
    "parts",
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",),
        (b"HTTP/1.0 200\nContent-Type: x\n\nhel", b"lo"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nhe\r\n", b"3\r", b"\nllo\r\n0\r\n\r\n"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello trailing",),
    ],
)
def test_bodies_of_every_framing_are_read(parts: tuple[bytes, ...]) -> None:
    with raw_server(*parts) as url:
        assert get(url) == (200, b"hello")


def test_204_has_no_body_and_needs_no_end_of_the_connection() -> None:
    with raw_server(b"HTTP/1.1 204 No Content\r\n\r\n", close=False) as url:
        assert get(url) == (204, b"")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "closed before the answer was complete"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "does not speak HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello", "closed before the answer was complete"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello", "no valid length"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "no valid length"),
        (b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 300 + b"\r\n", "too many headers"),
        (b"HTTP/1.1 200 OK\r\nx: " + b"y" * 400_000, "a line without an end"),
    ],
)
def test_a_bad_answer_is_an_error_that_says_what_it_was(data: bytes, says: str) -> None:
    with raw_server(data) as url, pytest.raises(WireError, match=says):
        get(url)


@settings(max_examples=60)
@given(st.binary(max_size=300) | st.binary(max_size=300).map(lambda data: b"HTTP/1.1 200 OK\r\n" + data))
def test_hostile_bytes_are_an_answer_or_an_error_and_nothing_else(data: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(data)
        theirs.close()
        with suppress(WireError):
            wire.Answer(ours, Deadline(1)).read()


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n"])
def test_a_slow_answer_does_not_outlive_the_deadline(start: bytes) -> None:
    with raw_server(start, *[b"x"] * 400, pause=0.05) as url:
        started = time.monotonic()
        with pytest.raises(WireError, match="no answer in time") as caught:
            get(url, 0.3)
        assert caught.value.timeout
        assert time.monotonic() - started < 6


def test_a_resolver_that_hangs_does_not_outlive_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args: release.wait(10) and [])
    started = time.monotonic()
    with pytest.raises(WireError, match=r"address of coder.example was not found in time"):
        get("http://coder.example/", 0.2)
    release.set()
    assert time.monotonic() - started < 6


def test_an_address_that_is_unknown_or_closed_says_so() -> None:
    with pytest.raises(WireError, match=r"address of nowhere.invalid was not found"):
        get("http://nowhere.invalid/")
    with pytest.raises(WireError, match="refused") as caught:
        get("http://localhost:1/")
    assert caught.value.refused


def test_a_kernel_without_ipv6_is_no_surprise(monkeypatch: pytest.MonkeyPatch) -> None:
    def only_ipv4(family: int, kind: int) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(97, "Address family not supported by protocol")
        return original(family, kind)

    original = socket.socket
    monkeypatch.setattr(wire.socket, "socket", only_ipv4)
    for url in ("http://localhost:1/", "http://[::1]:1/"):
        with pytest.raises(WireError) as caught:
            get(url)
        assert caught.value.refused == ("localhost" in url)


def test_the_limit_of_a_body() -> None:
    with raw_server(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 5000) as url:
        with open_request("GET", url, Deadline(2)) as answer, pytest.raises(WireError, match="longer than 4000"):
            answer.read(4000)
        with open_request("GET", url, Deadline(2)) as answer:
            assert answer.excerpt(10) == "x" * 10


@pytest.mark.parametrize(
    "url", ["", "coder.example", "ftp://x/", "http://", "http://a b/", "http://h:123456/", "http://h:99999/"]
)
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(WireError, match="is not an http"):
        Url(url)


def test_a_line_break_cannot_smuggle_a_header() -> None:
    with raw_server(b"") as url, pytest.raises(WireError, match="line break"):
        get(url, headers={"X-A": "b\r\nX-C: d"})


@pytest.mark.parametrize(
    ("location", "followed"),
    [
        ("/other", "http://h:80/other"),
        ("http://h/x", "http://h/x"),
        ("https://h/x", "https://h/x"),
        ("http://h:81/x", None),
        ("http://other/x", None),
        ("//other/x", None),
        ("", None),
    ],
)
def test_where_a_redirect_may_lead(location: str, followed: str | None) -> None:
    expected = followed.replace(":80", "") if followed else None
    assert wire.redirect_target("http://h:80/api", location) == expected
    assert wire.redirect_target("https://h/api", "http://h/api") is None


@pytest.mark.parametrize(
    ("no_proxy", "direct"),
    [
        ("", False),
        ("*", True),
        ("coder.example", True),
        (".example", True),
        ("*.example", True),
        ("example", True),
        ("other, coder.example:8080", True),
        ("coder.example:81", False),
        ("oder.example", False),
        ("10.0.0.0/8", False),
    ],
)
def test_no_proxy(no_proxy: str, direct: bool) -> None:
    environ = {"http_proxy": "http://proxy:3128", "NO_PROXY": no_proxy}
    assert (wire._proxy_for(Url("http://coder.example:8080/"), environ) is None) == direct


def test_no_proxy_for_networks_and_loopback() -> None:
    environ = {"all_proxy": "proxy:3128", "no_proxy": "10.0.0.0/8"}
    assert wire._proxy_for(Url("https://10.1.2.3/"), environ) is None
    assert wire._proxy_for(Url("https://11.1.2.3/"), environ) is not None
    for loopback in ("http://localhost/", "http://127.1.2.3/", "http://[::1]:3284/"):
        assert wire._proxy_for(Url(loopback), environ) is None


def test_a_proxy_gets_its_credentials_and_the_whole_url() -> None:
    with Server(lambda request: request.answer(200, request.path)) as proxy:
        environ = {"http_proxy": f"http://user:p%40ss@127.0.0.1:{proxy.port}"}
        assert get("http://coder.invalid/x?y=1", environ=environ) == (200, b"http://coder.invalid/x?y=1")
        assert proxy.journal[0].headers["Proxy-Authorization"] == "Basic dXNlcjpwQHNz"


def test_an_unusable_proxy_is_named() -> None:
    with pytest.raises(WireError, match="is not an http:// or https:// URL"):
        get("http://coder.invalid/", environ={"all_proxy": "socks5://127.0.0.1:1080"})


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate for coder.invalid; its CA in ca.pem beside it fails OpenSSL's strict check."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "A CA")])
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "coder.invalid")])
    now = datetime.datetime.now(datetime.timezone.utc)

    def sign(subject: x509.Name, public: ec.EllipticCurvePublicKey, extension: x509.ExtensionType) -> bytes:
        builder = x509.CertificateBuilder(ca_name, subject, public, x509.random_serial_number())
        builder = builder.not_valid_before(now - datetime.timedelta(days=1))
        builder = builder.not_valid_after(now + datetime.timedelta(days=1))
        signed = builder.add_extension(extension, critical=False).sign(ca_key, hashes.SHA256())
        return signed.public_bytes(serialization.Encoding.PEM)

    path = tmp_path_factory.mktemp("tls") / "coder.pem"
    plain = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    alternative = x509.SubjectAlternativeName([x509.DNSName("coder.invalid")])
    path.write_bytes(plain + sign(name, key.public_key(), alternative))
    ca = sign(ca_name, ca_key.public_key(), x509.BasicConstraints(ca=True, path_length=None))
    path.with_name("ca.pem").write_bytes(ca)
    return path


@pytest.fixture
def tls_through_proxy(certificate: Path) -> Iterator[Server]:
    """A proxy that serves TLS as coder.invalid itself to whoever asks for a tunnel."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def tunnel(request: Request) -> None:
        assert request.path == "coder.invalid:443"
        request.send_response(200)
        request.end_headers()
        request.close_connection = True
        try:
            with context.wrap_socket(request.connection, server_side=True) as secure:
                secure.recv(65536)
                secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret")
        except OSError:
            return

    with Server(tunnel) as proxy:
        yield proxy


def test_tls_through_a_proxy_with_a_ca_bundle(tls_through_proxy: Server, certificate: Path) -> None:
    environ, ca_file = {"https_proxy": tls_through_proxy.url}, str(certificate.with_name("ca.pem"))
    assert get("https://coder.invalid/", environ=environ, ca_file=ca_file) == (200, b"secret")


def test_a_certificate_that_is_not_trusted_is_refused(tls_through_proxy: Server) -> None:
    with pytest.raises(WireError, match=r"certificate of coder.invalid is not trusted"):
        get("https://coder.invalid/", environ={"https_proxy": tls_through_proxy.url})


def test_a_missing_ca_bundle_is_named(tls_through_proxy: Server) -> None:
    with pytest.raises(WireError, match=r"CA bundle /none.pem cannot be used"):
        get("https://coder.invalid/", environ={"https_proxy": tls_through_proxy.url}, ca_file="/none.pem")


def test_a_refused_tunnel_is_an_error() -> None:
    with Server(lambda request: request.answer(403)) as proxy, pytest.raises(WireError, match="answered 403"):
        get("https://coder.invalid/", environ={"https_proxy": proxy.url})
