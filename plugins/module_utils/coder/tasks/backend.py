# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tasks as the operations see them: the backend of :mod:`..backend`, and what only tasks have."""

from __future__ import annotations

from typing import Any, Callable

from .. import templates
from ..answers import Malformed
from ..backend import Ailment, Choice, Log, Sent
from ..errors import CoderError, RouteNotFound
from ..models import Parameter, Preset
from ..names import is_uuid
from ..server import Server
from ..templates import Difference, Origin, TemplateChoice, Wanted
from ..waiter import Verdict, Waiter
from . import health, wait
from .client import TasksClient
from .dialect import FEATURES
from .lifecycle import Created, Lifecycle
from .models import TASK_FIELDS, NewTask, Task
from .prompts import PROMPT_PARAMETER, Prompt, prompts_of
from .refusals import hidden_log, log_may_come


class TasksBackend:
    """The tasks of one server, seen with one user's token.

    :param server: a client of the server; one of tasks, if it is to be asked by that one.
    """

    noun = "task"

    def __init__(self, server: Server) -> None:
        self._client = server if isinstance(server, TasksClient) else TasksClient(server.transport, sharing=server)

    # What this server can

    @property
    def version(self) -> str:
        """See :attr:`Backend.version`."""
        return self._client.version.text

    @property
    def features(self) -> frozenset[str]:
        """See :attr:`Backend.features`; the names are those of :data:`.dialect.FEATURES`."""
        return self._client.dialect.features

    def presence(self) -> str:
        """See :meth:`.client.TasksClient.presence`."""
        return self._client.presence()

    def abilities(self) -> dict[str, bool | None]:
        """Whether the server has each feature. :raises CoderError: it has no tasks."""
        return {name: name in self.features for name in FEATURES}

    def require(self, feature: str) -> None:
        """See :meth:`Backend.require`."""
        self._client.require(feature)

    def now(self) -> float:
        """See :meth:`Backend.now`."""
        return self._client.now()

    # Looking

    def find(self, reference: str, owner: str = "me") -> Task | None:
        """See :meth:`Backend.find`."""
        return self._client.find_task(reference, owner)

    def get(self, reference: str, owner: str = "me") -> Task:
        """See :meth:`Backend.get`."""
        return self._client.get_task(reference, owner)

    def refresh(self, item: Task) -> Task | None:
        """See :meth:`Watched.refresh`."""
        return self._client.refresh(item)

    def log(self, item: Task) -> Log:
        """See :meth:`Backend.log`. :raises CoderError: kind forbidden, the token may see the task but not its log."""
        try:
            return self._client.logs(item)
        except CoderError as error:
            is_hidden = error.kind == "not_found" and not isinstance(error, RouteNotFound)
            if not is_hidden or self._client.refresh(item) is None:
                raise
            raise hidden_log(error) from None

    def name(self, item: Task) -> str:
        """See :meth:`Watched.name`."""
        return item["name"]

    def describe(self, item: Task) -> str:
        """See :meth:`Watched.describe`."""
        return health.describe(item)

    def ailment(self, item: Task) -> Ailment | None:
        """See :meth:`Watched.ailment`."""
        return health.ailment(item)

    def health(self, item: Task) -> Ailment | None:
        """See :meth:`Backend.health`. Two requests where a build failed, else none."""
        return health.explain(self._client, item)

    def with_reason(self, item: Task) -> Task:
        """See :meth:`Watched.with_reason`."""
        found = self.health(item)
        return {**item, "reason": found.reason} if found else item

    def diagnose(self, item: Task) -> dict[str, Any]:
        """See :meth:`Watched.diagnose`: a :class:`.health.Diagnosis`."""
        return dict(health.diagnose(self._client, item))

    # Writing

    def pause(self, item: Task, waiter: Waiter) -> bool:
        """See :meth:`Backend.pause`: stop its workspace."""
        return Lifecycle(self._client, waiter).pause(item)

    def resume(self, item: Task, waiter: Waiter) -> bool:
        """See :meth:`Backend.resume`: start its workspace."""
        return Lifecycle(self._client, waiter).resume(item)

    def delete(self, item: Task, waiter: Waiter) -> bool:
        """See :meth:`Backend.delete`: the task is gone at once, its workspace when its delete build has ended."""
        return Lifecycle(self._client, waiter).delete(item)

    def send(self, item: Task, text: str) -> Sent:
        """See :meth:`Backend.send`. The server tells no id of what it takes."""
        self._client.send(item, text)
        return Sent()

    # Waiting

    def judge(self, item: Task, goal: str) -> Verdict:
        """See :meth:`Watched.judge`; the goals are those of :data:`.wait.PREDICATES`."""
        if health.has_failed_build(item):
            found = health.explain_build(self._client, item)
            failed = {**item, "reason": found.reason}
            reason = f"it will not be {wait.in_words(goal)}: {found.reason}"
            raise CoderError(reason, "build_failed", hint=found.hint, result={"task": failed})
        return wait.judge(self._look(item, goal), goal)

    def in_words(self, goal: str) -> str:
        """See :meth:`Watched.in_words`."""
        return wait.in_words(goal)

    def _look(self, task: Task, goal: str) -> wait.Look:
        look = wait.Look(task, None, "", self.now())
        if wait.needs_app(task, goal):
            look = look._replace(app=self._client.app_health(task))
        if wait.needs_conversation(look, goal):
            look = look._replace(said=self._said(task))
        return look

    def _said(self, task: Task) -> str:
        try:
            return wait.digest(self._client.logs(task).messages)
        except CoderError as error:
            # AgentAPI is restarting or types; its app turns unhealthy in a few seconds if it died.
            if not log_may_come(error):
                raise
            return ""

    # What only tasks have

    def refer(self, reference: str, owner: str) -> tuple[str, str]:
        """(owner, name or UUID) of a reference, see :meth:`Backend.find`. :raises CoderError: as there."""
        return self._client.owner_and_name(reference, owner)

    def check_owner(self, owner: str) -> None:
        """:raises CoderError: kind not_found, there is no such user."""
        self._client.user(owner)

    def templates(self, organization: str | None = None) -> list[dict[str, Any]]:
        """Templates that can run tasks, as the server gives them. :raises CoderError: no such organization."""
        return self._client.templates(organization)

    def find_template(self, template: str, organization: str | None) -> dict[str, Any]:
        """One of :meth:`templates`, by name or UUID. :raises CoderError: none, or several of that name."""
        return templates.find_template(self._client, template, organization)

    def template_versions(self, template_id: str) -> list[dict[str, Any]]:
        """All versions of a template, as the server gives them."""
        return self._client.template_versions(template_id)

    def presets(self, version_id: str) -> list[Preset]:
        """Presets of a template version."""
        return self._client.presets(version_id)

    def parameters(self, version_id: str) -> list[Parameter]:
        """Parameters of a template version."""
        return self._client.parameters(version_id)

    def choose_template(self, template: str, wanted: Wanted) -> TemplateChoice:
        """What a task is to be made from. :raises CoderError: as :func:`..templates.resolve`."""
        # Where a task's prompt is stored as a parameter, the server fills that one from the input.
        filled = None if self._client.dialect.prompts == "task" else PROMPT_PARAMETER
        return templates.resolve(self._client, template, wanted, None, filled)

    def differences(self, task: Task, wanted: Wanted) -> list[Difference]:
        """See :func:`..templates.differences`."""
        made_from = Origin(
            task["template_id"], str(task["template_name"]), task["template_version_id"], task["workspace_id"]
        )
        return templates.differences(self._client, made_from, wanted)

    def create(self, owner: str, new: NewTask, waiter: Waiter) -> Created:
        """Create the task, or find the one that came in between.

        :raises CoderError: kind conflict, the name is taken by what is no task; not_found, the owner.
        """
        return Lifecycle(self._client, waiter).create(owner, new)

    def predicted(self, owner: str, new: NewTask, choice: TemplateChoice, status: str) -> Task:
        """The task as it would be; what only the server can make is null."""
        user = self._client.user(owner)
        template = choice.template
        task: Any = dict.fromkeys(TASK_FIELDS)
        task.update(
            name=new.name,
            display_name=new.display_name,
            owner_id=user["id"],
            owner_name=user["username"],
            organization_id=template["organization_id"],
            template_id=template["id"],
            template_name=template["name"],
            template_display_name=template["display_name"],
            template_icon=template["icon"],
            template_version_id=choice.version_id,
            workspace_name=new.name,
            initial_prompt=new.input,
            status=status,
            url=None,
        )
        predicted: Task = task
        return predicted

    def update_input(self, task: Task, text: str) -> None:
        """Replace the prompt of a paused task. :raises CoderError: kind unsupported, this server cannot."""
        self._client.update_input(task, text)

    def wait_until_removed(self, task: Task, waiter: Waiter) -> None:
        """After :meth:`delete`, until the name is free again.

        :raises CoderError: kind build_failed, or wait_timeout.
        """
        Lifecycle(self._client, waiter).wait_until_removed(task["workspace_id"], task["name"])

    def wait_for_earlier_removal(self, owner: str, name: str, waiter: Waiter) -> None:
        """Where there is no task of the name any more, until its workspace is gone, too, if it is being removed.

        :raises CoderError: as :meth:`wait_until_removed`.
        """
        workspace = None if is_uuid(name) else self._client.find_workspace(owner, name)
        if workspace and workspace["latest_build"]["transition"] == "delete":
            Lifecycle(self._client, waiter).wait_until_removed(workspace["id"], name)

    def prompts(self, build_ids: list[str], told: Callable[[Malformed], None]) -> list[Prompt]:
        """See :func:`.prompts.prompts_of`."""
        return prompts_of(self._client, build_ids, told)

    # Last, because in what follows its name would hide the type.

    def list(self, choice: Choice, told: Callable[[Malformed], None]) -> list[Task]:
        """Every task of a choice that the token may see, newest first.

        :param told: of each task of the server's list that cannot be read.
        :raises CoderError: kind invalid or not_found, no such owner or organization; protocol, none can be read.
        """
        return self._client.list_tasks(choice, told)
