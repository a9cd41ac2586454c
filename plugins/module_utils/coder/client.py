# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The API client: one method an endpoint, in any dialect. Knows HTTP and Coder, not Ansible and not waiting."""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Callable, NamedTuple, TypeVar

from . import models
from .connection import Connection
from .dialect import (
    COMPLETE,
    EXPERIMENTAL,
    FIRST_TASKS,
    STABLE,
    WORKSPACE_TASKS,
    Dialect,
    Version,
    dialect_for,
    no_tasks,
    parse_version,
)
from .errors import AnswerLost, CoderError, NotReady, RouteNotFound, attempting, invalid
from .names import check_owner, is_uuid, reads_as_uuid, split_reference, two_owners
from .transport import Allowance, Response, Transport, segment

# AgentAPI may type for 17 s before it answers, and an unreachable agent costs the server 30 s (docs/contract.md,
# Sending), so a send waits longer than other requests.
SEND_TIMEOUT = 60.0
PAGE = 100
AUTHCHECK_TRIES = 3
BUSY = "Task app is not ready to accept input."
# AgentAPI's words inside Coder's answer: it was busy; it typed the input and gave up waiting for the agent.
STATUS_GATES_INPUT = "waiting for user input"
TYPED_ONLY = "wait for processing to start"


Client = TypeVar("Client", bound="CoderClient")
Item = TypeVar("Item")


class Log(NamedTuple):
    """A task's conversation as the server gave it.

    ``source`` is live, snapshot or none; ``reason`` says why there is none. ``refused`` tells a server that refused,
    because of the task's state, from one that says itself that there is none.
    """

    messages: list[dict[str, Any]]
    source: str
    snapshot_at: str | None = None
    reason: str | None = None
    refused: bool = False


# Keys whose value is text wherever Coder has them.
_TEXTS = (
    "id", "ID", "name", "Name", "username", "owner_name", "status", "version", "value", "organization_id",
    "active_version_id", "workspace_id", "transition",
)  # fmt: skip
_OBJECTS = ("latest_build", "workspace_build")


def _object(data: Any, path: str, *keys: str) -> dict[str, Any]:
    """The answer, if it is an object with these keys. :raises CoderError: it is not, so it is not Coder's."""
    if isinstance(data, dict) and all(key in data and _is_sound(key, data[key]) for key in keys):
        return data
    raise _not_coders(path)


def _is_sound(key: str, value: Any) -> bool:
    """Whether a value has the type that Coder gives this key; of other keys any type will do."""
    if key in _TEXTS:
        return isinstance(value, str)
    return isinstance(value, dict) if key in _OBJECTS else True


def _not_coders(path: str) -> CoderError:
    hint = "Check 'url' and any proxy before the server."
    return CoderError(f"the answer of {path} is not what Coder answers", "protocol", path=path, hint=hint)


def _objects(data: Any, path: str, *keys: str) -> list[dict[str, Any]]:
    """The list of such objects; Go writes an empty one as null."""
    if data is None:
        return []
    if isinstance(data, list):
        return [_object(item, path, *keys) for item in data]
    raise _not_coders(path)


def _messages(data: Any, path: str) -> list[dict[str, Any]]:
    """The messages of a log, in the order of the server. :raises CoderError: one of them is none."""
    messages = [models.message_from(entry) for entry in _objects(data, path)]
    if None in messages:
        raise _not_coders(path)
    return [message for message in messages if message]


def _workspace(data: Any, path: str) -> dict[str, Any]:
    """A workspace with its latest build and, where they run, agents and apps. :raises CoderError: it is none."""
    workspace = _object(data, path, "id", "name", "owner_name", "latest_build")
    build = _object(workspace["latest_build"], path, "transition")
    _object(build.get("job") or {}, path)
    for resource in _objects(build.get("resources"), path):
        for agent in _objects(resource.get("agents"), path):
            _objects(agent.get("apps"), path)
    return workspace


class Malformed(CoderError):
    """One item of a list is not what Coder answers. ``label``: what can be told of its name."""

    label = ""


def _each(items: Any, path: str, read: Callable[[Any], Item], malformed: Callable[[Malformed], None]) -> list[Item]:
    """The items of a list that can be read; the others are told one by one.

    :raises CoderError: it is no list, or nothing in it can be read.
    """
    if items is None:
        return []  # Go writes an empty list so
    if not isinstance(items, list):
        raise _not_coders(path)
    sound: list[Item] = []
    refused: list[Malformed] = []
    for item in items:
        try:
            sound.append(read(item))
        except CoderError as error:
            problem = error.copy_as(Malformed)
            problem.label = _label(item)
            refused.append(problem)
    if refused and not sound:
        raise refused[0]
    for problem in refused:
        problem.hint = "It is left out; all others are there."
        malformed(problem)
    return sound


def _identity(item: Any) -> str:
    """By what an item is told from the others, on whichever page it stands."""
    return str(item["id"] if isinstance(item, dict) and "id" in item else item)


def _label(item: Any) -> str:
    """The name of a thing that is not what it should be, as far as it has one."""
    fields = item if isinstance(item, dict) else {}
    owner, name = fields.get("owner_name"), fields.get("name") or fields.get("id")
    return "/".join(part for part in (owner, name) if isinstance(part, str) and part) or "one without a name"


def refuse(problem: Malformed) -> None:
    """Of a caller that needs the whole list."""
    raise problem


def is_app_answer(message: str) -> bool:
    """Whether a 5xx is Coder's word about the task's app or its log, which asking again at once does not change."""
    lowered = message.lower()
    return "task app" in lowered or "sidebar app" in lowered or message in _UNREADABLE


def _to_nobody(what: str) -> None:
    return None


class CoderClient:
    """One server and one user's token.

    :param sharing: a client of the same call and transport, for a second one that knows and reports the same.
    """

    def __init__(self, transport: Transport, sharing: CoderClient | None = None) -> None:
        self.transport = transport
        # Refuse every write: set in check mode.
        self.read_only: bool = sharing.read_only if sharing else False
        self._note_write: Callable[[str], None] = sharing._note_write if sharing else _to_nobody
        self._cache: dict[Any, Any] = sharing._cache if sharing else {}
        self._cache_lock: Any = sharing._cache_lock if sharing else threading.RLock()

    @classmethod
    def connect(cls, connection: Connection, clock: Any) -> CoderClient:
        """:raises CoderError: the connection's options cannot be right."""
        return cls(Transport(connection, clock))

    def reporting_to(self: Client, note_write: Callable[[str], None]) -> Client:
        """The same session, as one call has it.

        :param note_write: told of each request that wrote, or may have written, such as ``POST /api/v2/tasks/alice``.
        """
        client = copy.copy(self)
        client._note_write = note_write
        return client

    def reader(self: Client) -> Client:
        """The same session, refusing every write: for check mode."""
        client = copy.copy(self)
        client.read_only = True
        return client

    # Requests

    def _request(self, method: str, path: str, **options: Any) -> Response:
        if self.read_only and method not in ("GET", "HEAD"):
            raise CoderError(f"{method} {path} was about to be sent in check mode", "invalid")
        if method in ("GET", "HEAD"):
            return self.transport.request(method, path, **options)
        try:
            response = self.transport.request(method, path, **options)
        except CoderError as error:
            if _may_be_done(error):
                self._note_write(f"{method} {path}")
            raise
        self._note_write(f"{method} {path}")
        return response

    def _get(self, path: str, *keys: str, **options: Any) -> dict[str, Any]:
        """A JSON object that has these keys."""
        return _object(self._request("GET", path, **options).data, path, *keys)

    def _get_list(self, path: str, *keys: str, **options: Any) -> list[dict[str, Any]]:
        """A JSON list of objects that have these keys."""
        return _objects(self._request("GET", path, **options).data, path, *keys)

    def forget(self) -> None:
        """Before another call on this session: what may be different by now is to be asked for anew.

        Presets and parameters of a version are final once it is imported, so they are forgotten only where there were
        none.
        """
        for key, known in list(self._cache.items()):
            if key[0] in ("templates", "versions") or not known:
                del self._cache[key]

    def _remember(self, key: Any, ask: Any) -> Any:
        """What does not change while a session lives is asked for once, also by threads that want it at once."""
        if key not in self._cache:
            with self._cache_lock:
                if key not in self._cache:
                    self._cache[key] = ask()
        return self._cache[key]

    # Server

    @property
    def version(self) -> Version:
        """The server's build version."""
        return self._remember("version", self._ask_version)

    def _ask_version(self) -> Version:
        with attempting("read the server's version"):
            try:
                data = self._get("/api/v2/buildinfo", "version")
            except RouteNotFound as error:
                raise CoderError(
                    f"{self.transport.base_url} is not the address of a Coder server: it has no /api/v2/buildinfo",
                    "protocol", status=error.status, method=error.method, path=error.path,
                    hint="Check 'url'.",
                ) from None
        return parse_version(str(data["version"]))

    @property
    def dialect(self) -> Dialect:
        """How this server speaks. :raises CoderError: it has no tasks."""
        return self._remember("dialect", self._find_dialect)

    def _find_dialect(self) -> Dialect:
        version = self.version
        dialect = dialect_for(version)
        if dialect is not None:
            return dialect
        if version.numbers != (0, 0, 0) and not version.development:
            raise no_tasks(version)
        return self._probe_dialect()

    def _probe_dialect(self) -> Dialect:
        """Ask a server whose version says nothing: which list is there, and does it know a task's own statuses."""
        query = {"q": "owner:me status:active"}
        for prefix in (STABLE, EXPERIMENTAL):
            try:
                self._get(prefix, params=query)
            except RouteNotFound:
                continue
            except CoderError as error:
                if prefix == EXPERIMENTAL and error.status == 400:
                    return WORKSPACE_TASKS
                raise
            return COMPLETE if prefix == STABLE else FIRST_TASKS
        raise no_tasks(self.version)

    def _needs_route(self, error: RouteNotFound) -> CoderError:
        """The list itself is missing: say what this version did with tasks."""
        found = no_tasks(self.version)
        found.status, found.method, found.path = error.status, error.method, error.path
        return found

    # Rights

    def may_read_tasks(self, **where: Any) -> bool:
        """Whether the token may read every task of a place: ``organization_id=``, ``any_org=True``, or the whole site.

        A POST that writes nothing and needs no right of its own, so check mode sends it, and a lost answer is asked for
        again.

        :raises CoderError: the server did not answer.
        """
        checks = {"checks": {"tasks": {"object": {"resource_type": "task", **where}, "action": "read"}}}
        for _lost in range(AUTHCHECK_TRIES - 1):
            with suppress(AnswerLost):
                return self._authcheck(checks)
        return self._authcheck(checks)

    def _authcheck(self, checks: dict[str, Any]) -> bool:
        path = "/api/v2/authcheck"
        return _object(self.transport.request("POST", path, body=checks).data, path, "tasks")["tasks"] is True

    # People and organizations

    def user(self, name: str = "me") -> dict[str, Any]:
        """A user by name or UUID. :raises CoderError: unknown, or not to be seen with this token."""
        try:
            path = f"/api/v2/users/{segment(name)}"
            return self._remember(("user", name), lambda: self._get(path, "id", "username"))
        except CoderError as error:
            raise self._explain_owner(error, name) from None

    def username(self, owner: str) -> str:
        """The owner as tasks name it; only `me` and UUIDs are asked for."""
        return self.user(owner)["username"] if owner == "me" or is_uuid(owner) else owner

    @staticmethod
    def _explain_owner(error: CoderError, name: str) -> CoderError:
        """Servers answer an unknown user with 404 or, before 2.30, with a 400 about "user"."""
        unknown = error.kind == "not_found" or (error.status == 400 and error.server_message.startswith('"user"'))
        if not unknown:
            return error
        error.kind = "not_found"
        error.reason = f"the user {name!r} does not exist or cannot be seen with this token"
        error.hint = "Give a username or a user's UUID" + ("; an e-mail address does not work." if "@" in name else ".")
        return error

    def organization(self, name: str) -> dict[str, Any]:
        """An organization by name or UUID; `default` is the default one."""
        try:
            path = f"/api/v2/organizations/{segment(name)}"
            return self._remember(("organization", name), lambda: self._get(path, "id", "name"))
        except CoderError as error:
            if error.kind == "not_found":
                known = ", ".join(sorted(item["name"] for item in self._get_list("/api/v2/organizations", "name")))
                error.reason = f"the organization {name!r} does not exist or cannot be seen with this token"
                error.hint = f"You can see: {known or 'none'}."
            raise

    # Tasks

    def _task(self, data: Any) -> dict[str, Any]:
        problem = models.task_problem(data)
        if problem:
            error = _not_coders(self.dialect.prefix).copy_as(Malformed)
            error.label = _label(data)
            error.reason = f"the task {error.label!r} is not what Coder answers: {problem}"
            raise error
        return models.task_from(data, self.dialect, self.transport.base_url)

    def _task_path(self, task: dict[str, Any], *rest: str) -> str:
        try:
            return "/".join([self.dialect.prefix, segment(task["owner_name"]), segment(task["id"]), *rest])
        except CoderError:
            raise CoderError(
                "the server lists it with an owner or an id that cannot be right", "protocol",
                hint="Look at this task on the server.",
            ) from None

    def list_tasks(
        self,
        owner: str | None = None,
        organization: str | None = None,
        status: str | None = None,
        malformed: Callable[[Malformed], None] = refuse,
    ) -> list[dict[str, Any]]:
        """Every task that the token may see, newest first, filtered by the server where it has the filter.

        :param malformed: told of each task that cannot be read and so is not in the result; by default that is an
            error, as it always is where no task of the list can be read.
        :raises CoderError: the owner or the organization is unknown.
        """
        listed = self._listed(self._query(owner, organization, status), owner)
        tasks = _each(listed, self.dialect.prefix, self._task, malformed)
        return [task for task in tasks if task["status"] == (status or task["status"]) != models.DELETED]

    def _query(self, owner: str | None, organization: str | None, status: str | None) -> str:
        """The list's query. :raises CoderError: the owner or the organization is unknown, or cannot be one."""
        terms = []
        # An empty text is a variable that was not set, never a wish for everybody's tasks.
        if owner is not None:
            terms.append(f"owner:{self._owner_term(owner)}")
        if organization is not None:
            if not organization:
                raise invalid("'organization' is empty", "Give its name or UUID, or leave the option out.")
            name = organization if is_uuid(organization) else self.organization(organization)["name"]
            terms.append(f"organization:{name}")
        if status and not self.dialect.workspace_statuses:
            terms.append(f"status:{status}")
        return " ".join(terms)

    def _listed(self, query: str, owner: str | None) -> list[dict[str, Any]]:
        """What the list has for a query. :raises CoderError: the server has no tasks, or no such owner."""
        try:
            return self._list_pages(query) if self.dialect.paged else self._list_page({"q": query} if query else {})
        except RouteNotFound as error:
            raise self._needs_route(error) from None
        except CoderError as error:
            if owner and any(item["field"] == "owner" for item in error.validations):
                error.kind = "not_found"
                raise self._explain_owner(error, owner) from None
            raise

    def _owner_term(self, owner: str) -> str:
        """The owner as the list's query wants it.

        Era S answers an unknown owner, and any UUID, with an empty list, so there the name is looked up first.
        """
        check_owner(owner)
        if any(sign in owner for sign in ' :"\t\n'):
            raise invalid(f"{owner!r} is not a username", "Give a username or a user's UUID.")
        if owner != "me" and self.dialect.workspace_statuses:
            return self.user(owner)["username"]
        return owner

    def _list_pages(self, query: str) -> list[Any]:
        """All pages, which together may take no longer and be no larger than one answer: a list may have no end.

        The list puts running tasks first, so one that starts or stops between two pages can slip through: what is
        longer than a page is read until nothing new comes.
        """
        within = self.transport.allowance()
        listed: dict[str, Any] = {}
        while True:
            known = len(listed)
            pages = list(self._pages({"q": query} if query else {}, within))
            for page in pages:
                listed.update((_identity(task), task) for task in page)
            if len(pages) == 1 or len(listed) == known:
                return list(listed.values())

    def _pages(self, params: dict[str, Any], within: Allowance) -> Iterator[list[Any]]:
        """One reading from the first page to the first that is not full, or that the server gives again."""
        offset = 0
        last: list[Any] = []
        while True:
            page = self._list_page({**params, "limit": PAGE, "offset": offset}, within=within)
            yield page
            offset += len(page)
            if len(page) != PAGE or page == last:
                return
            last = page

    def _list_page(self, params: dict[str, Any], **options: Any) -> list[Any]:
        path = self.dialect.prefix
        page = self._get(path, "tasks", params=params, **options)["tasks"] or []
        if not isinstance(page, list):
            raise _not_coders(path)
        return page

    def owner_and_name(self, reference: str, owner: str) -> tuple[str, str]:
        """(owner, name or UUID) of a task given as `name`, `owner/name` or UUID.

        :raises CoderError: it can be neither, or ``owner`` is another user than the one it names.
        """
        named, name = split_reference(reference, owner)
        if owner != "me" and named.lower() != owner.lower() and self.user(named)["id"] != self.user(owner)["id"]:
            raise two_owners(reference, owner)
        return named, name

    def find_task(self, reference: str, owner: str = "me") -> dict[str, Any] | None:
        """The task, or None where there is none or this token may not see it.

        :param reference: a name, `owner/name` or a UUID.
        :raises CoderError: the owner is unknown or contradicts the reference, or the server has no tasks.
        """
        owner, name = self.owner_and_name(reference, owner)
        task = self._find_task(owner, name)
        if task is None and owner != "me":
            # The same 404 as for an unknown user since 2.30, and an empty list in era S.
            self.user(owner)
        return task

    def _find_task(self, owner: str, name: str) -> dict[str, Any] | None:
        dialect = self.dialect
        if is_uuid(name) or (dialect.names and not reads_as_uuid(name)):
            return self._get_task(owner, name)
        if dialect.workspace_statuses:
            workspace = self.find_workspace(owner, name)
            return self._get_task(owner, workspace["id"]) if workspace else None
        # In 2.28 a path takes a task's id only, and later it takes 32 digits for one.
        listed = self.list_tasks(owner=owner)
        return next((task for task in listed if task["name"].lower() == name.lower()), None)

    def _get_task(self, owner: str, name: str) -> dict[str, Any] | None:
        try:
            data = self._get(f"{self.dialect.prefix}/{segment(owner)}/{segment(name)}")
        except RouteNotFound as error:
            raise self._needs_route(error) from None
        except CoderError as error:
            if error.status == 404:
                return None
            raise self._explain_owner(error, owner) from None
        task = self._task(data)
        if self.dialect.workspace_statuses and task["workspace_status"] == "pending":
            # Era S does not tell which build is queued.
            workspace = self.workspace(task["id"]) or {"latest_build": {"transition": "delete"}}
            task["status"] = models.queued_status(workspace["latest_build"]["transition"])
        return None if task["status"] == models.DELETED else task

    def get_task(self, reference: str, owner: str = "me") -> dict[str, Any]:
        """Like :meth:`find_task`. :raises CoderError: kind not_found, naming the user it was looked for under."""
        task = self.find_task(reference, owner)
        if task is None:
            owner, name = split_reference(reference, owner)
            whose = "you have" if owner == "me" else f"the user {owner!r} has"
            raise CoderError(
                f"{whose} no task {name!r}, or this token may not see it", "not_found", status=404,
                hint="List the tasks with coder.tasks.task_info.",
            )
        return task

    def refresh(self, task: dict[str, Any]) -> dict[str, Any] | None:
        """The same task as it is now, None when it is gone."""
        return self._get_task(task["owner_name"], task["id"])

    def create_task(self, owner: str, body: dict[str, Any]) -> dict[str, Any]:
        """POST a task. :param body: template_version_id, input, name, and optionally preset and display name."""
        path = f"{self.dialect.prefix}/{segment(owner)}"
        try:
            return self._task(self._request("POST", path, body=body).data)
        except RouteNotFound as error:
            raise self._needs_route(error) from None
        except CoderError as error:
            if is_template_problem(error):
                raise
            if error.status == 404:
                # An unknown owner gets the same answer; this raises for one.
                error.reason = (
                    f"Coder lets the user {self.user(owner)['username']!r} have no task of this template: the user is not "
                    "in the template's organization, or this token may not create workspaces there"
                )
                error.hint = "Add the user to the organization, or choose a template of another one."
                raise
            raise self._explain_owner(error, owner) from None

    def delete_task(self, task: dict[str, Any]) -> None:
        """Start the task's removal; its workspace's delete build runs on."""
        self._request("DELETE", self._task_path(task))

    def update_input(self, task: dict[str, Any], text: str) -> None:
        """Replace the prompt of a paused task."""
        if not self.dialect.update_input:
            raise CoderError(
                f"this server ({self.version.text}) cannot change the prompt of a task", "unsupported",
                hint="That needs Coder 2.29; with on_input_change=recreate the task is made anew.",
            )
        self._request("PATCH", self._task_path(task, "input"), body={"input": text})

    def pause(self, task: dict[str, Any]) -> dict[str, Any]:
        """Stop the task's workspace. :returns: the stop build."""
        return self._switch(task, "pause", "stop")

    def resume(self, task: dict[str, Any]) -> dict[str, Any]:
        """Start the task's workspace; never call it on a running one: before 2.31.1 that restarts it."""
        return self._switch(task, "resume", "start")

    def _switch(self, task: dict[str, Any], verb: str, transition: str) -> dict[str, Any]:
        if self.dialect.pause:
            try:
                path = self._task_path(task, verb)
                answer = _object(self._request("POST", path).data, path, "workspace_build")
                return models.build_from(_object(answer["workspace_build"], path, "id"))
            except RouteNotFound:
                # A development build from before the route: its version said more than it has.
                self._cache["dialect"] = self.dialect._replace(pause=False)
        return self.build_workspace(task["workspace_id"], transition)

    def send(self, task: dict[str, Any], text: str) -> None:
        """Give the agent input.

        :raises NotReady: nothing reached the agent, and the same request may succeed later.
        :raises AnswerLost: the input may or may not have reached the agent.
        :raises CoderError: nothing reached the agent; kind unavailable when it is out of reach.
        """
        try:
            self._request(
                "POST", self._task_path(task, "send"), body={"input": text},
                timeout=max(SEND_TIMEOUT, self.transport.connection.timeout), final=is_app_answer,
            )
        except CoderError as error:
            raise _explain_send(error) from None

    def logs(self, task: dict[str, Any]) -> Log:
        """The conversation: live from a running agent, else the snapshot.

        A state that has no log to give, a 409 or its older forms, is a :class:`Log` with source none and a reason.

        :raises CoderError: kind unavailable when the agent cannot be reached.
        """
        try:
            data = self._get(self._task_path(task, "logs"), "logs", final=is_app_answer)
        except CoderError as error:
            reason = _no_log_reason(error)
            if reason is None:
                raise _explain_app(error) from None
            if not self.dialect.snapshots:
                reason += f" This server ({self.version.text}) has logs of running tasks only."
            return Log([], "none", reason=reason, refused=True)
        messages = _messages(data["logs"], self._task_path(task, "logs"))
        if not data.get("snapshot"):
            return Log(messages, "live")
        taken_at = data.get("snapshot_at")
        if taken_at and isinstance(taken_at, str):
            return Log(messages, "snapshot", taken_at)
        if task.get("workspace_build_number") == 1:
            return Log([], "none", reason="The workspace starts for the first time; its agent has said nothing yet.")
        return Log([], "none", reason="No snapshot was saved when the workspace stopped.")

    # Workspaces and builds

    def find_workspace(self, owner: str, name: str) -> dict[str, Any] | None:
        """A workspace that is not deleted, by its owner and name."""
        path = f"/api/v2/users/{segment(owner)}/workspace/{segment(name)}"
        try:
            return _workspace(self._get(path), path)
        except CoderError as error:
            if error.status in (404, 410):
                return None
            raise self._explain_owner(error, owner) from None

    def list_workspaces(
        self, owner: str | None = None, malformed: Callable[[Malformed], None] = refuse
    ) -> list[dict[str, Any]]:
        """Every workspace that the token may see and that is not deleted, of one owner or of all.

        :param malformed: as in :meth:`list_tasks`.
        """
        path = "/api/v2/workspaces"
        params = {} if owner is None else {"q": f"owner:{self._owner_term(owner)}"}
        listed = self._get(path, "workspaces", params=params)["workspaces"]
        return _each(listed, path, lambda item: _workspace(item, path), malformed)

    def workspace(self, workspace_id: str) -> dict[str, Any] | None:
        """A workspace by its UUID; None once it is deleted."""
        path = f"/api/v2/workspaces/{segment(workspace_id)}"
        try:
            return _workspace(self._get(path), path)
        except CoderError as error:
            if error.status in (404, 410):
                return None
            raise

    def build_workspace(self, workspace_id: str, transition: str) -> dict[str, Any]:
        """Start a build: start, stop or delete."""
        path = f"/api/v2/workspaces/{segment(workspace_id)}/builds"
        return models.build_from(_object(self._request("POST", path, body={"transition": transition}).data, path, "id"))

    def build_parameters(self, build_id: str) -> dict[str, str]:
        """Parameters that a workspace build was made with."""
        path = f"/api/v2/workspacebuilds/{segment(build_id)}/parameters"
        return {item["name"]: item["value"] for item in self._get_list(path, "name", "value")}

    def build(self, build_id: str) -> dict[str, Any]:
        """A workspace build, whole as the server gives it."""
        return self._get(f"/api/v2/workspacebuilds/{segment(build_id)}", "id", "workspace_id")

    def build_log(self, build_id: str) -> list[dict[str, Any]]:
        """The log of a workspace build, oldest first: rows of ``log_level``, ``stage`` and ``output``."""
        return self._get_list(f"/api/v2/workspacebuilds/{segment(build_id)}/logs", "output")

    def prompts(self, build_ids: list[str]) -> dict[str, str]:
        """Prompts by build id from the endpoint that servers up to 2.28 have; unknown ids are left out."""
        path = "/api/experimental/aitasks/prompts"
        found = _object(self._get(path, "prompts", params={"build_ids": ",".join(build_ids)})["prompts"], path)
        return {build_id: text for build_id, text in found.items() if isinstance(text, str)}

    # Templates

    def templates(self, organization: str | None = None) -> list[dict[str, Any]]:
        """Templates that can run tasks, as the server gives them."""
        query = "has-ai-task:true"
        if organization:
            query += f" organization:{self.organization(organization)['name']}"

        def ask() -> list[dict[str, Any]]:
            keys = ("id", "name", "organization_id", "active_version_id")
            return self._get_list("/api/v2/templates", *keys, params={"q": query})

        return self._remember(("templates", organization), ask)

    def template_versions(self, template_id: str) -> list[dict[str, Any]]:
        """All versions of a template."""
        path = f"/api/v2/templates/{segment(template_id)}/versions"
        return self._remember(("versions", template_id), lambda: self._get_list(path, "id", "name"))

    def presets(self, version_id: str) -> list[dict[str, Any]]:
        """Presets of a template version; the API answers null where there are none."""
        path = f"/api/v2/templateversions/{segment(version_id)}/presets"

        def ask() -> list[dict[str, Any]]:
            presets = self._get_list(path, "ID", "Name")
            for preset in presets:
                _objects(preset.get("Parameters"), path, "Name", "Value")
            return [models.preset_from(item) for item in presets]

        return self._remember(path, ask)

    def parameters(self, version_id: str) -> list[dict[str, Any]]:
        """Parameters of a template version."""
        path = f"/api/v2/templateversions/{segment(version_id)}/rich-parameters"

        def ask() -> list[dict[str, Any]]:
            parameters = self._get_list(path, "name")
            for parameter in parameters:
                _objects(parameter.get("options"), path)
            return [models.parameter_from(item) for item in parameters]

        return self._remember(path, ask)


def is_template_problem(error: CoderError) -> bool:
    """Whether a refused create is about the template, not about the user in the path."""
    return error.server_message.startswith("Template")


def is_name_taken(error: CoderError) -> bool:
    """Whether a create was refused because the name is in use.

    409 as a rule; two creators at once meet a unique index and the loser gets a 500.
    """
    return error.status == 409 or "tasks_owner_id_name_unique_idx" in (error.detail or "")


def is_build_active(error: CoderError) -> bool:
    """Whether a write was refused because the workspace is being built just now."""
    return error.status == 409 and "build" in error.server_message.lower()


def _explain_send(error: CoderError) -> CoderError:
    """Give a refused send the class that says whether the input reached the agent, or can be sent again."""
    error = _explain_app(error)
    detail = error.detail or ""
    if error.kind == "busy" or STATUS_GATES_INPUT in detail or error.server_message in _STARTING:
        error = error.copy_as(NotReady)
        error.kind = "busy" if STATUS_GATES_INPUT in detail else error.kind
    elif TYPED_ONLY in detail:
        # The keystrokes are in the terminal, and AgentAPI puts them on no record any more.
        error = error.copy_as(AnswerLost)
        error.may_still_show = False
    elif _broke_behind_coder(error) or _may_be_done(error):
        error = error.copy_as(AnswerLost)
    return error


def _broke_behind_coder(error: CoderError) -> bool:
    """Whether Coder's own connection to AgentAPI broke under way; a refused one cannot have brought the input."""
    detail = error.detail or ""
    return error.server_message == "Task app rejected the message." and 'Post "' in detail and "refused" not in detail


def _may_be_done(error: CoderError) -> bool:
    """Whether a write that failed may have been processed: its answer was lost, or is not Coder's.

    Coder gives its reason with each error, so a 5xx without one comes from something in front of it.
    """
    status = error.status or 0
    return isinstance(error, AnswerLost) or 200 <= status < 300 or (status >= 500 and not error.server_message)


def _explain_app(error: CoderError) -> CoderError:
    """Give an answer about the task's app the kind that says what to do, in every dialect."""
    message = error.server_message
    if message == BUSY:
        error.kind = "busy"
        error.hint = "The agent works on something; try again when it is idle."
    elif message == "Failed to reach task app endpoint.":
        error.kind = "unavailable"
        error.hint = "The workspace's agent cannot be reached; pause and resume the task to restart it."
    elif message in ("Failed to get status from task app.", "Failed to get messages from task app."):
        error.kind = "unavailable"
        error.hint = "AgentAPI does not answer inside the workspace; it may have died or still be starting."
    elif message in _UNREADABLE:
        error.kind = "unavailable"
        error.hint = "This one log holds what Coder cannot read back, such as an unknown role; the task itself is well."
    elif message in _NO_ADDRESS:
        error.kind = "unavailable"
        error.hint = "The template gives the agent's app no http address, so Coder cannot talk to it; correct that."
    elif message == "Internal error fetching task snapshot.":
        error.kind = "unavailable"
        error.hint = "Try again; if it stays, the server's log tells why."
    elif message.startswith("Task sidebar app is"):
        error.kind = "unavailable"
        error.hint = "The agent's app is not healthy yet; wait, or look at the workspace's logs."
    elif error.status in (400, 409) and _no_log_reason(error):
        error.kind = "conflict"
    return error


# What a workspace that starts answers to a send.
_STARTING = ("Task is pending.", "Task is initializing.", "Task sidebar app is initializing. Try again shortly.")
# A log that was saved, or is given by AgentAPI, in a form that the server refuses (docs/contract.md, Logs).
_UNREADABLE = (
    "Internal error decoding task snapshot.",
    "Unsupported task snapshot format.",
    "Invalid snapshot data.",
    "Invalid task app response.",
    "Invalid task app response message role.",
)
_NO_ADDRESS = (
    "Task app URL is not configured.",
    "Task sidebar app URL is not configured.",
    "Internal error parsing task app URL.",
    "Only http scheme is supported for direct agent-dial.",
)
_NOT_ACTIVE = (
    "Cannot fetch logs for task in current state.",
    "Task status must be active.",
    "Task must be active.",
    "Task is pending.",
    "Task is initializing.",
    "Task is paused.",
    "Task is not configured with a sidebar app.",
    "Task sidebar app not found in latest build.",
    "Task does not have a workspace.",
    "Task does not have a workspace app.",
)


def _no_log_reason(error: CoderError) -> str | None:
    """The server's words where a task's state has no agent to talk to (docs/contract.md, Logs)."""
    if error.status not in (400, 409) or error.server_message not in _NOT_ACTIVE:
        return None
    return f"{error.server_message} {error.detail}" if error.detail else error.server_message
