# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
name: task
short_description: A Coder task by its name
version_added: 1.0.0
description:
  - Gives a task with the fields that RV(coder.tasks.task_info#module:tasks) has. One that does not exist is an error.
  - It costs a request each time that the template is evaluated. Where a playbook needs a task more than once, use
    M(coder.tasks.task_info) and register it.
author:
  - the coder.tasks authors (@coder)
extends_documentation_fragment:
  - coder.tasks.connection.environment
  - coder.tasks.connection
  - coder.tasks.connection.timeout
options:
  _terms:
    description:
      - Tasks, each by its name, as C(owner/name), or by its UUID.
    type: list
    elements: str
    required: true
  owner:
    description:
      - User whose tasks are meant, by username or UUID; V(me) is the user of the token.
    type: str
    default: me"""

EXAMPLES = r"""
- name: The state of a task
  ansible.builtin.debug:
    msg: "{{ lookup('coder.tasks.task', 'fix-login').status }}"
"""

RETURN = r"""
_raw:
  description: The tasks, as RV(coder.tasks.task_info#module:tasks) has them.
  type: list
  elements: dict
"""

from typing import Any

from ansible_collections.coder.tasks.plugins.module_utils.coder.errors import attempting
from ansible_collections.coder.tasks.plugins.module_utils.coder.session import Session
from ansible_collections.coder.tasks.plugins.plugin_utils.in_process import plain
from ansible_collections.coder.tasks.plugins.plugin_utils.lookup import SessionLookup


class LookupModule(SessionLookup):
    def found(self, session: Session, term: str) -> Any:
        backend = session.tasks
        with attempting(f"read the task {term}"):
            return backend.with_reason(backend.get(term, plain(self.get_option("owner"))))
