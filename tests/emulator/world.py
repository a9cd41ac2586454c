# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything an emulated server knows: users, templates, workspaces, tasks, snapshots."""

from __future__ import annotations

import random
import re
import string
import uuid
from dataclasses import dataclass, field
from typing import Any

from emulator.agentapi import Behaviour
from emulator.builds import NEVER, Build, Report, Workspace, name_suffix
from emulator.chats import Chats
from emulator.chats_dialects import ChatDialect
from emulator.clock import Clock, go_time
from emulator.dialects import Dialect
from emulator.processes import ProcessRuntime, Scripts
from emulator.runtime import Runtime, VirtualRuntime
from emulator.status import task_status

_NAMESPACE = uuid.UUID("c0de7a5c-0000-4000-8000-000000000000")
_ADJECTIVES = ("bold", "calm", "eager", "festive", "poised", "quirky", "silly", "witty")
_SURNAMES = ("allen", "curie", "hopper", "noether", "peters", "sanderson", "turing", "wu")


@dataclass
class User:
    id: str
    username: str
    name: str
    email: str
    token: str
    owner: bool  # the site-wide role
    status: str = "active"
    organization_admin: bool = False
    scope: str = ""  # of the token: empty for all, or task:read
    agents_access: bool = False  # the organization role that chats need
    service_account: bool = False
    more_tokens: list[str] = field(default_factory=list)  # that were minted later

    def has_token(self, token: str) -> bool:
        return token == self.token or token in self.more_tokens

    def may_access(self, owner: User) -> bool:
        """Whether the user sees somebody's tasks and workspaces."""
        return self.owner or self.organization_admin or self is owner

    def may_connect(self, owner: User) -> bool:
        """Whether the user reaches somebody's agents, and so the logs: to list is not to read."""
        return (self.owner or self is owner) and not self.scope


@dataclass
class Parameter:
    name: str
    display_name: str = ""
    description: str = ""
    form_type: str = "input"
    default_value: str = ""
    options: list[dict[str, str]] = field(default_factory=list)
    required: bool = False
    mutable: bool = True
    ephemeral: bool = False


@dataclass
class Preset:
    id: str
    name: str
    parameters: dict[str, str]
    default: bool = False
    description: str = ""
    icon: str = ""


@dataclass
class Version:
    id: str
    name: str
    template: Template
    parameters: list[Parameter]
    presets: list[Preset]


@dataclass
class Template:
    id: str
    name: str
    display_name: str
    task: bool
    fails: bool
    versions: list[Version] = field(default_factory=list)
    deprecated: str = ""

    @property
    def active_version(self) -> Version:
        return self.versions[-1]


@dataclass
class Snapshot:
    time: float
    messages: list[dict[str, Any]]


@dataclass
class Task:
    id: str
    name: str
    display_name: str
    prompt: str
    owner: User
    workspace: Workspace
    created: float
    deleted: float = NEVER
    snapshots: list[Snapshot] = field(default_factory=list)

    # The controls that tests use

    @property
    def agent(self) -> Any:
        """The newest agent, also before its workspace runs."""
        return self.workspace.agents[max(self.workspace.agents)]

    @property
    def api(self) -> Any:
        """The AgentAPI of the newest agent."""
        return self.agent.api

    @property
    def status(self) -> str:
        return task_status(self.workspace, self.workspace.dialect)

    def report(self, state: str, message: str = "", uri: str = "") -> None:
        """Let the agent report its state: working, idle, complete or failure."""
        self.workspace.reports.append(Report(self.workspace.clock.now(), state, message, uri))

    def kill_agent(self) -> None:
        """The agent loses its connection; status stays, sends and logs hang and fail."""
        self.agent.dead_since = self.workspace.clock.now()
        self.workspace.runtime.kill()

    def revive_agent(self) -> None:
        self.agent.dead_since = NEVER

    def set_snapshot(self, messages: list[dict[str, Any]]) -> None:
        """Store a snapshot by hand: AgentAPI messages with a content and maybe id, role and time."""
        clock = self.workspace.clock
        stored = [
            {
                "id": message.get("id", index),
                "role": message.get("role", "agent"),
                "content": message["content"],
                "time": message.get("time", go_time(clock.wall())),
            }
            for index, message in enumerate(messages)
        ]
        self.snapshots.append(Snapshot(clock.now(), stored))

    def snapshot(self) -> Snapshot | None:
        now = self.workspace.clock.now()
        return next((snapshot for snapshot in reversed(self.snapshots) if snapshot.time <= now), None)


class NameTaken(Exception):
    """Another undeleted task of this owner got the name in the meantime."""


@dataclass
class Settings:
    """How a world behaves; all may be changed while it runs. Times are world seconds unless said."""

    behaviour: Behaviour = field(default_factory=Behaviour)  # of every AgentAPI that starts from now on
    real_workspaces: bool = False  # workspaces are processes, else they are in memory
    scripts: Scripts = field(default_factory=Scripts)  # of real workspaces
    prompt_parameter: bool = False  # task templates carry the parameter "AI Prompt" also where they need it no more
    auto_snapshot: bool = True  # the shutdown hook of each workspace in memory posts a snapshot when it stops
    report_states: bool = False  # agents report working and idle by themselves
    dead_agent_delay: float = 30.0
    create_time: float = 0.05  # between the check of a name and the insertion of the task
    failing_builds: dict[str, str] = field(default_factory=dict)  # job error by transition: start, stop, delete
    provisioners: int = 0  # builds at once; 0: no limit
    rate_limit: int = 512  # 0: off
    rate_window: float = 60.0  # real seconds
    chat_models: bool = True  # AI providers and models of the fixture are configured


class World:
    """The state behind one server. It has no threads: everything follows from what was asked and what time it is."""

    def __init__(
        self,
        dialect: Dialect,
        clock: Clock,
        fixtures: dict[str, Any],
        settings: Settings,
        chats: ChatDialect | None = None,
    ) -> None:
        self.dialect = dialect
        self.clock = clock
        self.settings = settings
        self.url = ""  # where the server listens
        self.deployment_id = str(uuid.uuid4())
        self.organization = {"id": _fixed_id("organization"), **fixtures["organization"]}
        self.users = [User(id=_fixed_id(f"user {user['username']}"), **user) for user in fixtures["users"]]
        self.templates = [self._template(template) for template in fixtures["templates"]]
        self.workspaces: dict[str, Workspace] = {}
        self.tasks: dict[str, Task] = {}
        self.held = False
        self._free: list[float] = []
        # The newest workspace of each name: an older one of the same name is deleted.
        self._by_name: dict[tuple[str, str], Workspace] = {}
        self._by_build: dict[str, Workspace] = {}
        self.chats = Chats(self, chats, fixtures.get("chats", {})) if chats else None

    def _template(self, fixture: dict[str, Any]) -> Template:
        name = fixture["name"]
        template = Template(
            id=_fixed_id(f"template {name}"),
            name=name,
            display_name=fixture.get("display_name", f"Peer {name}"),
            task=fixture.get("task", True),
            fails=fixture.get("fails", False),
            deprecated=fixture.get("deprecated", ""),
        )
        for version in fixture.get("versions", [{"name": "v1"}]):
            source = {**fixture, **version}
            parameters = [Parameter(**parameter) for parameter in source.get("parameters", [])]
            carries_prompt = any(parameter.name == "AI Prompt" for parameter in parameters)
            wants_prompt = self.dialect.prompt_parameter or self.settings.prompt_parameter
            if template.task and wants_prompt and not carries_prompt:
                parameters.insert(0, Parameter("AI Prompt"))
            identity = f"version {name} {version['name']}"
            presets = [
                Preset(id=_fixed_id(f"{identity} preset {preset['name']}"), **preset)
                for preset in source.get("presets", [])
            ]
            template.versions.append(Version(_fixed_id(identity), version["name"], template, parameters, presets))
        return template

    # Looking things up

    def user(self, name: str) -> User:
        return next(user for user in self.users if user.username == name)

    def find_user(self, text: str, caller: User | None) -> User | None:
        """A user by `me`, id or name, as the paths of the API take it."""
        if text == "me":
            return caller
        identity = as_uuid(text)
        return next((user for user in self.users if user.id == identity or user.username.lower() == text.lower()), None)

    def template(self, name: str) -> Template:
        return next(template for template in self.templates if template.name == name)

    def find_version(self, identity: str) -> Version | None:
        return next((v for template in self.templates for v in template.versions if v.id == identity), None)

    def find_preset(self, identity: str) -> Preset | None:
        versions = (version for template in self.templates for version in template.versions)
        return next((preset for version in versions for preset in version.presets if preset.id == identity), None)

    def visible_tasks(self) -> list[Task]:
        """The tasks that the server still shows, newest first."""
        shown = [task for task in list(self.tasks.values()) if self.is_visible(task)]
        return sorted(shown, key=lambda task: task.created, reverse=True)

    def is_visible(self, task: Task) -> bool:
        if self.dialect.task_is_workspace:
            return True
        return self.clock.now() < task.deleted and not task.workspace.is_deleted()

    def task(self, text: str) -> Task:
        """A task by id or name (the newest one), deleted or not; for tests."""
        found = [task for task in self.tasks.values() if text in (task.id, task.name)]
        if not found:
            raise KeyError(text)
        return found[-1]

    def workspace_named(self, owner: User, name: str) -> Workspace | None:
        """An undeleted workspace."""
        workspace = self._by_name.get((owner.id, name.lower()))
        return None if workspace is None or workspace.is_deleted() else workspace

    def workspace_of_build(self, identity: str) -> Workspace | None:
        return self._by_build.get(identity)

    def task_named(self, owner: User, name: str) -> Task | None:
        """A task that the server still shows."""
        workspace = self._by_name.get((owner.id, name.lower()))
        task = workspace.task if workspace else None
        return task if task and self.is_visible(task) else None

    # Changing things

    def create_user(self, name: str, **more: Any) -> User:
        """Add a user with a token of his own; more: any field of User."""
        token = f"{random_text(10)}-{random_text(22)}"
        defaults = {"name": "", "email": f"{name}@example.com", "token": token, "owner": False}
        user = User(id=str(uuid.uuid4()), username=name, **{**defaults, **more})
        self.users.append(user)
        return user

    def mint_token(self, user: User) -> str:
        """Make another token of a user, as a site owner may."""
        user.more_tokens.append(f"{random_text(10)}-{random_text(22)}")
        return user.more_tokens[-1]

    def delete_user(self, user: User) -> None:
        """Remove a user; what he owned stays."""
        self.users.remove(user)

    def create_task(
        self,
        owner: User,
        version: Version,
        *,
        name: str,
        prompt: str = "",
        display_name: str = "",
        preset: Preset | None = None,
        initiator: User | None = None,
    ) -> Task:
        """Insert a task with its workspace and first build. Raises NameTaken."""
        if self.workspace_named(owner, name) is not None:
            raise NameTaken(name)
        identity = str(uuid.uuid4())
        workspace = self._workspace(owner, version, name, identity if self.dialect.task_is_workspace else "")
        task = Task(identity, name, display_name or title(prompt), prompt, owner, workspace, workspace.created)
        workspace.task = task
        values = parameter_values(version, preset)
        if self.dialect.prompt_filled and "AI Prompt" in values:
            values["AI Prompt"] = prompt
        self._first_build(workspace, values, preset, initiator)
        self.tasks[task.id] = task
        return task

    def create_workspace(
        self,
        owner: User,
        version: Version,
        *,
        name: str,
        preset: Preset | None = None,
        parameters: dict[str, str] | None = None,
        initiator: User | None = None,
    ) -> Workspace:
        """Insert a workspace that is no task's, with its first build. Raises NameTaken."""
        if self.workspace_named(owner, name) is not None:
            raise NameTaken(name)
        workspace = self._workspace(owner, version, name)
        values = {**parameter_values(version, None), **(parameters or {}), **(preset.parameters if preset else {})}
        self._first_build(workspace, values, preset, initiator)
        return workspace

    def _workspace(self, owner: User, version: Version, name: str, identity: str = "") -> Workspace:
        return Workspace(
            id=identity or str(uuid.uuid4()),
            name=name,
            owner=owner,
            template=version.template,
            version=version,
            created=self.clock.now(),
            clock=self.clock,
            dialect=self.dialect,
            runtime=self._runtime(),
        )

    def _first_build(
        self, workspace: Workspace, values: dict[str, str], preset: Preset | None, initiator: User | None
    ) -> None:
        preset_id = preset.id if preset else matching_preset(workspace.version, values)
        initiator = initiator or workspace.owner
        self.build(workspace, "start", initiator, preset_id=preset_id, parameters=values)
        self.workspaces[workspace.id] = workspace
        self._by_name[workspace.owner.id, workspace.name.lower()] = workspace

    def _runtime(self) -> Runtime:
        settings = self.settings
        if settings.real_workspaces:
            return ProcessRuntime(self.clock, settings.behaviour, settings.scripts, self.url)
        return VirtualRuntime(self.clock, settings.behaviour)

    def close(self) -> None:
        """End all that runs in workspaces."""
        for workspace in self.workspaces.values():
            workspace.runtime.close()

    def build(self, workspace: Workspace, transition: str, initiator: User, **options: Any) -> Build:
        """Begin a build; stopping a running workspace runs its shutdown hook."""
        hook = self.dialect.log_snapshot and self.settings.auto_snapshot and transition == "stop"
        snapshot = self._capture(workspace) if hook and workspace.builds else None
        failure = self.settings.failing_builds.get(transition, "")
        build = workspace.build(transition, initiator, queued_until=self._queue(), failure=failure, **options)
        self._by_build[build.id] = workspace
        if self.settings.provisioners:
            self._free.append(build.completed)
        if snapshot is not None and workspace.task is not None:
            workspace.task.snapshots.append(Snapshot(build.created + 1.0, snapshot))
        if self.settings.report_states and transition == "start" and build.number in workspace.agents:
            ready = build.completed + self.dialect.walk.app_healthy
            workspace.reports.append(Report(ready, "idle", "Ready", ""))
        return build

    def _queue(self) -> float:
        """When a provisioner is free."""
        if self.held:
            return NEVER
        limit = self.settings.provisioners
        if not limit:
            return 0.0
        now = self.clock.now()
        self._free = sorted(moment for moment in self._free if moment > now)
        return self._free[-limit] if len(self._free) >= limit else 0.0

    @staticmethod
    def _capture(workspace: Workspace) -> list[dict[str, Any]] | None:
        agent = workspace.agent()
        return None if agent is None or agent.is_dead() else workspace.runtime.posted_at_stop()

    def hold_builds(self) -> None:
        """Keep every new build in the queue."""
        self.held = True

    def release_builds(self) -> None:
        """Let the held builds start now."""
        self.held = False
        now = self.clock.now()
        for workspace in self.workspaces.values():
            for build in workspace.builds:
                if build.started == NEVER:
                    workspace.reschedule(build, now)

    def send(self, task: Task, text: str) -> None:
        """Hand a message to the task's AgentAPI. Raises AppError."""
        agent = task.workspace.agent()
        assert agent is not None
        agent.api.post(text)
        if self.settings.report_states:
            task.report("working", text.strip().splitlines()[0][:160])
            # After the report of working, also where the agent answers at once.
            finished = max(agent.api.busy_until, self.clock.now() + 1e-6)
            task.workspace.reports.append(Report(finished, "idle", "Waiting for input", ""))


def random_text(length: int) -> str:
    """Letters for keys and secrets."""
    return "".join(random.choices(string.ascii_letters, k=length))


def _fixed_id(what: str) -> str:
    return str(uuid.uuid5(_NAMESPACE, what))


def as_uuid(text: str) -> str | None:
    """The canonical form of a UUID in any form that Coder takes, or None."""
    plain = re.sub(r"^(urn:uuid:|\{)|\}$", "", text, flags=re.IGNORECASE)
    hexadecimal = plain.replace("-", "") if len(plain) == 36 else plain
    return str(uuid.UUID(hexadecimal)) if re.fullmatch("[0-9a-fA-F]{32}", hexadecimal) else None


def parameter_values(version: Version, preset: Preset | None) -> dict[str, str]:
    """The value of every parameter of a version: the preset's, else its default."""
    given = preset.parameters if preset else {}
    return {p.name: given.get(p.name, p.default_value) for p in version.parameters}


def missing_parameters(version: Version, preset: Preset | None) -> list[str]:
    given = preset.parameters if preset else {}
    return [p.name for p in version.parameters if p.required and p.name not in given]


def matching_preset(version: Version, values: dict[str, str]) -> str | None:
    """The preset whose parameters are what is set anyway: the server names it although nobody chose it."""
    matching = (p for p in version.presets if all(values.get(key) == value for key, value in p.parameters.items()))
    return next((preset.id for preset in matching), None)


def title(prompt: str) -> str:
    """A display name made from a prompt."""
    words = " ".join(prompt.split())
    if len(words) > 64:
        words = words[:63].rsplit(" ", 1)[0] + "…"
    return words[:1].upper() + words[1:]


def generated_names(prompt: str, *, from_prompt: bool) -> tuple[str, str]:
    """A task name and a display name for a task that was given neither."""
    words = re.sub(r"\s+", " ", prompt.strip())
    if len(words) > 27:
        words = words[:27].rsplit(" ", 1)[0]
    slug = re.sub("-+", "-", re.sub("[^a-z0-9-]", "", words.lower().replace(" ", "-"))).strip("-")
    if from_prompt and slug:
        return f"{slug}-{name_suffix()}", title(prompt)
    pair = f"{random.choice(_ADJECTIVES)}-{random.choice(_SURNAMES)}"
    prefix = "" if from_prompt else "task-"
    return f"{prefix}{pair}-{name_suffix()}", title(pair.replace("-", " "))
