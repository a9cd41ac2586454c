# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
name: conversation
short_description: The last words of an agent
version_added: 1.0.0
description:
  - Gives the text of the last message of an agent that has one; empty where it has said nothing.
  - It costs two requests each time that the template is evaluated. Where a playbook needs more of a conversation, use
    M(coder.tasks.task_logs_info) or M(coder.tasks.chat_messages_info).
author:
  - the coder.tasks authors (@coder)
extends_documentation_fragment:
  - coder.tasks.connection.environment
  - coder.tasks.connection
  - coder.tasks.connection.timeout
options:
  _terms:
    description:
      - Tasks or chats, each by its name or UUID; a task also as C(owner/name).
    type: list
    elements: str
    required: true
  owner:
    description:
      - User whose tasks are meant, by username or UUID; V(me) is the user of the token.
    type: str
    default: me
  source:
    description:
      - Whether the terms are tasks or chats.
    type: str
    choices: [tasks, chats]
    default: tasks
"""

EXAMPLES = r"""
- name: What the agent said last
  ansible.builtin.debug:
    msg: "{{ lookup('coder.tasks.conversation', 'fix-login') }}"
"""

RETURN = r"""
_raw:
  description: One text per term.
  type: list
  elements: str
"""

from typing import Any

from ansible_collections.coder.tasks.plugins.module_utils.coder.backend import Backend
from ansible_collections.coder.tasks.plugins.module_utils.coder.errors import attempting
from ansible_collections.coder.tasks.plugins.module_utils.coder.session import Session
from ansible_collections.coder.tasks.plugins.plugin_utils.in_process import plain
from ansible_collections.coder.tasks.plugins.plugin_utils.lookup import SessionLookup


class LookupModule(SessionLookup):
    def found(self, session: Session, term: str) -> str:
        backend: Backend[Any] = session.tasks if self.get_option("source") == "tasks" else session.chats
        with attempting(f"read the conversation of the {backend.noun} {term}"):
            log = backend.log(backend.get(term, plain(self.get_option("owner"))))
        said = [message["content"] for message in log.messages if message["type"] == "output"]
        return next((text for text in reversed(said) if text.strip()), "")
