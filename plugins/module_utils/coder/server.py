# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A client of what every Coder server has: its people, workspaces and templates. One method per endpoint.

The clients of tasks and of chats build on it. Knows HTTP and Coder, not Ansible and not waiting.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Callable, NamedTuple, TypeVar

from . import models
from .answers import Malformed, an_object, each, objects, refuse, sound_objects, texts
from .clock import Clock
from .connection import Connection
from .errors import AnswerLost, CoderError, RouteNotFound, attempting, invalid
from .models import Build, NewWorkspace, Organization, Parameter, Preset, User, Workspace
from .names import check_owner, is_uuid, split_reference, two_owners
from .rate_limit import limit_told
from .server_version import Version, parse_version
from .transport import Response, Transport, segment

AUTHCHECK = "/api/v2/authcheck"
SITE_OWNER = "owner"
AUTHCHECK_TRIES = 3

Client = TypeVar("Client", bound="Server")
Known = TypeVar("Known")
Read = TypeVar("Read")


class Identity(NamedTuple):
    """Whose token it is, the organizations that the user is in, and the requests that the server takes per minute."""

    user: User
    organization_ids: list[str]
    requests_per_minute: int | None


def _to_nobody(what: str) -> None:
    return None


class Server:
    """One server and one user's token.

    :cvar templates_that: what the templates can that :meth:`templates` gives, after their noun in a sentence.
    :param sharing: a client of the same call and transport, for a second one that knows and reports the same.
    """

    templates_that = ""

    def __init__(self, transport: Transport, sharing: Server | None = None) -> None:
        self.transport = transport
        # Refuse every write: set in check mode.
        self.read_only: bool = sharing.read_only if sharing else False
        self._note_write: Callable[[str], None] = sharing._note_write if sharing else _to_nobody
        self._cache: dict[Any, Any] = sharing._cache if sharing else {}
        self._cache_lock: Any = sharing._cache_lock if sharing else threading.RLock()

    @classmethod
    def connect(cls: type[Client], connection: Connection, clock: Clock) -> Client:
        """:raises CoderError: the connection's options cannot be right."""
        return cls(Transport(connection, clock))

    def for_call(self: Client, note_write: Callable[[str], None], read_only: bool) -> Client:
        """The same session, as one call has it.

        :param note_write: told of each request that wrote, or may have written, such as ``POST /api/v2/tasks/alice``.
        :param read_only: whether every write is refused, as in check mode.
        """
        client = copy.copy(self)
        client._note_write = note_write
        client.read_only = read_only
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
            if isinstance(error, AnswerLost):
                self._note_write(f"{method} {path}")
            raise
        self._note_write(f"{method} {path}")
        return response

    def _write(self, method: str, path: str, read: Callable[[Any, str], Read], **options: Any) -> Read:
        """Send what changes something, and read the answer.

        :param read: of the answer's JSON and the path; it raises :class:`CoderError` where that is not Coder's.
        :raises AnswerLost: also then, as what a proxy answers in Coder's place tells not whether it was done; but if it
            was, that shows by now.
        """
        data = self._request(method, path, **options).data
        try:
            return read(data, path)
        except CoderError as error:
            raise error.as_a(AnswerLost, method=method, may_still_show=False) from None

    def _get(self, path: str, *keys: str, **options: Any) -> dict[str, Any]:
        """A JSON object that has these keys."""
        return an_object(self._request("GET", path, **options).data, path, *keys)

    def _get_list(self, path: str, *keys: str, **options: Any) -> list[dict[str, Any]]:
        """A JSON list of objects that have these keys."""
        return objects(self._request("GET", path, **options).data, path, *keys)

    def forget(self, everything: bool = False) -> None:
        """Before another call on this session: what may be different by now is to be asked for anew.

        Presets and parameters of a version are final once it is imported, so they are forgotten only where there were
        none.

        :param everything: also what changes only where the server itself is another one, such as its version.
        """
        for key, known in list(self._cache.items()):
            if everything or key[0] in ("templates", "versions", "setting") or not known:
                del self._cache[key]

    def _remember(self, key: Any, ask: Callable[[], Known]) -> Known:
        """What does not change while a session lives is asked for once, also by threads that want it at once."""
        if key not in self._cache:
            with self._cache_lock:
                if key not in self._cache:
                    self._cache[key] = ask()
        known: Known = self._cache[key]
        return known

    # The server itself

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

    def now(self) -> float:
        """The server's time in seconds of the epoch, as its last answer told it."""
        return self.transport.clock.time() + self.transport.server_ahead

    def identity(self) -> Identity:
        """Whose token this is. :raises CoderError: kind auth, nobody's; a refusal, this token may not ask."""
        path = "/api/v2/users/me"
        answer = self._request("GET", path)
        user: Any = an_object(answer.data, path, "id", "username")
        return Identity(user, texts(user.get("organization_ids")), limit_told(answer.headers))

    # Rights

    def may_read(self, resource_type: str, **where: Any) -> bool:
        """Whether the token may read every thing of a kind in a place.

        A POST that writes nothing and needs no right of its own, so check mode sends it, and a lost answer is asked for
        again.

        :param resource_type: such as ``task``.
        :param where: ``organization_id=``, ``any_org=True``, or nothing for the whole site.
        :raises CoderError: the server did not answer.
        """
        told = self._may_read({"read": {"resource_type": resource_type, **where}})
        return an_object(told, AUTHCHECK, "read")["read"] is True

    def may_read_each(self, things: Mapping[str, Mapping[str, Any]]) -> dict[str, bool | None]:
        """Like :meth:`may_read` for many kinds and places, with one request.

        :param things: by a name of one's own: ``resource_type``, and ``organization_id`` unless all of them are meant.
        :returns: by the same names; None where the server did not say.
        """
        told = self._may_read(things)
        return {name: told[name] if isinstance(told.get(name), bool) else None for name in things}

    def _may_read(self, things: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        checks = {"checks": {name: {"object": dict(thing), "action": "read"} for name, thing in things.items()}}
        for _lost in range(AUTHCHECK_TRIES - 1):
            with suppress(AnswerLost):
                return self._authcheck(checks)
        return self._authcheck(checks)

    def _authcheck(self, checks: dict[str, Any]) -> dict[str, Any]:
        return an_object(self.transport.request("POST", AUTHCHECK, body=checks).data, AUTHCHECK)

    # People and organizations

    def user(self, name: str = "me") -> User:
        """A user by name or UUID. :raises CoderError: unknown, or not to be seen with this token."""
        try:
            path = f"/api/v2/users/{segment(name)}"
            found: Any = self._remember(("user", name), lambda: self._get(path, "id", "username"))
        except CoderError as error:
            raise explain_owner(error, name) from None
        user: User = found
        return user

    @property
    def is_site_owner(self) -> bool:
        """Whether the token's user has the role of the site that may see everything."""
        roles = sound_objects(dict(self.user()).get("roles"))
        return any(role.get("name") == SITE_OWNER for role in roles)

    def username(self, owner: str) -> str:
        """The owner as tasks name it; only `me` and UUIDs are asked for."""
        return self.user(owner)["username"] if owner == "me" or is_uuid(owner) else owner

    def organization(self, name: str) -> Organization:
        """An organization by name or UUID; `default` is the default one. :raises CoderError: unknown, naming others."""
        try:
            path = f"/api/v2/organizations/{segment(name)}"
            found: Any = self._remember(("organization", name), lambda: self._get(path, "id", "name"))
        except CoderError as error:
            if error.kind != "not_found":
                raise
            known = ", ".join(sorted(item["name"] for item in self._get_list("/api/v2/organizations", "name")))
            reason = f"the organization {name!r} does not exist or cannot be seen with this token"
            raise error.but(reason=reason, hint=f"You can see: {known or 'none'}.") from None
        organization: Organization = found
        return organization

    def organizations(self) -> list[Organization]:
        """The organizations that the token may see."""
        found: Any = self._get_list("/api/v2/organizations", "id", "name")
        return list(found)

    def _owner_term(self, owner: str) -> str:
        """The owner as a list's query wants it. :raises CoderError: it cannot be one."""
        check_owner(owner)
        if any(sign in owner for sign in ' :"\t\n'):
            raise invalid(f"{owner!r} is not a username", "Give a username or a user's UUID.")
        return owner

    def owner_and_name(self, reference: str, owner: str, noun: str = "task") -> tuple[str, str]:
        """(owner, name or UUID) of a task or workspace given as `name`, `owner/name` or UUID.

        :raises CoderError: it can be neither, or ``owner`` is another user than the one it names.
        """
        named, name = split_reference(reference, owner, noun)
        if owner != "me" and named.lower() != owner.lower() and self.user(named)["id"] != self.user(owner)["id"]:
            raise two_owners(reference, owner, noun)
        return named, name

    # Workspaces and builds

    def find_workspace(self, owner: str, name: str) -> Workspace | None:
        """A workspace that is not deleted, by its owner and name."""
        path = f"/api/v2/users/{segment(owner)}/workspace/{segment(name)}"
        try:
            return models.workspace_from(self._get(path), path)
        except CoderError as error:
            if error.status in (404, 410):
                return None
            raise explain_owner(error, owner) from None

    def list_workspaces(
        self, owner: str | None = None, malformed: Callable[[Malformed], None] = refuse
    ) -> list[Workspace]:
        """Every workspace that the token may see and that is not deleted, of one owner or of all.

        :param malformed: told of each one that cannot be read and so is not in the result; by default that is an error.
        """
        path = "/api/v2/workspaces"
        params = {} if owner is None else {"q": f"owner:{self._owner_term(owner)}"}
        listed = self._get(path, "workspaces", params=params)["workspaces"]
        return each(listed, path, lambda item: models.workspace_from(item, path), malformed)

    def workspace(self, workspace_id: str) -> Workspace | None:
        """A workspace by its UUID; None once it is deleted."""
        path = f"/api/v2/workspaces/{segment(workspace_id)}"
        try:
            return models.workspace_from(self._get(path), path)
        except CoderError as error:
            if error.status in (404, 410):
                return None
            raise

    def create_workspace(self, owner: str, new: NewWorkspace) -> Workspace:
        """POST a workspace, which starts it. :raises CoderError: kind not_found, there is no such owner."""
        path = f"/api/v2/users/{segment(owner)}/workspaces"
        body = {
            "template_version_id": new.version_id,
            "name": new.name,
            "rich_parameter_values": _values(new.parameters),
            **({"template_version_preset_id": new.preset_id} if new.preset_id else {}),
        }
        try:
            return self._write("POST", path, models.workspace_from, body=body)
        except CoderError as error:
            if error.status == 404 and not error.server_message.startswith("Template"):
                # An unknown owner gets the same answer; asking for the user raises for one.
                raise no_workspace_for(error, self.user(owner)["username"]) from None
            raise explain_owner(error, owner) from None

    def build_workspace(self, workspace_id: str, transition: str, parameters: Mapping[str, str] | None = None) -> Build:
        """Start a build: start, stop or delete.

        :param parameters: that are other ones from this build on; the rest stay.
        """
        path = f"/api/v2/workspaces/{segment(workspace_id)}/builds"
        body: dict[str, Any] = {"transition": transition}
        if parameters:
            body["rich_parameter_values"] = _values(parameters)
        return self._write("POST", path, _build, body=body)

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

    # Templates

    def templates(self, organization: str | None = None) -> list[dict[str, Any]]:
        """The templates that the token may see, as the server gives them. :raises CoderError: no such organization."""
        return self._templates("", organization)

    def _templates(self, query: str, organization: str | None) -> list[dict[str, Any]]:
        """Templates of a search, as the server gives them. :raises CoderError: the organization is unknown."""
        if organization:
            query = f"{query} organization:{self.organization(organization)['name']}".strip()
        keys = ("id", "name", "organization_id", "active_version_id")
        params = {"q": query} if query else {}
        return self._remember(
            ("templates", query), lambda: self._get_list("/api/v2/templates", *keys, params=params)
        )

    def template_versions(self, template_id: str) -> list[dict[str, Any]]:
        """All versions of a template."""
        path = f"/api/v2/templates/{segment(template_id)}/versions"
        return self._remember(("versions", template_id), lambda: self._get_list(path, "id", "name"))

    def presets(self, version_id: str) -> list[Preset]:
        """Presets of a template version; the API answers null where there are none."""
        path = f"/api/v2/templateversions/{segment(version_id)}/presets"

        def ask() -> list[Preset]:
            presets = self._get_list(path, "ID", "Name")
            for preset in presets:
                objects(preset.get("Parameters"), path, "Name", "Value")
            return [models.preset_from(item) for item in presets]

        return self._remember(path, ask)

    def parameters(self, version_id: str) -> list[Parameter]:
        """Parameters of a template version."""
        path = f"/api/v2/templateversions/{segment(version_id)}/rich-parameters"

        def ask() -> list[Parameter]:
            parameters = self._get_list(path, "name")
            for parameter in parameters:
                objects(parameter.get("options"), path)
            return [models.parameter_from(item) for item in parameters]

        return self._remember(path, ask)


def _values(parameters: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in parameters.items()]


def no_workspace_for(error: CoderError, username: str) -> CoderError:
    """The error of a create that was answered 404 although the user exists."""
    return error.but(
        reason=f"Coder lets the user {username!r} have no workspace of this template: the user is not in the "
        "template's organization, or this token may not create workspaces there",
        hint="Add the user to the organization, or choose a template of another one.",
    )


def _build(data: Any, path: str) -> Build:
    return models.build_from(an_object(data, path, "id"))


def explain_owner(error: CoderError, name: str) -> CoderError:
    """Servers answer an unknown user with 404 or, before 2.30, with a 400 about "user"."""
    unknown = error.kind == "not_found" or (error.status == 400 and error.server_message.startswith('"user"'))
    if not unknown:
        return error
    return error.but(
        kind="not_found",
        reason=f"the user {name!r} does not exist or cannot be seen with this token",
        hint="Give a username or a user's UUID" + ("; an e-mail address does not work." if "@" in name else "."),
    )
