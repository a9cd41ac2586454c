# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The client of tasks: one method per endpoint, in any dialect. Knows HTTP and Coder, not Ansible and not waiting."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Callable

from ..answers import Malformed, a_list, an_object, each, malformed, not_coders, objects, refuse
from ..backend import EVERYTHING, Choice, Log, Message, lacking
from ..errors import REFUSALS, CoderError, RouteNotFound, invalid
from ..models import Build, app_health, build_from
from ..names import is_uuid, reads_as_uuid, split_reference
from ..server import Server, explain_owner
from ..transport import Allowance, segment
from . import models
from .dialect import (
    COMPLETE,
    EXPERIMENTAL,
    FEATURES,
    FIRST_TASKS,
    STABLE,
    WORKSPACE_TASKS,
    Dialect,
    absence,
    dialect_for,
    no_tasks,
)
from .models import NewTask, Task
from .refusals import explain_app, explain_send, is_app_answer, is_template_problem, no_log_reason, no_task_for
from .wholeness import completeness

# AgentAPI may type for 17 s before it answers, and an unreachable agent costs the server 30 s (docs/contract.md,
# Sending), so a send waits longer than other requests.
SEND_TIMEOUT = 60.0
PAGE = 100
# An id that no task has.
NO_TASK = "00000000-0000-0000-0000-000000000000"


class TasksClient(Server):
    """A server's tasks."""

    templates_that = " that can run tasks"

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

    def presence(self) -> str:
        """Whether the server has tasks: yes, hidden, removed or none. Asks for one that nobody has.

        :raises CoderError: it neither gave it nor refused it.
        """
        try:
            self._get(f"{self.dialect.prefix}/me/{NO_TASK}")
        except RouteNotFound:
            return absence(self.version)
        except CoderError as error:
            if error.kind == "unsupported":
                return absence(self.version)
            if error.kind not in REFUSALS:
                raise
        return "yes"

    def _needs_route(self, error: RouteNotFound) -> CoderError:
        """The list itself is missing: say what this version did with tasks."""
        return no_tasks(self.version).but(status=error.status, method=error.method, path=error.path)

    def require(self, feature: str) -> None:
        """:raises CoderError: kind unsupported, this server lacks one of the features of tasks."""
        if feature not in self.dialect.features:
            raise lacking(self.version.text, FEATURES[feature])

    # Tasks

    def _task(self, data: Any) -> Task:
        problem = models.task_problem(data)
        if problem:
            raise malformed(self.dialect.prefix, "task", data, problem)
        return models.task_from(data, self.dialect, self.transport.base_url)

    def _task_path(self, task: Task, *rest: str) -> str:
        try:
            return "/".join([self.dialect.prefix, segment(task["owner_name"]), segment(task["id"]), *rest])
        except CoderError:
            raise CoderError(
                "the server lists it with an owner or an id that cannot be right", "protocol",
                hint="Look at this task on the server.",
            ) from None

    def list_tasks(self, choice: Choice = EVERYTHING, told: Callable[[Malformed], None] = refuse) -> list[Task]:
        """Every task that the token may see, newest first, filtered by the server where it has the filter.

        :param told: of each task that cannot be read and so is not in the result; by default that is an error, as it
            always is where no task of the list can be read.
        :raises CoderError: the owner or the organization is unknown.
        """
        listed = self._listed(self._query(*choice), choice.owner)
        tasks = each(listed, self.dialect.prefix, self._task, told)
        return [task for task in tasks if task["status"] == (choice.status or task["status"]) != models.DELETED]

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
                raise explain_owner(error.but(kind="not_found"), owner) from None
            raise

    def _owner_term(self, owner: str) -> str:
        """The owner as the list's query wants it.

        Era S answers an unknown owner, and any UUID, with an empty list, so there the name is looked up first.
        """
        owner = super()._owner_term(owner)
        return self.user(owner)["username"] if owner != "me" and self.dialect.workspace_statuses else owner

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
        return a_list(self._get(path, "tasks", params=params, **options)["tasks"], path)

    def find_task(self, reference: str, owner: str = "me") -> Task | None:
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

    def _find_task(self, owner: str, name: str) -> Task | None:
        dialect = self.dialect
        if is_uuid(name) or (dialect.names and not reads_as_uuid(name)):
            return self._get_task(owner, name)
        if dialect.workspace_statuses:
            workspace = self.find_workspace(owner, name)
            return self._get_task(owner, workspace["id"]) if workspace else None
        # In 2.28 a path takes a task's id only, and later it takes 32 digits for one.
        malformed: list[Malformed] = []
        listed = self.list_tasks(Choice(owner), malformed.append)
        found = next((task for task in listed if task["name"].lower() == name.lower()), None)
        if found is None and malformed:
            refuse(malformed[0])  # it may be the one
        return found

    def _get_task(self, owner: str, name: str) -> Task | None:
        try:
            data = self._get(f"{self.dialect.prefix}/{segment(owner)}/{segment(name)}")
        except RouteNotFound as error:
            raise self._needs_route(error) from None
        except CoderError as error:
            if error.status == 404:
                return None
            raise explain_owner(error, owner) from None
        task = self._task(data)
        if self.dialect.workspace_statuses and task["workspace_status"] == "pending":
            # Era S does not tell which build is queued.
            workspace = self.workspace(task["id"]) or {"latest_build": {"transition": "delete"}}
            task["status"] = models.queued_status(workspace["latest_build"]["transition"])
        return None if task["status"] == models.DELETED else task

    def get_task(self, reference: str, owner: str = "me") -> Task:
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

    def refresh(self, task: Task) -> Task | None:
        """The same task as it is now, None when it is gone."""
        return self._get_task(task["owner_name"], task["id"])

    def create_task(self, owner: str, new: NewTask) -> Task:
        """POST a task. :raises CoderError: kind not_found, there is no such owner; or as the server refuses."""
        path = f"{self.dialect.prefix}/{segment(owner)}"
        wanted = {
            "template_version_id": new.version_id,
            "name": new.name,
            "input": new.input,
            "template_version_preset_id": new.preset_id,
            "display_name": new.display_name,
        }
        body = {name: value for name, value in wanted.items() if value is not None}
        try:
            return self._write("POST", path, lambda data, _path: self._task(data), body=body)
        except RouteNotFound as error:
            raise self._needs_route(error) from None
        except CoderError as error:
            if is_template_problem(error):
                raise
            if error.status == 404:
                # An unknown owner gets the same answer; asking for the user raises for one.
                raise no_task_for(error, self.user(owner)["username"]) from None
            raise explain_owner(error, owner) from None

    def delete_task(self, task: Task) -> None:
        """Start the task's removal; its workspace's delete build runs on."""
        self._request("DELETE", self._task_path(task))

    def update_input(self, task: Task, text: str) -> None:
        """Replace the prompt of a paused task. :raises CoderError: kind unsupported, this server cannot."""
        self.require("update_input")
        self._request("PATCH", self._task_path(task, "input"), body={"input": text})

    def pause(self, task: Task) -> Build:
        """Stop the task's workspace. :returns: the stop build."""
        return self._switch(task, "pause", "stop")

    def resume(self, task: Task) -> Build:
        """Start the task's workspace; never call it on a running one: before 2.31.1 that restarts it."""
        return self._switch(task, "resume", "start")

    def _switch(self, task: Task, verb: str, transition: str) -> Build:
        if self.dialect.pause:
            try:
                path = self._task_path(task, verb)
                return self._write("POST", path, _switched)
            except RouteNotFound:
                # A development build from before the route: its version said more than it has.
                self._cache["dialect"] = self.dialect._replace(pause=False)
        return self.build_workspace(task["workspace_id"], transition)

    def send(self, task: Task, text: str) -> None:
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
            raise explain_send(error) from None

    def logs(self, task: Task) -> Log:
        """The conversation: live from a running agent, else the snapshot.

        A state that has no log to give, a 409 or its older forms, is a :class:`Log` with source none and a reason.

        :raises CoderError: kind unavailable when the agent cannot be reached.
        """
        try:
            data = self._get(self._task_path(task, "logs"), "logs", final=is_app_answer)
        except CoderError as error:
            reason = no_log_reason(error)
            if reason is None:
                raise explain_app(error) from None
            if not self.dialect.snapshots:
                reason += f" This server ({self.version.text}) has logs of running tasks only."
            return Log([], "none", reason=reason, refused=True)
        messages = _messages(data["logs"], self._task_path(task, "logs"))
        if not data.get("snapshot"):
            return Log(messages, "live", completeness(messages, "live", task))
        taken_at = data.get("snapshot_at")
        if taken_at and isinstance(taken_at, str):
            return Log(messages, "snapshot", completeness(messages, "snapshot", task), taken_at)
        if task.get("workspace_build_number") == 1:
            return Log([], "none", reason="The workspace starts for the first time; its agent has said nothing yet.")
        return Log([], "none", reason="No snapshot was saved when the workspace stopped.")

    def app_health(self, task: Task) -> str | None:
        """Health of the task's app, where its status does not tell of it.

        Era S calls a workspace running while its app still answers 503.

        :returns: None where the status tells of it, or there is no app.
        """
        if self.dialect.app_health_visible:
            return None
        return app_health(self.workspace(task["workspace_id"]), task["workspace_app_id"])

    def prompts(self, build_ids: list[str]) -> dict[str, str]:
        """Prompts by build id from the endpoint that servers up to 2.28 have; unknown ids are left out."""
        path = "/api/experimental/aitasks/prompts"
        found = an_object(self._get(path, "prompts", params={"build_ids": ",".join(build_ids)})["prompts"], path)
        return {build_id: text for build_id, text in found.items() if isinstance(text, str)}

    def templates(self, organization: str | None = None) -> list[dict[str, Any]]:
        """Templates that can run tasks, as the server gives them."""
        return self._templates("has-ai-task:true", organization)


def _messages(data: Any, path: str) -> list[Message]:
    """The messages of a log, in the order of the server. :raises CoderError: one of them is none."""
    messages = [models.message_from(entry) for entry in objects(data, path)]
    if None in messages:
        raise not_coders(path)
    return [message for message in messages if message]


def _identity(item: Any) -> str:
    """By what an item is told from the others, on whichever page it stands."""
    return str(item["id"] if isinstance(item, dict) and "id" in item else item)


def _switched(data: Any, path: str) -> Build:
    answer = an_object(data, path, "workspace_build")
    return build_from(an_object(answer["workspace_build"], path, "id"))
