# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bring one chat into its declared state: read, plan, apply, wait."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable, TypedDict, cast

from ..coder import names
from ..coder.chats.backend import ChatsBackend
from ..coder.chats.lifecycle import SOMEONE_ELSE, THIS_CALL
from ..coder.chats.models import CHAT_FIELDS, Chat
from ..coder.chats.new import EFFORTS, NewChat, check_chat_name, check_labels, check_said, check_title, undeletable
from ..coder.chats.wait import is_at_work
from ..coder.errors import CoderError, attempting, invalid
from ..coder.waiter import WaitOptions
from .archive.proof_options import ProofParams, proof_spec
from .attachments import Attachments, check_files, files_option
from .connection import ConnectionParams, connection_spec
from .context import Context
from .spec import Options, Spec
from .text_file import text_option
from .waiting import waiter_for, waiting_spec

GOALS: dict[str, tuple[str, ...]] = {"present": ("ready", "idle", "replied"), "idle": ("idle",), "archived": ()}
AFTER_INTERRUPT = "What was begun goes on at the server; the same call waits for it."
# Options that hold a name: none is not the same as an empty one.
NAMES = ("name", "id", "organization", "model", "workspace", "owner")
# What a person would want to see change.
DIFF_FIELDS = ("name", "title", "labels", "archived", "status", "workspace_id", "plan_mode")
# Seconds in which a chat without a message may still get its first one from whoever creates it just now.
FIRST_MESSAGE = 10.0


class ChatOptions(TypedDict):
    """The options that describe one chat; a fleet's items have the same."""

    name: str | None
    id: str | None
    owner: str
    state: str
    organization: str | None
    prompt: str | None
    files: list[str] | None
    title: str | None
    labels: dict[str, Any] | None
    model: str | None
    workspace: str | None
    plan_mode: bool | None
    mcp_servers: list[str] | None
    reasoning_effort: str | None
    unarchive: bool
    on_prompt_change: str
    discard_log: bool


class ChatParams(ConnectionParams, ChatOptions, ProofParams):
    """The options of this operation."""

    require_collected: str | None
    prompt_file: str | None
    wait: bool
    wait_for: str | None
    wait_timeout: float


def chat_options() -> Options:
    """Options that describe one chat; a fleet's items have the same."""
    return {
        "name": {"type": "str"},
        "id": {"type": "str"},
        "owner": {"type": "str", "default": "me"},
        "state": {"type": "str", "choices": [*GOALS, "absent"], "default": "present"},
        "organization": {"type": "str"},
        "prompt": {"type": "str"},
        **files_option(),
        "title": {"type": "str"},
        "labels": {"type": "dict"},
        "model": {"type": "str"},
        "workspace": {"type": "str"},
        "plan_mode": {"type": "bool"},
        "mcp_servers": {"type": "list", "elements": "str"},
        "reasoning_effort": {"type": "str", "choices": list(EFFORTS)},
        "unarchive": {"type": "bool", "default": False},
        "on_prompt_change": {"type": "str", "choices": ["ignore", "send", "edit", "fail"], "default": "ignore"},
        "discard_log": {"type": "bool", "default": False},
    }


def prompt_file_option() -> Options:
    """The option that names a file with the prompt."""
    return {"prompt_file": {"type": "path", "read_as": "prompt"}}


def spec() -> Spec:
    """The operation's options."""
    options = {**connection_spec(), **chat_options(), **prompt_file_option(), **proof_spec()}
    options.update(require_collected={"type": "path"}, **waiting_spec(["ready", "idle", "replied"]))
    del options["stable_idle"]
    return {
        "argument_spec": options,
        "mutually_exclusive": [["prompt", "prompt_file"], ["name", "id"]],
        "required_if": [["state", "idle", ["name", "id"], True], ["state", "archived", ["name", "id"], True]],
        "supports_check_mode": True,
    }


def run(context: Context[ChatParams]) -> dict[str, Any]:
    """Result: ``chat`` (null where there is none), ``created_by``, ``discarded``, ``waited``, ``diff``."""
    params = context.params
    declared = cast(ChatOptions, {**params, "prompt": text_option(params, "prompt")})
    check_options(declared)
    check_proof_options(params)
    goal = goal_of(params["state"], params["wait_for"])
    options = WaitOptions(params["wait_timeout"], 0.0, context.poll_interval, wait=params["wait"])
    ensure = EnsureChat(context, declared, goal if params["wait"] else None, options, guard_of(context))
    return ensure.run()


def check_options(declared: ChatOptions) -> None:
    """What can be known to be wrong before anything is sent. :raises CoderError: kind invalid, or unsupported."""
    given: Mapping[str, Any] = declared
    for option in NAMES:
        if given[option] is not None and not given[option].strip():
            raise invalid(f"{option!r} is empty", "Give a value, or leave the option out, such as with default(omit).")
    if declared["state"] == "absent":
        raise undeletable().but(attempt="bring the chat into state=absent")
    if declared["name"]:
        check_chat_name(declared["name"])
    if declared["id"] and not names.is_uuid(declared["id"]):
        raise invalid(f"{declared['id']!r} in 'id' is not a UUID", "Give the chat's id, or its name in 'name'.")
    if declared["prompt"] is not None:
        check_said(declared["prompt"], "prompt")
    check_files(declared["files"])
    if declared["title"] is not None:
        check_title(declared["title"])
    check_labels(declared["labels"] or {})
    if declared["name"] and declared["owner"] != "me":
        raise invalid(
            "a named chat can be one's own only: a list shows nobody else's, so it could not be found again",
            "Leave 'name' out and keep the id that the result tells, or use a token of that user.",
        )
    if declared["on_prompt_change"] == "edit" and not declared["discard_log"]:
        raise invalid(
            "on_prompt_change=edit cuts the whole conversation that followed the first message",
            "Set discard_log=true if that is meant, and archive the conversation before.",
        )


def check_proof_options(params: ChatParams) -> None:
    """:raises CoderError: kind invalid, a proof is asked for that would never be made, or none and how it is made."""
    path, given = params["require_collected"], cast("Mapping[str, Any]", params)
    if path is None:
        unused = [name for name, option in proof_spec().items() if given[name] != option.get("default")]
        if unused:
            raise invalid(f"{unused[0]!r} is about a proof, and none is asked for", "Give 'require_collected', too.")
    elif not path.strip():
        raise invalid("'require_collected' is empty", "Give the folder of the archive that has to have a copy.")
    elif params["state"] != "archived":
        raise invalid(
            f"'require_collected' does not go with state={params['state']}",
            "It is for state=archived, which begins the end of a chat.",
        )


def guard_of(context: Context[ChatParams]) -> Callable[[Chat], None] | None:
    """What refuses to archive a chat that is not saved; None where that is not asked for."""
    path = context.params["require_collected"]
    if path is None:
        return None

    def guard(chat: Chat) -> None:
        # Most calls need nothing of an archive.
        from .archive.proof import require_proof

        require_proof(context, path, chat)

    return guard


def goal_of(state: str, goal: str | None) -> str | None:
    """What to wait for; each state has its own goals. :raises CoderError: one that the state cannot reach."""
    goals = GOALS.get(state, ())
    if goal and goal not in goals:
        raise invalid(
            f"wait_for={goal} does not go with state={state}",
            f"Choose from: {', '.join(goals) or 'nothing, it is left out'}.",
        )
    return goal or (goals[0] if goals else None)


class EnsureChat:
    """One chat on the way to its declared state.

    :param goal: what to wait for at the end; None for nothing.
    :param guard: asked before a chat is archived; raises where that must not be.
    """

    def __init__(
        self,
        context: Context[Any],
        declared: ChatOptions,
        goal: str | None,
        options: WaitOptions,
        guard: Callable[[Chat], None] | None = None,
    ) -> None:
        self._context = context
        self._guard = guard
        self._declared = declared
        self._goal = goal
        self._chats: ChatsBackend = context.session.chats
        self._waiter = waiter_for(context, options)
        self._seen: Chat | None = None
        self.changed = False
        self.created_by: str | None = None
        self.discarded: list[dict[str, Any]] = []
        self._attachments = Attachments(declared["files"])
        # Whether this call says the prompt to a chat that exists.
        self._said = False

    def run(self) -> dict[str, Any]:
        return self.apply(self.find())

    @property
    def label(self) -> str:
        """The chat as a sentence names it."""
        return self._declared["name"] or self._declared["id"] or "without a name"

    def find(self) -> Chat | None:
        """The chat as it is, None where there is none. :raises CoderError: kind conflict, several have the name."""
        with attempting(f"read the chat {self.label}"):
            if self._declared["name"]:
                return self._chats.only_one(self._declared["name"], self._waiter)
            return self._chats.by_id(self._declared["id"]) if self._declared["id"] else None

    def apply(self, before: Chat | None) -> dict[str, Any]:
        """From the chat as it is, None for none, to the result.

        :raises CoderError: with the chat as it was seen last in its ``result``.
        """
        self._seen = before
        try:
            after = self._apply(before)
            result: dict[str, Any] = {
                "changed": self.changed,
                "chat": self._told(after),
                "created_by": self.created_by,
                "discarded": self.discarded,
                "uploaded": self._attachments.uploaded,
                "waited": round(self._waiter.waited(), 1) if self._waiter.options.wait else 0.0,
            }
        except CoderError as error:
            error.result.setdefault("chat", self._seen and self._chats.with_reason(self._seen))
            error.result["chat"] = error.result["chat"] and {"purge_after": None, **error.result["chat"]}
            error.result.update(created_by=self.created_by, discarded=self.discarded)
            error.result["uploaded"] = self._attachments.uploaded
            raise
        if self._context.diff:
            result["diff"] = diff_of(before, after, self.changed)
        return result

    def _told(self, chat: Chat | None) -> Chat | None:
        return self._chats.with_reason({**chat, "purge_after": self._chats.purge_after(chat)}) if chat else None

    def _apply(self, before: Chat | None) -> Chat | None:
        state = self._declared["state"]
        if before is None:
            if state == "present":
                return self._create()
            self._missing(state)
            return None
        self._check_owner(before)
        if state == "archived":
            return self._ensure_archived(before)
        if state == "idle":
            return self._ensure_idle(before if before["archived"] else self._change(before))
        return self._ensure_present(self._bring_back(before) if before["archived"] else before)

    def _missing(self, state: str) -> None:
        if state == "idle":
            raise CoderError(
                f"there is no chat {self.label}, or this token may not see it", "not_found",
                hint="state=idle never creates a chat; use state=present first.",
            )
        if self._declared["id"]:
            self._context.warn(
                f"There is no chat {self.label}: the server has deleted it, or this token may not see it."
            )

    def _check_owner(self, chat: Chat) -> None:
        owner = self._declared["owner"]
        if owner != "me" and chat["owner_id"] != self._chats.user_id(owner):
            reason = f"the chat {chat['id']} is {chat['owner_username']}'s, and 'owner' is {owner!r}"
            raise CoderError(reason, "conflict", hint="Leave 'owner' out: it is for a chat that is to be created.")

    # Create

    def _create(self) -> Chat:
        if self._declared["id"]:
            raise CoderError(
                f"there is no chat {self.label}, or this token may not see it", "not_found",
                hint="Give a name to create one; ids are made by the server.",
            )
        with attempting(f"create the chat {self.label}"):
            new = self._new()
            if self._context.check_mode:
                self.changed, self.created_by = True, THIS_CALL
                return self._predicted(new)
            new = new._replace(file_ids=self._upload(new.organization_id))
            with self._attachments.told_of():
                chat, self.created_by = self._chats.create(new, self._waiter)
            self._seen, self.changed = chat, True
        if self.created_by == SOMEONE_ELSE:
            # Whoever was faster: his chat is treated as what was found.
            return self._ensure_present(chat)
        if new.reasoning_effort and not chat["reasoning_effort"]:
            self._context.warn("This server knows no reasoning effort of a chat; 'reasoning_effort' is ignored.")
        return self._settle(self._change(chat))

    def _new(self) -> NewChat:
        declared = self._declared
        if declared["prompt"] is None:
            raise invalid("'prompt' or 'prompt_file' is needed to create it", "Say what its agent is to do.")
        organization = self._chats.organization_id(declared["organization"] or "default")
        owner = self._chats.user_id(declared["owner"])
        return NewChat(
            organization,
            declared["prompt"],
            declared["name"],
            declared["labels"] or {},
            None if owner == self._chats.user_id("me") else owner,
            self._chats.workspace_id(declared["workspace"]) if declared["workspace"] else None,
            self._chats.model_id(declared["model"], organization) if declared["model"] else None,
            tuple(self._chats.mcp_server_ids(declared["mcp_servers"] or [], organization)),
            "plan" if declared["plan_mode"] else None,
            declared["reasoning_effort"],
        )

    def _predicted(self, new: NewChat) -> Chat:
        """The chat as it would be; what only the server can make is null."""
        chat: Any = dict.fromkeys(CHAT_FIELDS)
        chat.update(
            name=new.name,
            title=self._declared["title"],
            status="running",
            busy=True,
            labels=new.all_labels,
            archived=False,
            owner_id=new.owner_id or self._chats.user_id("me"),
            organization_id=new.organization_id,
            workspace_id=new.workspace_id,
            model_id=new.model_id,
            mcp_server_ids=list(new.mcp_server_ids),
            plan_mode=new.plan_mode,
            reasoning_effort=new.reasoning_effort,
            files=[],
            warnings=[],
            children=[],
            url=None,
        )
        predicted: Chat = chat
        return predicted

    # An existing chat

    def _ensure_present(self, chat: Chat) -> Chat:
        chat = self._change(chat)
        self._warn_of_fixed_options(chat)
        chat = self._follow_prompt(chat)
        self._warn_of_files(chat)
        return self._settle(chat)

    def _bring_back(self, chat: Chat) -> Chat:
        if not self._declared["unarchive"]:
            raise CoderError(
                f"the chat {self.label} is archived ({chat['id']})", "conflict",
                hint="Set unarchive=true to bring it back with its conversation, or give another name to begin anew.",
            )
        if self._context.check_mode:
            self.changed = True
            return _at_rest(chat, archived=False)
        with attempting(f"bring the chat {self.label} back"):
            self.changed = self._chats.resume(chat, self._waiter) or self.changed
            return self._look(chat)

    def _change(self, chat: Chat) -> Chat:
        """What can be changed, one field in each request: a server applies those before a wrong one."""
        with attempting(f"change the chat {self.label}"):
            labels = self._declared["labels"] or {}
            title = (self._declared["title"] or "").strip()
            wanted: dict[str, str] = {"title": title} if title else {}
            if self._declared["workspace"]:
                wanted["workspace_id"] = self._chats.workspace_id(self._declared["workspace"])
            if self._declared["plan_mode"] is not None:
                wanted["plan_mode"] = "plan" if self._declared["plan_mode"] else ""
            fields: Mapping[str, Any] = chat
            differing = {name: value for name, value in wanted.items() if (fields[name] or "") != value}
            merged = {**chat["labels"], **labels}
            if not differing and merged == chat["labels"]:
                return chat
            if self._context.check_mode:
                self.changed = True
                return _with(chat, {**{name: value or None for name, value in differing.items()}, "labels": merged})
            for name, value in differing.items():
                self._chats.change(chat, name, value)
                self.changed = True
            if merged != chat["labels"]:
                chat = self._chats.merge_labels(chat, labels, self._waiter)
                self.changed = True
            return self._look(chat)

    def _warn_of_fixed_options(self, chat: Chat) -> None:
        """Say what of an existing chat differs from what is declared and cannot be changed."""
        declared = self._declared
        differing = [
            self._fixed("organization", chat["organization_id"], self._chats.organization_id),
            self._fixed("model", chat["model_id"], lambda model: self._chats.model_id(model, chat["organization_id"])),
        ]
        differing.append(self._fixed_mcp_servers(chat))
        effort = declared["reasoning_effort"]
        if effort and chat["reasoning_effort"] and effort != chat["reasoning_effort"]:
            differing.append(f"the reasoning effort {chat['reasoning_effort']}")
        told = [each for each in differing if each]
        if told:
            self._context.warn(
                f"The chat {self.label} keeps {' and '.join(told)}, which cannot be changed; begin another one if that "
                "matters."
            )

    def _warn_of_files(self, chat: Chat) -> None:
        """Say which files the chat does not carry: they go with a prompt that is sent, and only then."""
        missing = [] if self._said else self._attachments.missing_in(chat["files"])
        if missing:
            self._context.warn(
                f"The chat {self.label} does not carry {', '.join(missing)}: files go with a prompt when it is sent. "
                "Send them with coder.tasks.chat_send."
            )

    def _fixed_mcp_servers(self, chat: Chat) -> str | None:
        wanted, current = self._declared["mcp_servers"], chat["mcp_server_ids"]
        if wanted is None:
            return None
        try:
            same = sorted(self._chats.mcp_server_ids(wanted, chat["organization_id"])) == sorted(current)
        except CoderError as error:
            self._context.warn(f"The MCP servers of the chat {self.label} could not be compared: {error.message}")
            return None
        return None if same else f"the MCP servers {', '.join(current) or 'none'}"

    def _fixed(self, option: str, current: str | None, resolve: Callable[[str], str]) -> str | None:
        given: Mapping[str, Any] = self._declared
        if given[option] is None:
            return None
        try:
            return None if resolve(given[option]) == current else f"the {option} {current}"
        except CoderError as error:
            # What is only compared must not stand in the way of what is to be done.
            self._context.warn(f"The {option} of the chat {self.label} could not be compared: {error.message}")
            return None

    def _follow_prompt(self, chat: Chat) -> Chat:
        """Act on a prompt that the chat was not told."""
        wanted, how = self._declared["prompt"], self._declared["on_prompt_change"]
        if wanted is None:
            return chat
        with attempting(f"tell the chat {self.label} its prompt"):
            first = self._chats.first_prompt(chat, self._waiter)
            if first is None and not self._context.check_mode:
                # It is just being created, or its creator was ended before it could say anything.
                first = self._chats.first_prompt(chat, self._waiter, FIRST_MESSAGE)
            if first is None:
                return self._tell(chat, wanted)
            if _same(first, wanted) or (how != "edit" and self._was_told(chat, wanted)):
                return chat
            if how == "fail":
                raise CoderError(
                    "the prompt differs from what the chat was told and on_prompt_change=fail", "conflict",
                    hint="Use on_prompt_change=send, edit or ignore.",
                )
            if how == "send":
                return self._tell(chat, wanted)
            if how == "edit":
                return self._edit(chat, wanted)
        self._context.warn(
            f"The prompt differs from what the existing chat {self.label} was told and is not used; see "
            "'on_prompt_change'."
        )
        return chat

    def _upload(self, organization_id: str) -> tuple[str, ...]:
        return tuple(self._attachments.upload(self._chats, organization_id))

    def _was_told(self, chat: Chat, text: str) -> bool:
        log = self._chats.messages(chat)
        said = [message["text"] for message in log.messages if message["input"]]
        return any(_same(each, text) for each in (*said, *(queued["text"] for queued in log.queue)))

    def _tell(self, chat: Chat, text: str) -> Chat:
        self._said = True
        if not self._context.check_mode:
            file_ids = self._upload(chat["organization_id"])
            with self._attachments.told_of():
                self._chats.tell(chat, text, self._waiter, file_ids)
        self.changed = True
        return self._look(chat)

    def _edit(self, chat: Chat, text: str) -> Chat:
        self._said = True
        if not self._context.check_mode:
            file_ids = self._upload(chat["organization_id"])
            with self._attachments.told_of():
                self._chats.edit(chat, text, self._waiter, file_ids)
        self.changed = True
        return self._look(chat)

    # States

    def _ensure_idle(self, chat: Chat) -> Chat:
        if self._chats.judge(chat, "idle").reached:
            return chat
        if self._context.check_mode:
            self.changed = True
            return _at_rest(chat)
        with attempting(f"stop the chat {self.label}"):
            self.changed = self._chats.stop(chat, self._waiter, self.discarded) or self.changed
        return self._settle(self._look(chat))

    def _ensure_archived(self, chat: Chat) -> Chat:
        if chat["archived"]:
            return chat
        with attempting(f"archive the chat {self.label}"):
            if self._guard:
                self._guard(chat)
            if self._context.check_mode:
                self.changed = True
                return _at_rest(chat, archived=True)
            if self._guard:
                archived = self._chats.archive_at_rest(chat, self._waiter)
            else:
                archived = self._chats.archive(chat, self._waiter, self.discarded)
            self.changed = archived or bool(self.discarded) or self.changed
            return self._look(chat)

    def _look(self, chat: Chat) -> Chat:
        if self._context.check_mode:
            return chat
        now = self._chats.refresh(chat)
        if now is None:
            raise CoderError(f"the chat {chat['id']} is gone, or not to be seen any more", "not_found")
        self._seen = now
        return now

    def _settle(self, chat: Chat) -> Chat:
        """The chat in its final state, waited for if that was asked."""
        if self._context.check_mode or self._goal in (None, "ready"):
            return chat
        return self._waiter.wait_for(self._chats, chat, self._goal or "")


def _with(chat: Chat, fields: dict[str, Any]) -> Chat:
    changed: Any = {**chat, **fields}
    result: Chat = changed
    return result


def _at_rest(chat: Chat, **more: Any) -> Chat:
    """A family as it would be without a turn. :param more: fields that each member of it would have."""
    stopped: dict[str, Any] = {"status": "waiting", "busy": False} if is_at_work(chat) else {}
    return _with(chat, {**stopped, **more, "children": [_at_rest(child, **more) for child in chat["children"]]})


def _same(one: str, other: str) -> bool:
    """Whether two texts are the same to a server, which trims them."""
    return one.strip() == other.strip()


def diff_of(before: Chat | None, after: Chat | None, changed: bool) -> dict[str, Any]:
    """Before and after in the fields that a person would want to see change; equal when nothing was changed."""
    old = _shown(before)
    return {"before": old, "after": _shown(after) if changed else old}


def _shown(chat: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: chat[name] for name in DIFF_FIELDS} if chat else {}
