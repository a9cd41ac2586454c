# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes that change a workspace's life: what :mod:`..builds` does, by the endpoints of builds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable

from ..builds import Builds, Place
from ..errors import CoderError
from ..models import NewWorkspace
from ..server import Server
from ..waiter import Waiter
from .models import Workspace, is_leaving, is_starting, is_stopping
from .wait import describe


class Lifecycle(Builds[Workspace]):
    """Create, start, stop and delete, with the waiting that a safe write needs.

    :param find: looks for a workspace by owner and name.
    :param now: looks at one again, also at one that is being removed.
    :param diagnose: what a person would look at next.
    """

    def __init__(
        self,
        server: Server,
        waiter: Waiter,
        find: Callable[[str, str], Workspace | None],
        now: Callable[[Workspace], Workspace | None],
        diagnose: Callable[[Workspace], dict[str, Any]],
    ) -> None:
        super().__init__(server, waiter)
        self._find = find
        self._now = now
        self._diagnose = diagnose

    def _refresh(self, item: Workspace) -> Workspace | None:
        return self._now(item)

    def _place(self, item: Workspace) -> Place:
        return Place(item["name"], item["id"], f"{item['owner_name']}/{item['name']}")

    def _described(self, item: Workspace) -> str:
        return describe(item)

    def _seen(self, item: Workspace) -> dict[str, Any]:
        return {"workspace": item, "diagnosis": self._diagnose(item)}

    def create(self, owner: str, new: NewWorkspace, post: Callable[[], Workspace]) -> tuple[Workspace, str]:
        """Create it, or find the one that came in between. :returns: see :meth:`..builds.Builds._made`."""
        return self._made(
            owner,
            new.name,
            post,
            lambda: self._find(owner, new.name),
            lambda found: found["template_version_id"] == new.version_id and found["build_number"] == 1,
        )

    def start(self, workspace: Workspace, parameters: Mapping[str, str]) -> bool:
        """Start it. :param parameters: that are other ones from this build on.

        :returns: whether this call did it; False where it ran or was starting already.
        """
        identity = workspace["id"]
        return self._switch(
            workspace, lambda _now: self._server.build_workspace(identity, "start", parameters), "start", is_starting
        )

    def stop(self, workspace: Workspace) -> bool:
        """Stop it. :returns: whether this call did it; False where it was stopped or stopping already."""
        identity = workspace["id"]
        return self._switch(
            workspace, lambda _now: self._server.build_workspace(identity, "stop"), "stop", is_stopping
        )

    def delete(self, workspace: Workspace) -> bool:
        """Begin its removal. :returns: whether this call did it; False where somebody else was faster."""
        identity = workspace["id"]
        try:
            return self._switch(
                workspace, lambda _now: self._server.build_workspace(identity, "delete"), "delete", is_leaving
            )
        except CoderError as error:
            if error.kind == "not_found" and self._refresh(workspace) is None:
                return False
            raise
