# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a chat's folder holds, made from what was just read and from what was saved before. Writes nothing.

Nothing that was saved is lost to a later reading: neither messages and files that an edit took out of the chat, nor
what waited for its turn, nor what it cost, which the server forgets on a clock of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, cast

from . import attachments, chat_log, files, record, wholeness
from .attachments import Attachment
from .chat_redaction import CHAT_STRUCTURE, redacted_messages
from .folder import (
    CONVERSATION,
    LOG,
    Before,
    Evidence,
    Folders,
    NewFolder,
    is_intact,
    only_log_is_damaged,
    version_name,
)
from .kinds import CHAT
from .record import ChatRecord, Entry, Message, Record
from .redact import marks
from .report import chat_messages, pages


class _Around(NamedTuple):
    """What stands in chat.json beside the chat, and the bytes of its files."""

    queue: list[Message]
    left_queue: list[Message]
    cost: dict[str, Any] | None
    attachments: list[Attachment]
    contents: dict[str, bytes]


class ChatFolders(Folders):
    """The folders of chats."""

    kind = CHAT

    def redacted(self, value: Any) -> Any:
        """Plain data as it is written."""
        return self._redactor.redact_data(value, CHAT_STRUCTURE) if self._redactor else value

    def _redacted_log(self, messages: list[Message]) -> list[Message]:
        return redacted_messages(messages, self._redactor)

    def _readable(self, messages: list[Message], about: Mapping[str, Any]) -> list[Message]:
        return chat_messages.spoken(messages, attachments.by_id(about.get("attachments") or []))

    def held_files(self, evidence: Evidence | None) -> set[str]:
        """Ids of the files that lie undamaged in a folder, as it was just examined."""
        known = evidence.about.get("attachments") if evidence else None
        return {each["id"] for each in known or [] if each.get("file")}

    def _record_digest(self, given: Record) -> str:
        """Of a file its id says which bytes it has; what was asked for this time is nothing of the chat's."""
        known = [{key: each.get(key) for key in ("id", "name", "media_type", "error_kind")}
                 for each in cast(ChatRecord, given)["files"]]  # fmt: skip
        return super()._record_digest(cast(Record, {**given, "files": known, "cost": None}))

    def compose(self, given: Record, saved: Entry | None) -> NewFolder:
        """See :meth:`Folders.compose`."""
        read = cast(ChatRecord, given)
        clean = cast(ChatRecord, {
            **read, "task": self.redacted(read["task"]), "messages": self._redacted_log(read["messages"]),
            "queue": self._redacted_log(read["queue"]),
        })  # fmt: skip
        folder = saved["folder"] if saved else record.chat_folder_name(read["task"])
        before = self._before(folder, saved)
        said = self._merged(clean, before)
        around = self._around(clean, saved)
        versions = chat_log.earlier(
            [self._redacted_log(version) for version in [*before.versions, before.log or []]], said["messages"]
        )
        whole = chat_log.joined([*versions, said["messages"]])
        contents = {version_name(number): files.json_lines(lines) for number, lines in enumerate(versions, 1)}
        if versions:
            contents[CONVERSATION] = files.json_lines(whole)
        contents[LOG] = files.json_lines(said["messages"])
        contents.update(around.contents)
        entry = {
            **record.chat_entry(said, folder),
            **_log_facts(said, around, is_redacted=bool(self._redactor or (saved and saved["redacted"]))),
            "earlier": len(versions),
            **self._provenance(given),
        }
        about = {
            CHAT.name: said["task"], "queue": around.queue, "left_queue": around.left_queue, "cost": around.cost,
            "attachments": around.attachments,
        }  # fmt: skip
        contents.update(pages.transcripts(entry, said["task"], self._readable(whole, about)))
        return self._finished(entry, about, contents)

    def upgraded(self, entry: Entry) -> NewFolder:
        """See :meth:`Folders.upgraded`. Chats came with the newest format, so that none is older."""
        raise NotImplementedError

    def _merged(self, clean: ChatRecord, before: Before) -> ChatRecord:
        """What the folder says from now on. A reading that brought no message takes the place of nothing."""
        saved, log = before.entry, before.log
        if clean["messages"] or not (saved["messages"] if saved else log or any(before.versions)):
            return clean
        if saved is None or log is None:
            raise only_log_is_damaged(self.at(before.folder))
        kept = {"source": saved["source"], "messages": self._redacted_log(log)}
        if clean["error_kind"]:  # then nothing is known but what was known before
            kept["running"] = "running" in wholeness.lacks_of(saved)
        return cast(ChatRecord, {**clean, **kept})

    def _around(self, clean: ChatRecord, saved: Entry | None) -> _Around:
        lies = self._files(saved) if saved else {}
        data = {name: content for name, content in lies.items() if saved and is_intact(saved, name, content)}
        about = json.loads(data.get(CHAT.about, b"{}"))
        waited = self._redacted_log([*(about.get("left_queue") or []), *(about.get("queue") or [])])
        now = clean["queue"] if clean["source"] == "live" else self._redacted_log(list(about.get("queue") or []))
        waiting = {entry.get("id") for entry in now}
        left = list({entry.get("id"): entry for entry in waited if entry.get("id") not in waiting}.values())
        known, contents = self._attachments(clean["files"], about.get("attachments") or [], data)
        return _Around(now, left, _dearer(about.get("cost"), clean["cost"]), known, contents)

    def _attachments(
        self, given: Iterable[dict[str, Any]], saved: Iterable[Attachment], data: dict[str, bytes]
    ) -> tuple[list[Attachment], dict[str, bytes]]:
        """The files of now and of before, each with its bytes, redacted by today's rules."""
        found: dict[str, Attachment] = {}
        contents: dict[str, bytes] = {}
        before = attachments.by_id(saved)
        for file in [*given, *before.values()]:
            if file["id"] in found:
                continue
            held = before.get(file["id"])
            content = cast("dict[str, Any]", file).get("data")
            if content is None and held and held["file"]:
                content = data.get(held["file"])
            error = None if content is not None else file.get("error_kind") or "not_found"
            known = attachments.described({**file, "error_kind": error}, self._redactor)
            found[file["id"]] = known
            if known["file"] is not None and content is not None:
                contents[known["file"]] = attachments.redacted(content, known["media_type"], self._redactor)
        return list(found.values()), contents


def _log_facts(said: ChatRecord, around: _Around, is_redacted: bool) -> dict[str, Any]:
    """What an entry says of how whole its log is."""
    messages = said["messages"]
    texts = [data.decode("utf-8", "replace") for data in around.contents.values()] if is_redacted else []
    everything = [said["task"], messages, around.queue, around.left_queue, around.attachments, texts]
    counts = marks(everything) if is_redacted else {}
    lacks = wholeness.chat_lacks(
        messages, running=said["running"], redacted=bool(counts),
        files_missing=any(each["file"] is None for each in around.attachments),
    )  # fmt: skip
    if said["source"] == "none":  # it could not be read yet, which is none of the classes
        lacks = [name for name in lacks if name != "empty"]
    return {
        "lacks": lacks,
        "complete": wholeness.is_complete(lacks, messages),
        "redacted": bool(counts),
        "redactions": counts,
    }


def _dearer(before: dict[str, Any] | None, now: dict[str, Any] | None) -> dict[str, Any] | None:
    """What is known of the cost: the server tells zeros once it has forgotten."""
    if before is None or now is None:
        return before or now
    return now if now.get("request_count", 0) >= before.get("request_count", 0) else before
