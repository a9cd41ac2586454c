# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Choosing chats: by id, by name, by labels, and by a JMESPath predicate; and saying whose they are.

A list is the caller's own, also for a site owner. Everybody's chats are known by the audit log alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, Callable, NamedTuple, TypedDict

from ..coder.answers import Malformed
from ..coder.chats.backend import ChatsBackend
from ..coder.chats.models import CHAT_FIELDS, STATUSES, Chat, family
from ..coder.errors import CoderError, attempting, invalid
from ..coder.names import is_uuid
from .at_once import at_once
from .chats_by_id import AuditLog, audited_chats, chats_by_id
from .context import Context
from .predicate import Predicate, Subject
from .spec import Options

OWN, NAMED, DEPLOYMENT = "own", "named", "deployment"
CHAT = Subject(
    "chat",
    (*CHAT_FIELDS, "url", "purge_after"),
    {"last_error": ("message", "detail", "kind", "provider", "retryable", "status_code")},
    ("children", "files", "warnings", "mcp_server_ids"),
    "status == 'error' && last_error.kind == 'auth'",
)


class ChatSelectionParams(TypedDict):
    """The options of choosing chats."""

    id: list[str] | None
    ids_file: str | None
    name: list[str] | None
    labels: dict[str, str] | None
    archived: str | None
    status: str | None
    organization: str | None
    select: str | None
    scope: str
    concurrency: int


class Chosen(NamedTuple):
    """The chats, the ids and names that no chat has, and whose chats these are; ``audit_log`` of a whole deployment."""

    chats: list[Chat]
    missing: list[str]
    scope: str
    audit_log: AuditLog | None = None


def chat_selection_spec() -> Options:
    """Argument spec of choosing chats."""
    return {
        "id": {"type": "list", "elements": "str", "aliases": ["ids"]},
        "ids_file": {"type": "path"},
        "name": {"type": "list", "elements": "str", "aliases": ["chat", "chats"]},
        "labels": {"type": "dict"},
        "archived": {"type": "str", "choices": ["exclude", "include", "only"]},
        "status": {"type": "str", "choices": list(STATUSES)},
        "organization": {"type": "str"},
        "select": {"type": "str"},
        "scope": {"type": "str", "choices": [OWN, DEPLOYMENT], "default": OWN},
        "concurrency": {"type": "int", "default": 8},
    }


def chat_exclusions() -> list[list[str]]:
    """Options that do not go together: each is a way of its own to choose."""
    return [["id", "ids_file"], ["id", "labels"], ["ids_file", "labels"], ["name", "labels"]]


def choose_chats(context: Context[ChatSelectionParams]) -> Chosen:
    """The chosen chats, each with its ``purge_after``; warns of what cannot be read.

    :raises CoderError: an option cannot be right, or the server refuses.
    """
    params = context.params
    keep = Predicate(params["select"], CHAT) if params["select"] is not None else None
    if params["concurrency"] < 1:
        raise invalid(f"concurrency={params['concurrency']} would never read a chat", "Give 1 or more.")
    ids = _ids(params)
    backend = context.session.chats
    with attempting("list the chats" if ids is None and params["name"] is None else "read the chats"):
        if ids is not None or params["name"] is not None:
            chosen = _named(context, backend, ids or [], params["name"] or [])
        elif params["scope"] == DEPLOYMENT:
            chosen = _deployment(context, backend)
        else:
            chosen = Chosen(_own(context, backend), [], OWN)
        organization = params["organization"]
        where = context.session.server.organization(organization)["id"] if organization is not None else None
    chats: list[Chat] = [
        {**chat, "purge_after": backend.purge_after(chat)}
        for chat in chosen.chats
        if params["status"] in (None, chat["status"]) and where in (None, chat["organization_id"])
    ]
    return chosen._replace(chats=keep.chosen_of(chats, context.warn) if keep else chats)


def _ids(params: ChatSelectionParams) -> list[str] | None:
    """The ids that were given; None where none were asked for. :raises CoderError: one is none, or the file."""
    given = params["id"]
    if params["ids_file"]:
        try:
            with open(params["ids_file"], encoding="utf-8") as stream:
                given = [line.split("#")[0].strip() for line in stream if line.split("#")[0].strip()]
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
            raise CoderError(
                f"the file {params['ids_file']} in 'ids_file' could not be read: {reason}", "io",
                hint="Name a text file with one UUID per line.",
            ) from None
    for chat_id in given or []:
        if not is_uuid(chat_id):
            raise invalid(f"{chat_id!r} is not the id of a chat", "Give its UUID, or its name in 'name'.")
    return None if given is None else list(dict.fromkeys(chat_id.lower() for chat_id in given))


def _warning_of(context: Context[Any]) -> Callable[[Malformed], None]:
    """What a chat that cannot be read is to an operation that only reads: a warning."""
    return lambda problem: context.warn(problem.message)


def _named(context: Context[ChatSelectionParams], backend: ChatsBackend, ids: list[str], names: list[str]) -> Chosen:
    """By id, also others' that the token may see; by name, one's own."""
    threads = context.params["concurrency"]
    read = chats_by_id(backend, ids, threads)
    if read.refused and len(read.refused) == len(ids) + len(names):
        raise read.refused[0]
    for problem in read.refused:
        _warning_of(context)(problem)
    missing = read.gone
    found = {chat["id"]: chat for chat in read.chats}
    for name, chats in zip(names, at_once(backend.named, names, threads)):
        if not chats:
            missing.append(name)
        if len(chats) > 1:
            context.warn(f"{len(chats)} chats have the name {name!r}; the oldest of them counts: {chats[0]['id']}.")
        found.update((chat["id"], chat) for chat in chats)
    wanted = _archived(context.params, (False, True))
    return Chosen([chat for chat in found.values() if chat["archived"] in wanted], missing, NAMED)


def _own(context: Context[ChatSelectionParams], backend: ChatsBackend) -> list[Chat]:
    """What the list shows. It tells of those that are archived, or of the others, never of both at once."""
    found: dict[str, Chat] = {}
    for archived in _archived(context.params):
        listed = backend.labelled(_labels(context.params), archived, _warning_of(context))
        found.update((chat["id"], chat) for chat in listed)
    return list(found.values())


def _labels(params: ChatSelectionParams) -> dict[str, str]:
    return {str(name): str(value) for name, value in (params["labels"] or {}).items()}


def _archived(params: ChatSelectionParams, unset: tuple[bool, ...] = (False,)) -> tuple[bool, ...]:
    """Whether chats are wanted that are archived, or not. :param unset: what counts where the option is not set."""
    choices = {"exclude": (False,), "include": (False, True), "only": (True,)}
    return choices[params["archived"]] if params["archived"] else unset


def _deployment(context: Context[ChatSelectionParams], backend: ChatsBackend) -> Chosen:
    """Every chat that the audit log names, each read by its id."""
    params = context.params
    there, log = audited_chats(backend, (), params["concurrency"], _warning_of(context))
    wanted, labels = _archived(params), _labels(params)
    chats = [chat for chat in there if chat["archived"] in wanted and labels.items() <= chat["labels"].items()]
    return Chosen(chats, [], DEPLOYMENT, log)


def summarize_chats(chats: list[Chat]) -> dict[str, Any]:
    """Counts by status, owner and model, the largest first; sub-agents apart."""

    def count(values: Iterable[Any]) -> dict[str, int]:
        return dict(Counter(str(value) for value in values).most_common())

    return {
        "total": len(chats),
        "children": sum(len(family(chat)) - 1 for chat in chats),
        "busy": sum(chat["busy"] for chat in chats),
        "archived": sum(chat["archived"] for chat in chats),
        "by_status": count(chat["status"] for chat in chats),
        "by_owner": count(chat["owner_username"] for chat in chats),
        "by_model": count(chat["model_id"] for chat in chats if chat["model_id"]),
    }
