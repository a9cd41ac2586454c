# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
name: tasks
short_description: Workspaces of Coder tasks or chats as hosts
version_added: 1.0.0
description:
  - Each task is a host, in the group C(coder_tasks). Its fields are in the host variable C(coder_task), the same as
    RV(coder.tasks.task_info#module:tasks) has.
  - Hosts are reached through C(coder ssh --stdio) as SSH's C(ProxyCommand), so that roles run inside the workspace.
    The command C(coder) must be on the controller and logged in by itself, or find E(CODER_URL) and
    E(CODER_SESSION_TOKEN) in its environment. A paused workspace is not started by it.
  - A task or owner whose name Coder itself would not allow gets no C(ProxyCommand) and cannot be reached.
  - A host's name is the task's, with O(all_owners) behind its owner's and a dot. What is not a letter, digit, dot
    or hyphen becomes an underscore, and a name that is taken or has a meaning for Ansible gets the start of the
    task's UUID.
  - With O(source=chats) each workspace that a chat is bound to is a host, in the group C(coder_chats). Its variable
    C(coder_chat) is the chat that changed last, C(coder_chats) all of its chats, with the fields that
    RV(coder.tasks.chat_info#module:chats) has, and C(coder_workspace) has its C(id), C(name), C(owner_name) and
    C(status). A chat without a workspace is no host.
  - All text of a task or chat, such as its prompt, may be written by others. It is never treated as a template.
  - The file's name must end with C(.coder.yml) or C(.coder.yaml).
  - O(url) and O(token) can be templates, such as a lookup; all else is taken as it stands.
author:
  - the coder.tasks authors (@coder)
extends_documentation_fragment:
  - constructed
  - inventory_cache
  - coder.tasks.connection.environment
  - coder.tasks.connection
  - coder.tasks.connection.timeout
  - coder.tasks.selection.filters
options:
  plugin:
    description:
      - The name of this plugin.
    type: str
    required: true
    choices: [coder.tasks.tasks]
  source:
    description:
      - Whether hosts are tasks, or workspaces of chats.
    type: str
    choices: [tasks, chats]
    default: tasks
  owner:
    description:
      - User whose tasks are meant, by username or UUID; V(me) is the user of the token.
      - Chats are one's own, or with O(all_owners) those of the whole deployment, for which the token has to be a site
        owner's.
    type: str
    default: me
  labels:
    description:
      - Choose only chats that have all of these labels with these values.
    type: dict
"""

EXAMPLES = r"""
# all.coder.yml: everyone's tasks, grouped by status, template and what the agent does, kept for five minutes
plugin: coder.tasks.tasks
all_owners: true
keyed_groups:
  - key: coder_task.status
    prefix: status
  - key: coder_task.template_name
    prefix: template
  - key: coder_task.current_state.state | default('silent')
    prefix: agent
groups:
  dead_agent: not (coder_task.workspace_agent_health.healthy | default(true))
compose:
  ansible_user: "'coder'"
cache: true
cache_plugin: ansible.builtin.jsonfile
cache_connection: .cache/coder
cache_timeout: 300
"""

import hashlib
import json
import os
import re
import shutil
from typing import Any, cast

import ansible.template
from ansible import context
from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable

from ansible_collections.coder.tasks.plugins.module_utils.coder.errors import CoderError
from ansible_collections.coder.tasks.plugins.module_utils.coder.names import name_problem
from ansible_collections.coder.tasks.plugins.module_utils.operations import chat_hosts, task_info
from ansible_collections.coder.tasks.plugins.module_utils.operations.chat_selection import chat_selection_spec
from ansible_collections.coder.tasks.plugins.module_utils.operations.connection import connection_spec, open_session
from ansible_collections.coder.tasks.plugins.module_utils.operations.context import Context
from ansible_collections.coder.tasks.plugins.module_utils.operations.spec import defaults
from ansible_collections.coder.tasks.plugins.plugin_utils.in_process import plain

if not hasattr(ansible.template, "trust_as_template"):
    from ansible.utils.unsafe_proxy import wrap_var as untrusted
else:

    def untrusted(value: Any) -> Any:
        """Since ansible-core 2.19 text is no template unless it is said to be one."""
        return value


SUFFIXES = (".coder.yml", ".coder.yaml")
GROUPS = {"tasks": "coder_tasks", "chats": "coder_chats"}
FIELD = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
# Names that Ansible gives a meaning of its own; a task must not become the controller.
RESERVED = ("all", "ungrouped", "localhost", *GROUPS.values())


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    NAME = "coder.tasks.tasks"
    # Set by parse() of the base class before anything else uses it.
    inventory: Any

    def verify_file(self, path: str) -> bool:
        """:raises AnsibleParserError: a file for this plugin has a name that is none, which is worth a sentence."""
        if not super().verify_file(path) or path.endswith(SUFFIXES):
            return super().verify_file(path)
        if path.endswith((".yml", ".yaml")) and _is_for_us(path):
            raise AnsibleParserError(
                f"The name of the inventory file {path} has to end with .coder.yml or .coder.yaml: rename it, such as "
                f"to {os.path.splitext(path)[0]}.coder.yml."
            )
        return False

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        source = self.get_option("source")
        self.inventory.add_group(GROUPS[source])
        found = self._found(path, cache)
        for item in found:
            if source == "tasks":
                self._add_task(item)
            else:
                self._add_workspace(item)
        if found and not _only_shows() and not shutil.which("coder"):
            self.display.warning(
                "The command `coder` is not in PATH, and these hosts are reached through `coder ssh`: install it from "
                "the server's page /cli, or use the hosts for their variables only."
            )

    def _found(self, path: str, cache: bool) -> list[dict[str, Any]]:
        """From the cache if it may be used and has them, else from the server."""
        params = self._params()
        if not self.get_option("cache"):
            return self._ask(params)
        # What is cached belongs to a server, a user and a choice of tasks, not to the file alone.
        choice = hashlib.sha256(json.dumps(params, sort_keys=True, default=str).encode()).hexdigest()
        key = f"{self.get_cache_key(path)}_{choice[:16]}"
        if cache and key in self._cache:
            return self._cache[key]
        found = self._ask(params)
        self._cache[key] = found
        return found

    def _params(self) -> dict[str, Any]:
        if self.get_option("source") == "chats":
            return self._params_of_chats()
        if self.get_option("labels"):
            raise AnsibleParserError("'labels' chooses chats: set source to chats, or leave it out.")
        unset = {"name": None, "fields": ["full"], "table": False}
        options = task_info.spec()["argument_spec"]
        return {**{name: self._plain_option(name) for name in options if name not in unset}, **unset}

    def _params_of_chats(self) -> dict[str, Any]:
        if self.get_option("status"):
            raise AnsibleParserError("'status' is of tasks: choose chats with select, such as status == 'running'.")
        if self.get_option("owner") != "me":
            raise AnsibleParserError(
                "The chats of another user cannot be listed: leave 'owner' out, or set all_owners."
            )
        unset = defaults(chat_selection_spec())
        own = {name: self._plain_option(name) for name in (*connection_spec(), "labels", "organization", "select")}
        return {**unset, **own, "scope": "deployment" if self.get_option("all_owners") else "own"}

    def _plain_option(self, name: str) -> Any:
        value = self.get_option(name)
        if name in ("url", "token") and isinstance(value, str) and self.templar.is_template(value):
            value = self.templar.template(value)
        return plain(value)

    def _ask(self, params: dict[str, Any]) -> list[dict[str, Any]]:
        try:
            if self.get_option("source") == "chats":
                chats = cast(chat_hosts.ChatHostsParams, params)
                hosts: list[Any] = [*chat_hosts.run(Context(chats, open_session, warn=self.display.warning))]
                return hosts
            asked = cast(task_info.TaskInfoParams, params)
            return task_info.run(Context(asked, open_session, warn=self.display.warning))["tasks"]
        except CoderError as error:
            raise AnsibleParserError(error.message) from None

    def _add_task(self, task: dict[str, Any]) -> None:
        owner, name = str(task["owner_name"]), str(task["name"])
        host = self._host_name(owner, name, str(task["id"]))
        connection = _connection(owner, str(task["workspace_name"] or name), host)
        self._add(host, "tasks", {**connection, "coder_task": untrusted(task)})

    def _add_workspace(self, found: dict[str, Any]) -> None:
        workspace, chats = found["workspace"], untrusted(found["chats"])
        host = self._host_name(workspace["owner_name"], workspace["name"], workspace["id"])
        connection = _connection(workspace["owner_name"], workspace["name"], host)
        own = {"coder_workspace": untrusted(workspace), "coder_chats": chats, "coder_chat": chats[0]}
        self._add(host, "chats", {**connection, **own})

    def _add(self, host: str, source: str, variables: dict[str, Any]) -> None:
        self.inventory.add_host(host, group=GROUPS[source])
        for name, value in variables.items():
            self.inventory.set_variable(host, name, value)
        strict = self.get_option("strict")
        self._set_composite_vars(self.get_option("compose"), variables, host, strict=strict)
        known = self.inventory.get_host(host).vars
        how = {"strict": strict, "fetch_hostvars": False}
        self._add_host_to_composed_groups(self.get_option("groups"), known, host, **how)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), known, host, **how)

    def _compose(self, template: Any, variables: Any, *options: Any) -> Any:
        """Ansible compiles an expression anew for each host; one that only names a field needs no compiler."""
        if isinstance(template, str) and FIELD.fullmatch(template):
            value: Any = variables
            for name in template.split("."):
                # A dictionary's own methods come before its keys in a template, so those are left to Ansible.
                if not isinstance(value, dict) or name not in value or hasattr(dict, name):
                    break
                value = value[name]
            else:
                return value
        return super()._compose(template, variables, *options)

    def _host_name(self, owner: str, name: str, identity: str) -> str:
        name = f"{owner}.{name}" if self.get_option("all_owners") else name
        name = re.sub(r"^-|[^A-Za-z0-9.-]", "_", name)
        if name in RESERVED or name in self.inventory.hosts or name in self.inventory.groups:
            return f"{name}_{re.sub('[^A-Za-z0-9]', '', identity)[:8]}"
        return name


def _only_shows() -> bool:
    """Whether this is ansible-inventory, which connects to no host."""
    return any(context.CLIARGS.get(option) for option in ("graph", "host", "list"))


def _is_for_us(path: str) -> bool:
    """Whether a YAML file names this plugin."""
    try:
        with open(path, encoding="utf-8") as stream:
            return re.search(rf"(?m)^plugin:\s*['\"]?{re.escape(InventoryModule.NAME)}\b", stream.read()) is not None
    except (OSError, ValueError):
        return False


def _connection(owner: str, workspace: str, host: str) -> dict[str, str]:
    """Variables that lead SSH through `coder ssh`.

    The address is one that no resolver knows (RFC 2606), so that without the proxy nobody else is reached by that name.
    The host key is not checked, like in Coder's own `coder config-ssh`: the tunnel has authenticated the workspace.
    """
    variables = {"ansible_connection": "ssh", "ansible_host": f"{host}.coder.invalid"}
    if name_problem(owner) is None and name_problem(workspace) is None:
        variables["ansible_ssh_common_args"] = (
            f"-o ProxyCommand='coder ssh --stdio --disable-autostart {owner}/{workspace}' "
            "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
        )
    return variables
