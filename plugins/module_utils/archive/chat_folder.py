# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a chat's folder holds, made from what was just read and from what was saved before. Writes nothing.

Nothing that was saved is lost to a later reading: neither messages and files that an edit took out of the chat, nor
what waited for its turn, nor what it cost, which the server forgets on a clock of its own.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, cast

from ..coder.errors import CoderError
from . import attachments, chat_log, files, record, wholeness
from .attachments import Attachment, Fetch
from .chat_redaction import CHAT_STRUCTURE, redacted_messages
from .folder import (
    CONVERSATION,
    LOG,
    Before,
    Evidence,
    Folders,
    NewFolder,
    is_intact,
    only_file_is_damaged,
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

    def with_files(self, given: ChatRecord, evidence: Evidence | None, fetch: Fetch) -> ChatRecord:
        """The record with the bytes of those files that do not lie there undamaged, or why they cannot be had.

        A file that an edit took out of the chat is one of them: it was saved, or is still asked for.

        :param evidence: the folder, as it was just examined.
        """
        if given["error_kind"]:
            return given
        about: Iterable[Attachment] = evidence.about.get("attachments") or [] if evidence else []
        known = attachments.by_id(about)
        held = {file["id"] for file in known.values() if file["file"]}
        wanted = {file["id"]: file for file in given["files"]}
        for file in known.values():
            earlier = {key: file[key] for key in ("id", "name", "media_type")}
            wanted.setdefault(file["id"], earlier)
        files = [file if file["id"] in held else {**file, **_fetched(file["id"], fetch)} for file in wanted.values()]
        return cast(ChatRecord, {**given, "files": files})

    def _record_digest(self, given: Record) -> str:
        """Of a file its id says which bytes it has; what was asked for this time is nothing of the chat's.

        When it was seen that a file is gone, and in which words, makes no other chat of it.
        """
        known = [
            {
                **{key: each.get(key) for key in ("id", "name", "media_type", "error_kind")},
                **({"gone": True} if each.get("gone") else {}),
            }
            for each in cast(ChatRecord, given)["files"]
        ]
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
        around, may_have_marks = self._around(clean, saved), bool(self._redactor or (saved and saved["redacted"]))
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
            **_log_facts(said, around, contents[LOG], may_have_marks),
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
        known, contents = self._attachments(clean["files"], about.get("attachments") or [], data, saved)
        return _Around(now, left, _dearer(about.get("cost"), clean["cost"]), known, contents)

    def _attachments(
        self, given: Iterable[dict[str, Any]], known: Iterable[Attachment], data: dict[str, bytes], saved: Entry | None
    ) -> tuple[list[Attachment], dict[str, bytes]]:
        """The files of now and of before, each with its bytes, redacted by today's rules.

        :param data: what lies undamaged in the folder. :param saved: the entry that says what should.
        :raises CoderError: what was saved of a file is damaged, and the server does not have it any more.
        """
        found: dict[str, Attachment] = {}
        contents: dict[str, bytes] = {}
        before = attachments.by_id(known)
        for file in [*given, *before.values()]:
            if file["id"] in found:
                continue
            content, gone = cast("dict[str, Any]", file).get("data"), file.get("gone")
            lies = attachments.name_among(saved["files"] if saved else (), file["id"])
            if content is None and lies:
                content = data.get(lies)
                if content is None and gone and saved:
                    raise only_file_is_damaged(os.path.join(self.at(saved["folder"]), lies))
            error = None if content is not None else file.get("error_kind") or "not_found"
            first_seen = before[file["id"]].get("gone") if gone and file["id"] in before else None
            about = attachments.described({**file, "error_kind": error, "gone": first_seen or gone}, self._redactor)
            found[file["id"]] = about
            if about["file"] is not None and content is not None:
                contents[about["file"]] = attachments.redacted(content, about["media_type"], self._redactor)
        return list(found.values()), contents


def _fetched(file_id: str, fetch: Fetch) -> dict[str, Any]:
    """The bytes of a file, or why they cannot be had."""
    try:
        got = fetch(file_id)
    except CoderError as error:
        return {"error_kind": error.kind}
    return {"data": got} if isinstance(got, bytes) else {"error_kind": "not_found", "gone": got}


def _log_facts(said: ChatRecord, around: _Around, log: bytes, may_have_marks: bool) -> dict[str, Any]:
    """What an entry says of how whole its log is.

    :param log: the messages as they are written, in which a mark stands as it is, in a key too.
    """
    messages = said["messages"]
    texts = [data.decode("utf-8", "replace") for data in (log, *around.contents.values())] if may_have_marks else []
    everything = [said["task"], around.queue, around.left_queue, around.attachments, texts]
    counts = marks(everything) if may_have_marks else {}
    gone = [{"id": each["id"], "name": each["name"], **each["gone"]} for each in around.attachments if each["gone"]]
    lacks = wholeness.chat_lacks(
        messages, running=said["running"], redacted=bool(counts),
        files_missing=any(map(attachments.is_missing, around.attachments)), files_gone=bool(gone),
    )  # fmt: skip
    if said["source"] == "none":  # it could not be read yet, which is none of the classes
        lacks = [name for name in lacks if name != "empty"]
    return {
        "lacks": lacks,
        "complete": wholeness.is_complete(lacks, messages),
        "redacted": bool(counts),
        "redactions": counts,
        **({"gone": gone} if gone else {}),
    }


def _dearer(before: dict[str, Any] | None, now: dict[str, Any] | None) -> dict[str, Any] | None:
    """What is known of the cost: the server tells zeros once it has forgotten."""
    if before is None or now is None:
        return before or now
    return now if now.get("request_count", 0) >= before.get("request_count", 0) else before
