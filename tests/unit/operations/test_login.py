# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The session of `coder login`: used where nothing else is given, and for its own server only."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from calling import call

from ansible_collections.coder.tasks.plugins.module_utils.coder.login import Login, stored_login
from ansible_collections.coder.tasks.plugins.module_utils.operations.connection import secrets_in
from emulator import Emulator

Start = Callable[..., Emulator]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CODER_CONFIG_DIR", str(tmp_path))
    for name in ("CODER_URL", "CODER_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def log_in(folder: Path, url: str, token: str) -> None:
    (folder / "url").write_text(f"{url}\n")
    (folder / "session").write_text(token)


def test_it_is_used_where_neither_is_given(emulator: Start, folder: Path) -> None:
    server = emulator()
    server.create_task("mine")
    log_in(folder, server.url, server.token)
    assert [task["name"] for task in call("task_info")["tasks"]] == ["mine"]
    assert [task["name"] for task in call("task_info", url=f"{server.url}/")["tasks"]] == ["mine"]
    assert secrets_in({"url": None, "token": None}) == {server.token}
    assert call("server_info")["server"]["session_file"] == str(folder / "session")
    assert call("server_info", url=server.url, token=server.token)["server"]["session_file"] is None


def test_passwords_in_addresses_are_secrets() -> None:
    params = {"url": "https://u:in-the-url@coder", "proxy": "http://u:in-the-proxy@proxy", "token": "t"}
    assert secrets_in(params) == {"in-the-url", "in-the-proxy"}


def test_what_headers_hold_is_secret_whatever_they_are() -> None:
    params = {"url": None, "proxy": None, "token": "t"}
    for headers in ({"X-Auth": "in-a-header", "Accept": "json"}, "in-a-header", ["in-a-header"]):
        assert any("in-a-header" in value for value in secrets_in({**params, "headers": headers})), headers
    assert "json" not in secrets_in({**params, "headers": {"Accept": "json"}}), "too short to be scrubbed from any text"
    assert secrets_in({**params, "headers": {"A": "7-chars", "B": "8-chars!"}}) == {"8-chars!"}
    assert secrets_in({**params, "headers": None}) == secrets_in(params) == set()


def test_only_its_own_refusal_is_explained_by_it(emulator: Start, folder: Path) -> None:
    server = emulator()
    log_in(folder, server.url, "aaaaaaaaaa-bbbbbbbbbbbbbbbbbbbbbb")
    refused = call("task_info")
    assert refused.kind == "auth" and f"run `coder login {server.url}`, or give 'token'" in refused.msg
    given = call("task_info", url=server.url, token="aaaaaaaaaa-bbbbbbbbbbbbbbbbbbbbbb")
    assert given.kind == "auth" and "coder login" not in given.msg
    log_in(folder, server.url, server.token)
    server.faults.add("status", status=503, path="/tasks", count=None)
    broken = call("task_info", retries=0)
    assert broken.failed and "coder login" not in broken.msg


def test_it_is_sent_to_no_other_server(emulator: Start, folder: Path) -> None:
    server, other = emulator(), emulator()
    log_in(folder, other.url, other.token)
    made = call("task_info", url=server.url)
    assert made.kind == "invalid" and f"is for {other.url}, so it is not sent to {server.url}." in made.msg
    assert list(server.journal) == [] and other.token not in made.msg


def test_what_is_given_wins_and_an_empty_token_is_no_wish_for_it(emulator: Start, folder: Path) -> None:
    server = emulator()
    log_in(folder, server.url, server.token)
    assert call("task_info", url=server.url, token="aaaaaaaaaa-bbbbbbbbbbbbbbbbbbbbbb").kind == "auth"
    assert "No session token is given" in call("task_info", url=server.url, token="").msg
    assert "No server is given" in call("task_info", token=server.token).msg


def test_a_session_that_ended_is_named(emulator: Start, folder: Path) -> None:
    server = emulator()
    log_in(folder, server.url, "aaaaaaaaaa-bbbbbbbbbbbbbbbbbbbbbb")
    made = call("task_info")
    assert made.kind == "auth" and str(folder / "session") in made.msg and f"coder login {server.url}" in made.msg
    assert "aaaaaaaaaa" not in made.msg


def test_where_nobody_is_logged_in_the_way_to_a_session_is_told(emulator: Start, folder: Path) -> None:
    made = call("task_info", url=emulator().url)
    assert made.kind == "invalid" and "run `coder login`, whose session is used where no token is given" in made.msg


def test_a_session_in_a_keyring_is_named_as_not_readable(emulator: Start, folder: Path) -> None:
    server = emulator()
    (folder / "url").write_text(server.url)
    made = call("task_info", url=server.url)
    assert made.kind == "invalid" and "keyring" in made.msg


def test_files_that_cannot_be_right_are_nothing(folder: Path) -> None:
    (folder / "url").write_bytes(b"\xff\xfe")
    (folder / "session").mkdir()
    assert stored_login() == Login(str(folder))


@pytest.mark.parametrize(
    ("stored", "asked", "same"),
    [
        ("https://Coder.example.com", "https://coder.example.com:443/", True),
        ("https://coder.example.com", "http://coder.example.com", False),
        ("https://coder.example.com", "https://coder.example.com.evil.example", False),
        ("https://coder.example.com", "https://coder.example.com:8443", False),
        ("https://coder.example.com", "https://coder.example.com@evil.example", False),
        ("https://coder.example.com", "https://user@coder.example.com", True),
        ("https://coder.example.com/a", "https://coder.example.com/b", False),
        ("", "", False),
        ("https://", "https://", False),
        ("https://x:port", "https://x:port", False),
    ],
)
def test_which_server_it_is_for(stored: str, asked: str, same: bool) -> None:
    assert Login("", stored, "token").is_for(asked) is same


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {}, ".config/coderv2"),
        ("linux", {"XDG_CONFIG_HOME": "/xdg"}, "/xdg/coderv2"),
        ("darwin", {}, "Library/Application Support/coderv2"),
    ],
)
def test_the_folder_of_a_platform(
    platform: str, variables: dict[str, str], expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CODER_CONFIG_DIR", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("sys.platform", platform)
    assert stored_login().folder == str(tmp_path / expected)
