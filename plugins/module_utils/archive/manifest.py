# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""manifest.jsonl, one line per task, archive.json about all of it, and SHA256SUMS, as `sha256sum -c` reads it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import Any

from .files import json_lines, parse_lines, sha256
from .kinds import KINDS, TASK, place_of
from .record import Entry

MANIFEST = "manifest.jsonl"
ABOUT = "archive.json"
SUMS = "SHA256SUMS"


def ordered(entries: Iterable[Entry]) -> list[Entry]:
    """By owner, name and id, so that the order is the same on every run."""
    return sorted(entries, key=lambda entry: (entry["owner"] or "", entry["name"] or "", entry["id"]))


def manifest(entries: Iterable[Entry]) -> bytes:
    return json_lines(ordered(entries))


# What everything that reads an entry relies on, and its type; the rest may be null.
_NEEDED: dict[str, type | tuple[type, ...]] = {
    "id": str, "folder": str, "files": dict, "bytes": int, "messages": int, "source": str, "complete": bool,
    "truncated": bool, "redacted": bool, "redactions": dict, "earlier": int, "versions": dict, "record_digest": str,
}  # fmt: skip
_NULLABLE = (
    "name", "display_name", "owner", "owner_id", "organization_id", "template", "template_id", "status", "url",
    "created_at", "updated_at", "snapshot_at", "error_kind", "first_time", "last_time", "redaction_key",
)  # fmt: skip


def read_manifest(data: bytes) -> list[Entry]:
    """The entries of a manifest, in its order.

    :raises ValueError: it is damaged.
    """
    return [shared(checked(entry)) for entry in parse_lines(data)]


def checked(entry: Any) -> Entry:
    """The same, if it is an entry; somebody may have written anything there.

    :raises ValueError: it is none.
    """
    if not isinstance(entry, dict) or not all(isinstance(entry.get(key), kind) for key, kind in _NEEDED.items()):
        raise ValueError("not an entry of a manifest")
    if not all(isinstance(entry.get(key, 0), (str, type(None))) for key in _NULLABLE):
        raise ValueError("not an entry of a manifest")
    if not isinstance(entry.get("kind", ""), str) or entry.get("kind", TASK.name) not in KINDS:
        raise ValueError("not an entry of a manifest")
    sums = entry["files"].values()
    if not all(isinstance(file, dict) and isinstance(file.get("sha256"), str) for file in sums):
        raise ValueError("not an entry of a manifest")
    return entry


# Under these keys many entries say the same.
_REPEATED = frozenset((
    "owner", "owner_id", "organization_id", "template", "template_id", "status", "source", "display_name", "redaction",
    "redaction_key", "sealed_by", "coder", "agentapi", "collection",
))  # fmt: skip


def shared(entry: Any) -> Any:
    """The same, with keys and repeated texts that all entries share: of 10,000, the keys alone would take 20 MB."""
    if not isinstance(entry, dict):
        return entry
    return {
        sys.intern(key): sys.intern(value) if key in _REPEATED and isinstance(value, str) else shared(value)
        for key, value in entry.items()
    }


def sums(entries: Iterable[Entry], top: Mapping[str, bytes], more: Mapping[str, str]) -> bytes:
    """Checksums of every file of every task, and of the given files at the top (all but SHA256SUMS itself).

    :param more: checksums of further files by their paths.
    """
    hashes = {**{name: sha256(data) for name, data in top.items()}, **more}
    for entry in entries:
        for name, file in entry["files"].items():
            hashes[f"{place_of(entry)}/{name}"] = file["sha256"]
    return "".join(f"{digest}  {path}\n" for path, digest in sorted(hashes.items())).encode("ascii")


def read_sums(data: bytes) -> dict[str, str]:
    """The checksum of each path."""
    lines = (line.split("  ", 1) for line in data.decode("utf-8", "replace").split("\n") if "  " in line)
    return {path: digest for digest, path in lines}
