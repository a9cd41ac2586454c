# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What differs between server versions, as data.

Comments and tests speak of eras: in S a task is a workspace, in M a thing of its own, since L it can be paused and
resumed.
"""

from __future__ import annotations

from typing import NamedTuple

from ..backend import SERVER_INFO, Feature
from ..errors import CoderError
from ..server_version import Version

EXPERIMENTAL = "/api/experimental/tasks"
STABLE = "/api/v2/tasks"


class Dialect(NamedTuple):
    """How one range of versions speaks.

    :param names: a path accepts a task's name, not only its UUID.
    :param workspace_statuses: a task's status is its workspace's; the client maps it.
    :param paged: the list takes ``limit`` and ``offset``, and workspace filters in ``q``.
    :param app_health_visible: the status covers the app's health.
    :param pause: tasks have ``/pause`` and ``/resume``; else the workspace's builds are used.
    :param update_input: ``PATCH .../input`` exists.
    :param display_name: a task has a display name.
    :param snapshots: a paused task's logs are served from its snapshot.
    :param prompts: where a build's prompt is found: ``endpoint``, ``build_parameters`` or ``task``.
    """

    prefix: str
    names: bool = True
    workspace_statuses: bool = False
    paged: bool = False
    app_health_visible: bool = True
    pause: bool = False
    update_input: bool = True
    display_name: bool = True
    snapshots: bool = False
    prompts: str = "task"

    @property
    def features(self) -> frozenset[str]:
        """Those of :data:`FEATURES` that the server has."""
        return frozenset(name for name in FEATURES if getattr(self, name))


# What only some servers can, as far as anybody above asks for it.
FEATURES = {
    "update_input": Feature(
        "cannot change the prompt of a task",
        "That needs Coder 2.29; with on_input_change=recreate the task is made anew.",
    ),
    "display_name": Feature("knows no display name of a task", "That needs Coder 2.29."),
    "snapshots": Feature("has logs of running tasks only", "That of a paused task needs Coder 2.31.1."),
}

WORKSPACE_TASKS = Dialect(
    EXPERIMENTAL,
    names=False,
    workspace_statuses=True,
    paged=True,
    app_health_visible=False,
    update_input=False,
    display_name=False,
    prompts="endpoint",
)
FIRST_TASKS = Dialect(EXPERIMENTAL, names=False, update_input=False, display_name=False, prompts="endpoint")
STABLE_TASKS = Dialect(STABLE, prompts="build_parameters")
SNAPSHOTS_STORED = Dialect(STABLE)
COMPLETE = Dialect(STABLE, pause=True, snapshots=True)

# First version that speaks the dialect, newest first.
BY_VERSION = (
    ((2, 31, 1), COMPLETE),
    ((2, 30, 0), SNAPSHOTS_STORED),
    ((2, 29, 0), STABLE_TASKS),
    ((2, 28, 0), FIRST_TASKS),
    ((2, 27, 0), WORKSPACE_TASKS),
)
HIDDEN_SINCE = (2, 36, 0)
REMOVED_SINCE = (2, 38, 0)


def dialect_for(version: Version) -> Dialect | None:
    """The dialect of a released version; None where a look at the server must decide."""
    if version.development and version.numbers < (2, 29, 0):
        # Development builds of 2.28 exist from before and from after tasks became a table of their own.
        return None
    for first, dialect in BY_VERSION:
        if version.numbers >= first:
            return dialect
    return None


def absence(version: Version) -> str:
    """What became of the tasks of a server that has none, by its version: hidden, removed, or none."""
    if version.numbers >= REMOVED_SINCE:
        return "removed"
    return "hidden" if version.numbers >= HIDDEN_SINCE else "none"


def no_tasks(version: Version) -> CoderError:
    """Why this server has no tasks, by its version."""
    became = absence(version)
    name = version.text or "of unknown version"
    if became == "removed":
        why = f"this server ({name}) has no tasks: they were removed in Coder 2.38"
        hint = "Tasks live on as Coder's chats; an older server is needed to reach a task."
    elif became == "hidden":
        why = f"this server ({name}) hides its tasks: since Coder 2.36 they are off by default"
        hint = "Ask its administrator to set CODER_ENABLE_AI_TASKS=true on the server; the tasks are still stored."
    elif version.numbers == (0, 0, 0):
        why = f"this server ({name}) has no tasks"
        hint = "Tasks need Coder 2.27 to 2.37; check 'url'."
    elif version.numbers < (2, 27, 0):
        why = f"this server ({name}) is too old for tasks"
        hint = "Tasks need Coder 2.27 or newer, better 2.31.1."
    else:
        why = f"this server ({name}) has no tasks although its version should"
        hint = "Check 'url' and any proxy before the server, and CODER_ENABLE_AI_TASKS on it."
    return CoderError(why, "unsupported", hint=f"{hint} {SERVER_INFO}")
