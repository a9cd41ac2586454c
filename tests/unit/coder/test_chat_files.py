# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that chats carry, read as bytes: whatever is in them, and no more than an answer may have."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

import pytest
from raw_server import raw_server

from ansible_collections.coder.tasks.plugins.module_utils.coder.chats.client import ChatsClient
from ansible_collections.coder.tasks.plugins.module_utils.coder.errors import CoderError
from ansible_collections.coder.tasks.plugins.module_utils.coder.transport import Connection, Transport
from emulator import Emulator

Servers = Callable[..., Emulator]


def client(url: str, token: str = "aaaaaaaaaa-bbbbbbbbbbbbbbbbbbbbbb", **options: int) -> ChatsClient:
    return ChatsClient(Transport(Connection(url, token, **options), time))  # type: ignore[arg-type]


@pytest.mark.parametrize("content", [b"", b"hello\n", b'{"a": 1}', b"\x89PNG\r\n\x1a\n\x00\xff", bytes(range(256))])
def test_a_file_is_what_was_uploaded(emulator: Servers, content: bytes) -> None:
    server = emulator("", chats="chats-2.38")
    chats = server.state.chats
    assert chats is not None
    file = chats.create_file(server.state.user("alice"), "a", content, "application/json")
    assert client(server.url, server.token).file(file.id) == content


def test_a_file_that_is_gone_is_not_found(emulator: Servers) -> None:
    server = emulator("", chats="chats-2.35")
    with pytest.raises(CoderError) as caught:
        client(server.url, server.token).file("9f10521e-54ab-43bc-bc25-efc7b1971561")
    assert caught.value.kind == "not_found"


def test_a_file_is_no_larger_than_an_answer_may_be(emulator: Servers) -> None:
    server = emulator("", chats="chats-2.38")
    chats = server.state.chats
    assert chats is not None
    file = chats.create_file(server.state.user("alice"), "a", b"x" * 5000)
    with pytest.raises(CoderError, match="longer than 'max_response_bytes' allows") as caught:
        client(server.url, server.token, max_response_bytes=4999).file(file.id)
    assert caught.value.kind == "protocol"
    assert len(client(server.url, server.token, max_response_bytes=5000).file(file.id)) == 5000


def test_a_page_of_a_proxy_is_no_file() -> None:
    page = b"<html>log in</html>"
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n" % len(page)

    def answer(connection: socket.socket, _request: bytes) -> bool:
        connection.sendall(head + page)
        return True

    with raw_server(answer) as url, pytest.raises(CoderError, match="instead of a file") as caught:
        client(url).transport.request("GET", "/api/v2/chats/files/x", raw=True)
    assert caught.value.kind == "protocol"
