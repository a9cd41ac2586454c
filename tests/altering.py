# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers of an emulated server that are others than it would give: what a newer or a broken server may say."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.request import Request, urlopen

from emulator import Emulator


def told(server: Emulator, path: str) -> Any:
    """What the server tells its owner at a path, which may have a query."""
    with urlopen(Request(f"{server.url}{path}", headers={"Coder-Session-Token": server.token})) as answer:
        return json.load(answer)


def altered(server: Emulator, path: str, *changes: Callable[[Any], Any], skip: int = 0) -> None:
    """Have the server answer a GET of a path with what it tells its owner there now, otherwise.

    :param path: may have a query, by which the answer is chosen that is to be changed.
    :param changes: give the answer, one per request, and the last one for all that follow.
    :param skip: how many requests are answered as they should be before.
    """
    now, where = told(server, path), f"^{path.partition('?')[0]}$"
    for number, change in enumerate(changes, 1):
        body, count = json.dumps(change(now)), None if number == len(changes) else 1
        server.faults.add("status", method="GET", path=where, status=200, body=body, skip=skip, count=count)
