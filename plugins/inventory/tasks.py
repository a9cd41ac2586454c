# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
name: tasks
short_description: Coder tasks and their workspaces as hosts
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
  - All text of a task, such as its prompt, may be written by others. It is never treated as a template.
  - The file's name must end with C(.coder.yml) or C(.coder.yaml).
  - O(url) and O(token) can be templates, such as a lookup; all else is taken as it stands.
author:
  - the coder.tasks authors (@coder)
extends_documentation_fragment:
  - constructed
  - inventory_cache
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
  url:
    description:
      - Address of the Coder server, such as V(https://coder.example.com).
    env:
      - name: CODER_URL
  token:
    description:
      - Session token of the user on whose behalf Coder is called. It is not put into any variable.
    env:
      - name: CODER_SESSION_TOKEN
  owner:
    description:
      - User whose tasks are meant, by username or UUID; V(me) is the user of the token.
    type: str
    default: me
"""

EXAMPLES = r"""
# fleet.coder.yml: my active tasks
plugin: coder.tasks.tasks
status: active

# all.coder.yml: everyone's tasks, grouped by status, template and what the agent does, kept for five minutes
---
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
from ansible_collections.coder.tasks.plugins.module_utils.operations import task_info
from ansible_collections.coder.tasks.plugins.module_utils.operations.connection import open_session
from ansible_collections.coder.tasks.plugins.module_utils.operations.context import Context
from ansible_collections.coder.tasks.plugins.plugin_utils.in_process import plain

if not hasattr(ansible.template, "trust_as_template"):
    from ansible.utils.unsafe_proxy import wrap_var as untrusted
else:

    def untrusted(value: Any) -> Any:
        """Since ansible-core 2.19 text is no template unless it is said to be one."""
        return value


SUFFIXES = (".coder.yml", ".coder.yaml")
GROUP = "coder_tasks"
FIELD = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
# Names that Ansible gives a meaning of its own; a task must not become the controller.
RESERVED = ("all", "ungrouped", "localhost", GROUP)


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
        self.inventory.add_group(GROUP)
        tasks = self._tasks(path, cache)
        for task in tasks:
            self._add(task)
        if tasks and not _only_shows() and not shutil.which("coder"):
            self.display.warning(
                "The command `coder` is not in PATH, and these hosts are reached through `coder ssh`: install it from "
                "the server's page /cli, or use the hosts for their variables only."
            )

    def _tasks(self, path: str, cache: bool) -> list[dict[str, Any]]:
        """From the cache if it may be used and has them, else from the server."""
        params = self._params()
        if not self.get_option("cache"):
            return self._ask(params)
        # What is cached belongs to a server, a user and a choice of tasks, not to the file alone.
        choice = hashlib.sha256(json.dumps(params, sort_keys=True, default=str).encode()).hexdigest()
        key = f"{self.get_cache_key(path)}_{choice[:16]}"
        if cache and key in self._cache:
            return self._cache[key]
        tasks = self._ask(params)
        self._cache[key] = tasks
        return tasks

    def _params(self) -> dict[str, Any]:
        options = task_info.spec()["argument_spec"]
        unset = {"name": None, "fields": ["full"], "table": False}
        given = {name: self._plain_option(name) for name in options if name not in unset}
        return {**given, **unset}

    def _plain_option(self, name: str) -> Any:
        value = self.get_option(name)
        if name in ("url", "token") and isinstance(value, str) and self.templar.is_template(value):
            value = self.templar.template(value)
        return plain(value)

    def _ask(self, params: dict[str, Any]) -> list[dict[str, Any]]:
        try:
            asked = cast(task_info.TaskInfoParams, params)
            return task_info.run(Context(asked, open_session, warn=self.display.warning))["tasks"]
        except CoderError as error:
            raise AnsibleParserError(error.message) from None

    def _add(self, task: dict[str, Any]) -> None:
        host = self._host_name(task)
        variables = dict(_connection(task, host), coder_task=untrusted(task))
        self.inventory.add_host(host, group=GROUP)
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

    def _host_name(self, task: dict[str, Any]) -> str:
        name = f"{task['owner_name']}.{task['name']}" if self.get_option("all_owners") else str(task["name"])
        name = re.sub(r"^-|[^A-Za-z0-9.-]", "_", name)
        if name in RESERVED or name in self.inventory.hosts or name in self.inventory.groups:
            return f"{name}_{re.sub('[^A-Za-z0-9]', '', str(task['id']))[:8]}"
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


def _connection(task: dict[str, Any], host: str) -> dict[str, str]:
    """Variables that lead SSH through `coder ssh`.

    The address is one that no resolver knows (RFC 2606), so that without the proxy nobody else is reached by that name.
    The host key is not checked, like in Coder's own `coder config-ssh`: the tunnel has authenticated the workspace.
    """
    variables = {"ansible_connection": "ssh", "ansible_host": f"{host}.coder.invalid"}
    owner, workspace = str(task["owner_name"]), str(task["workspace_name"] or task["name"])
    if name_problem(owner) is None and name_problem(workspace) is None:
        variables["ansible_ssh_common_args"] = (
            f"-o ProxyCommand='coder ssh --stdio --disable-autostart {owner}/{workspace}' "
            "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
        )
    return variables
