# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS options against a real TLS server: what is trusted, what wins over the environment, what the errors say."""

from __future__ import annotations

import select
import socket
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from raw_server import raw_server
from tls import Authority, tls_server

from ansible_collections.coder.tasks.plugins.module_utils.coder.errors import CoderError
from ansible_collections.coder.tasks.plugins.module_utils.coder.transport import Connection, Transport

TOKEN = "aaaaaaaaaa-bbbbbbbbbbbbbbbbbbbbbb"


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"), "ours")


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"), "other")


@pytest.fixture(scope="module")
def server(ours: Authority) -> Iterator[str]:
    with tls_server(ours.issue("server", "127.0.0.1")) as url:
        yield url


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)


def version(url: str, **options: Any) -> str:
    transport = Transport(Connection(url, TOKEN, retries=0, **options), time)
    return transport.request("GET", "/api/v2/buildinfo").data["version"]


def failure(url: str, **options: Any) -> CoderError:
    with pytest.raises(CoderError) as caught:
        version(url, **options)
    assert TOKEN not in str(caught.value)
    return caught.value


def test_an_unknown_authority_is_refused_and_the_option_named(server: str) -> None:
    error = failure(server)
    assert error.kind == "tls"
    assert "certificate verify failed" in error.message and "'ca_path'" in error.message


def test_ca_path_is_trusted(server: str, ours: Authority) -> None:
    assert version(server, ca_path=str(ours.path)) == "v2.34.0"


def test_ca_path_wins_over_the_environment(
    server: str, ours: Authority, other: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other.path))
    monkeypatch.setenv("CURL_CA_BUNDLE", str(other.path))
    assert version(server, ca_path=str(ours.path)) == "v2.34.0"
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(ours.path))
    assert failure(server, ca_path=str(other.path)).kind == "tls"


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_the_environment_counts_where_no_option_is_set(
    variable: str, server: str, ours: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, str(ours.path))
    assert version(server) == "v2.34.0"


def test_validate_certs_false_wins_over_the_environment_and_stays_quiet(
    server: str, other: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other.path))
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        assert version(server, validate_certs=False) == "v2.34.0"
    assert heard == []


def test_a_certificate_for_another_host_is_refused(ours: Authority) -> None:
    with tls_server(ours.issue("elsewhere", "127.0.0.2")) as url:
        error = failure(url, ca_path=str(ours.path))
    assert error.kind == "tls"
    assert "127.0.0.1" in error.message


def test_a_client_certificate_is_sent(ours: Authority) -> None:
    certificate, key = ours.issue("me", "127.0.0.1")
    with tls_server(ours.issue("strict", "127.0.0.1"), clients=ours.path) as url:
        given = {"client_cert": str(certificate), "client_key": str(key)}
        assert version(url, ca_path=str(ours.path), **given) == "v2.34.0"
        assert failure(url, ca_path=str(ours.path)).kind in ("tls", "network")


@pytest.mark.parametrize("option", ["ca_path", "client_cert", "client_key"])
def test_a_file_that_does_not_exist_is_named(option: str, tmp_path: Path) -> None:
    error = failure("https://127.0.0.1:9", **{option: str(tmp_path / "none.pem")})
    assert error.kind == "invalid"
    assert "none.pem" in error.message


def test_a_file_that_is_no_certificate_is_an_error_with_words(server: str, tmp_path: Path) -> None:
    (tmp_path / "bad.pem").write_text("no certificate")
    for option in ("ca_path", "client_cert"):
        error = failure(server, **{option: str(tmp_path / "bad.pem")})
        assert error.kind in ("invalid", "tls")
        assert option in error.message


def tunnel(connection: socket.socket, request: bytes) -> bool:
    """A proxy's part in CONNECT: it hands on what both sides say, and sees none of it in the clear."""
    host, _colon, port = request.split(b" ", 2)[1].partition(b":")
    assert request.startswith(b"CONNECT ") and TOKEN.encode() not in request
    with socket.create_connection((host, int(port))) as server:
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        ends = {connection: server, server: connection}
        while True:
            for end in select.select(list(ends), [], [], 60)[0]:
                data = end.recv(65536)
                if not data:
                    return False
                assert TOKEN.encode() not in data
                ends[end].sendall(data)


def test_a_proxy_hands_on_what_it_cannot_read(server: str, ours: Authority, other: Authority) -> None:
    with raw_server(tunnel) as proxy:
        assert version(server, proxy=proxy, ca_path=str(ours.path)) == "v2.34.0"
        assert failure(server, proxy=proxy, ca_path=str(other.path)).kind == "tls"


def test_http_spoken_to_a_tls_port_and_the_other_way_round(server: str, emulator: Any) -> None:
    plain = emulator()
    assert failure(plain.url.replace("http:", "https:")).kind == "tls"
    assert failure(server.replace("https:", "http:")).kind in ("network", "protocol")
