# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers of an emulated server that are others than it would give: what a newer or a broken server may say."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.request import Request, urlopen

from emulator import Emulator


def altered(server: Emulator, path: str, *changes: Callable[[Any], Any], skip: int = 0) -> None:
    """Have the server answer a GET of a path with what it tells its owner there now, changed.

    :param path: may have a query, by which the answer is chosen that is to be changed.
    :param changes: one per request, and the last one for all that follow.
    :param skip: how many requests are answered as they should be before.
    """
    with urlopen(Request(f"{server.url}{path}", headers={"Coder-Session-Token": server.token})) as answer:
        told = answer.read()
    for number, change in enumerate(changes, 1):
        where, body = f"^{path.partition('?')[0]}$", json.dumps(change(json.loads(told)))
        count = None if number == len(changes) else 1
        server.faults.add("status", method="GET", path=where, status=200, body=body, skip=skip, count=count)
