# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The deployment as cases see it: what it has, the names that are theirs, and playbooks that run there."""

from __future__ import annotations

import os
import secrets
import shutil
import string
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import documents
from calling import call, operation_of

from ansible_collections.coder.tasks.plugins.module_utils.coder import session as sessions
from ansible_collections.coder.tasks.plugins.module_utils.coder.errors import CoderError
from ansible_collections.coder.tasks.plugins.module_utils.coder.session import Session
from ansible_collections.coder.tasks.plugins.module_utils.operations.connection import connection_from, connection_spec
from live.case import Results
from playbooks import Ansible, Run

PROMPT = "Say hello."
# The label that chats of a run carry; a server finds them by it.
RUN_LABEL = "live/run"
# What decides how the server and its workspaces are reached, beside the address and the token.
NETWORK = (
    "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSH_AUTH_SOCK",
    "ANSIBLE_PRIVATE_KEY_FILE",
)  # fmt: skip
# Seconds that a playbook has beside the waits of its modules.
BESIDE_WAITING = 15.0


class OutOfTime(Exception):
    """The time of a case was up."""


@dataclass(frozen=True)
class Settings:
    """What the operator says. Times are in seconds.

    :param template: of tasks; empty where the server has none.
    :param member_token: of a user who is no owner of the deployment; empty for none.
    :param folder: where the playbooks and the archive lie.
    :param stable_idle: how long an agent has to rest before it counts as idle.
    :param case_limit: the most that one case may take.
    :param total: the most that all may take, with the removal.
    :param removal: what of it is kept for the removal.
    """

    url: str
    token: str
    template: str
    folder: Path
    member_token: str = ""
    stable_idle: float = 5.0
    case_limit: float = 240.0
    total: float = 840.0
    removal: float = 150.0

    @property
    def secrets(self) -> list[str]:
        """What must not be seen in any output."""
        return [token for token in (self.token, self.member_token) if token]


class Deployment:
    """A server, a user's token, and a random prefix: all that a case makes carries it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.prefix = "live-" + "".join(secrets.choice(string.ascii_lowercase + string.digits) for _each in range(6))
        self.started = time.monotonic()
        self.session = self._session()
        self.preset: str | None = None
        # Names of tasks, workspaces and chats that were given out, whether or not they came to be.
        self.tasks: set[str] = set()
        self.workspaces: set[str] = set()
        self.chats: set[str] = set()
        self.root = settings.folder / self.prefix
        self._ends = 0.0
        self._folder = self.root
        self._lacks: dict[str, str | None] = {}

    def _session(self) -> Session:
        options = {name: option.get("default") for name, option in connection_spec().items()}
        options |= {"url": self.settings.url, "token": self.settings.token}
        return sessions.open_session(connection_from(options), time)

    # What there is

    def lacks(self, need: str) -> str | None:
        """Why a need is not met, in words; None where it is. Each is asked for once.

        :param need: ``tasks`` or ``chats``, a feature of their backend as in ``tasks:snapshots``, ``model`` (that a
            chat can use), ``member`` (a token), or a ``command NAME``.
        :raises CoderError: the server could not be asked.
        """
        if need not in self._lacks:
            self._lacks[need] = self._missing(need)
        return self._lacks[need]

    def _missing(self, need: str) -> str | None:
        if need == "member":
            return None if self.settings.member_token else "CODER_MEMBER_TOKEN is not set."
        if need == "model":
            return self.lacks("chats") or self._no_model()
        kind, _gap, name = need.partition(" ")
        if kind == "command":
            return None if shutil.which(name, path=self._path()) else f"The command `{name}` is not in PATH here."
        kind, _colon, feature = need.partition(":")
        questions: dict[str, Callable[[], Any]] = {
            "tasks": lambda: self.session.tasks.find(f"{self.prefix}-nobody"),
            "chats": lambda: self.session.chats.named(f"{self.prefix}-nobody"),
        }
        backend: Any = getattr(self.session, kind)
        try:
            questions[kind]()
            if feature:
                backend.require(feature)
        except CoderError as error:
            if error.kind not in ("unsupported", "forbidden"):
                raise
            return error.message
        return None

    def _no_model(self) -> str | None:
        found = self.call("chat_model_info")
        if found.get("failed"):
            return str(found["msg"])
        if any(model["usable"] for model in found["models"]):
            return None
        reasons = sorted({str(model["reason"]) for model in found["models"]})
        return f"No model can be used for chats here ({', '.join(reasons) or 'there is none'})."

    def call(self, module: str, **options: Any) -> dict[str, Any]:
        """What a module returns, run in this process: for what prepares and removes, where no user is imitated."""
        url, token = self.settings.url, self.settings.token
        return call(module, None, poll_interval=1.0, url=url, token=token, **options).result

    # What is ours

    def name(self, short: str) -> str:
        """The whole name of a task."""
        self.tasks.add(f"{self.prefix}-{short}")
        return f"{self.prefix}-{short}"

    def workspace_name(self, short: str) -> str:
        """The whole name of a workspace that is no task's."""
        self.workspaces.add(f"{self.prefix}-{short}")
        return f"{self.prefix}-{short}"

    def chat_name(self, short: str) -> str:
        """The whole name of a chat."""
        self.chats.add(f"{self.prefix}-{short}")
        return f"{self.prefix}-{short}"

    @property
    def only_ours(self) -> str:
        """A JMESPath expression for `select`."""
        return f"starts_with(name, '{self.prefix}-')"

    def task(self, short: str, **options: Any) -> dict[str, Any]:
        """Options that describe a task."""
        preset = {"preset": self.preset} if self.preset else {}
        return {"name": self.name(short), "template": self.settings.template, "input": PROMPT, **preset, **options}

    def workspace(self, short: str, **options: Any) -> dict[str, Any]:
        """Options that describe a workspace."""
        preset = {"preset": self.preset} if self.preset else {}
        return {"name": self.workspace_name(short), "template": self.settings.template, **preset, **options}

    def chat(self, short: str, **options: Any) -> dict[str, Any]:
        """Options that describe a chat."""
        return {"name": self.chat_name(short), "prompt": PROMPT, "labels": {RUN_LABEL: self.prefix}, **options}

    def have(self, *shorts: str, paused: bool = False) -> None:
        """See to it that there are tasks of these names, and that they run, or are paused."""
        for state in ("present", "paused") if paused else ("active",):
            tasks = [self.task(short, state=state) for short in shorts]
            waiting = {"wait_timeout": f"{self.left:.0f}s", "stable_idle": self.settings.stable_idle}
            result = self.call("fleet", tasks=tasks, **waiting)
            reasons = [task["msg"] for task in result.get("tasks", []) if task["failed"]]
            why = next(iter(reasons), result.get("msg"))
            assert not result.get("failed"), f"The tasks that this case needs could not be made: {why}"

    def have_chat(self, short: str) -> None:
        """See to it that there is a chat of this name, whose agent has answered."""
        wait = {"wait_for": "idle", "wait_timeout": f"{self.left:.0f}s"}
        result = self.call("chat", unarchive=True, **self.chat(short), **wait)
        assert not result.get("failed"), f"The chat that this case needs could not be made: {result['msg']}"

    # Playing

    def begin(self, folder: Path, limit: float) -> None:
        """The next case has so many seconds, and this folder."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._ends = folder, time.monotonic() + limit

    @property
    def left(self) -> float:
        """Seconds that the case has left. :raises OutOfTime: none."""
        left = self._ends - time.monotonic()
        if left <= 0:
            raise OutOfTime
        return left

    @property
    def folder(self) -> Path:
        """Of the case."""
        return self._folder

    @property
    def archive(self) -> Path:
        """The folder of the archive, the same for every case."""
        return self.root / "archive"

    def play(
        self,
        *steps: dict[str, Any],
        options: tuple[str, ...] = (),
        play: dict[str, Any] | None = None,
    ) -> Results:
        """Run a playbook. Its waits end before the case does.

        :param steps: of :func:`live.case.step`, or other tasks of a playbook.
        :param options: of the command.
        :param play: further keywords of the play.
        :raises OutOfTime: it was ended, because the time of the case was up.
        """
        defaults = self._defaults(max(1.0, self.left - BESIDE_WAITING))
        played = {"tasks": list(steps), "module_defaults": defaults, **(play or {})}
        run = self._timed(lambda ansible: ansible.playbook([played], *options, timeout=self.left))
        return Results(run, {task["name"]: module for task in steps if (module := _module(task))})

    def run(self, command: str, *arguments: str) -> Run:
        """Run another of Ansible's commands."""
        return self._timed(lambda ansible: ansible.run(command, *arguments, timeout=self.left))

    def _timed(self, start: Callable[[Ansible], Run]) -> Run:
        settings = self.settings
        environment = {name: os.environ[name] for name in (*NETWORK, *map(str.lower, NETWORK)) if name in os.environ}
        environment |= {"CODER_URL": settings.url, "CODER_SESSION_TOKEN": settings.token, "PATH": self._path()}
        # No shared connection: its socket's path can be too long here, and it would outlive the run.
        environment["ANSIBLE_SSH_ARGS"] = "-C"
        ansible = Ansible(self._folder, {**environment, "CODER_MEMBER_TOKEN": settings.member_token})
        try:
            run = start(ansible)
        except subprocess.TimeoutExpired:
            raise OutOfTime from None
        shown = run.output
        for secret in settings.secrets:
            shown = shown.replace(secret, "(a token)")
        with (self._folder / "output.txt").open("a", encoding="utf-8") as file:
            file.write(f"{shown}\n")
        assert shown == run.output, "A token stands in what Ansible printed."
        assert "Traceback (most recent call last)" not in shown, "Ansible printed a traceback."
        return run

    def _path(self) -> str:
        return f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

    def _defaults(self, wait: float) -> dict[str, Any]:
        """Times that suit the limit of the case, for each module that waits."""
        ours = {"wait_timeout": f"{wait:.0f}s", "stable_idle": f"{self.settings.stable_idle}s"}
        defaults = {}
        for module in documents.module_names():
            spec = operation_of(module).spec()["argument_spec"]
            if "url" in spec and (given := {name: value for name, value in ours.items() if name in spec}):
                defaults[f"coder.tasks.{module}"] = given
        return defaults


def _module(task: dict[str, Any]) -> str | None:
    """The module of the collection that a task of a playbook calls."""
    return next((key.rpartition(".")[2] for key in task if key.startswith("coder.tasks.")), None)
