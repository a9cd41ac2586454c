#!/usr/bin/python
# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: chat_messages_info
short_description: Read the messages of chats
version_added: 1.0.0
description:
  - Returns the messages of chats, oldest first, with typed parts; a tool call stands together with its result.
  - Messages lie in Coder's database, so they are all there whether or not an agent runs.
  - An edit of a message deletes all later ones, and what was read with O(since_id) does not tell of it.
  - A conversation that cannot be read is a warning and has a RV(conversations[].reason), unless none can be read.
author:
  - the coder.tasks authors (@coder)
extends_documentation_fragment:
  - coder.tasks.connection
  - coder.tasks.connection.timeout
  - coder.tasks.chat_selection
  - coder.tasks.fields
  - coder.tasks.attributes
  - coder.tasks.attributes.info
  - coder.tasks.attributes.api
options:
  since_id:
    description:
      - Only messages with a larger id than this one. Ids grow over all chats of the deployment, with gaps.
    type: int
  tail:
    description:
      - At most so many of the newest messages per chat; V(0) is none.
    type: int
  max_bytes:
    description:
      - Leave out the oldest messages of a chat until the others take so many bytes of JSON at most.
    type: int
  children:
    description:
      - Whether to read the messages of sub-agents, too; each has an entry of its own behind that of its chat.
    type: bool
    default: false
seealso:
  - module: coder.tasks.chat_info
"""

EXAMPLES = r"""
- name: What was said in a chat
  coder.tasks.chat_messages_info:
    name: fix-login
  register: said

- name: The last answer alone
  ansible.builtin.debug:
    msg: "{{ said.conversations[0].last_answer }}"

- name: What each of my chats answered last
  coder.tasks.chat_messages_info:
    fields: brief

- name: The last ten messages of each of my chats, and of their sub-agents
  coder.tasks.chat_messages_info:
    tail: 10
    children: true
"""

RETURN = r"""
conversations:
  description: One entry per chat; empty on failure.
  type: list
  elements: dict
  returned: always
  contains:
    chat_id:
      description: UUID of the chat.
      type: str
      returned: unless O(fields) leaves it out
      sample: 3dc5b4e4-299e-4b8c-9e3a-da02ca25ffda
    parent_chat_id:
      description: UUID of the chat that started this sub-agent; null for one that is none.
      type: str
      returned: unless O(fields) leaves it out
    name:
      description: Name of the chat; null where it has none.
      type: str
      returned: unless O(fields) leaves it out
      sample: fix-login
    title:
      description: Title of the chat.
      type: str
      returned: unless O(fields) leaves it out
      sample: Fix the login
    owner_username:
      description: Username of the owner.
      type: str
      returned: unless O(fields) leaves it out
      sample: alice
    status:
      description: Status of the chat, see M(coder.tasks.chat_info).
      type: str
      returned: unless O(fields) leaves it out
      sample: waiting
    busy:
      description: Whether a turn is under way, or about to begin.
      type: bool
      returned: unless O(fields) leaves it out
      sample: false
    archived:
      description: Whether the chat is archived.
      type: bool
      returned: unless O(fields) leaves it out
      sample: false
    messages:
      description: The messages, oldest first.
      type: list
      elements: dict
      returned: unless O(fields) leaves it out
      contains:
        id:
          description: Number of the message; larger ones came later.
          type: int
          sample: 219
        role:
          description: V(user), V(assistant), V(tool) or V(system).
          type: str
          sample: assistant
        text:
          description: What it says, its text parts joined.
          type: str
          sample: Hello
        parts:
          description:
            - Its parts, each with a C(type) such as V(text), V(reasoning), V(tool-call), V(tool-result) or V(file), and
              what that type has. A tool call has its C(result) and C(is_error), null while there is none. A part of
              an unknown type is as the server gave it.
          type: list
          elements: dict
          sample: [{type: text, text: Hello}]
        input:
          description:
            - Whether a person said it, or a program for one; else it comes from the model, a tool or a workspace.
          type: bool
          sample: false
        created_at:
          description: When it was written.
          type: str
          sample: "2026-11-21T12:10:03.26525Z"
        created_by:
          description: UUID of the user who wrote it; null for one that no user wrote.
          type: str
        model_id:
          description: UUID of the model; null where the server does not tell.
          type: str
          sample: c2b67dd9-d53d-4188-ac99-7d2f5528d628
        queued_message_id:
          description: The message of the queue that it was before; null where there is none, or before Coder 2.38.
          type: int
        usage:
          description: Tokens that it took, as the server counts them; null where it does not tell.
          type: dict
          sample: {input_tokens: 100, output_tokens: 11, total_tokens: 111}
    last_answer:
      description: Text of the last answer that has one; null where there is none.
      type: str
      returned: unless O(fields) leaves it out
      sample: Hello
    queue:
      description: "Messages that wait for their turn, with C(id), C(text) and C(created_at); empty with O(since_id)."
      type: list
      elements: dict
      returned: unless O(fields) leaves it out
      sample: []
    complete:
      description: Whether these are all messages that the chat has, and no turn was under way.
      type: bool
      returned: unless O(fields) leaves it out
      sample: true
    omitted:
      description: How many messages O(tail) and O(max_bytes) left out.
      type: int
      returned: unless O(fields) leaves it out
      sample: 0
    reason:
      description: Why the messages could not be read; null where they could.
      type: str
      returned: unless O(fields) leaves it out
summary:
  description: How much was read.
  type: dict
  returned: success
  contains:
    total:
      description: Conversations.
      type: int
      returned: always
      sample: 1
    complete:
      description: Those that are complete.
      type: int
      returned: always
      sample: 1
    messages:
      description: Messages that are returned.
      type: int
      returned: always
      sample: 12
    bytes:
      description: Bytes of JSON that they take.
      type: int
      returned: always
      sample: 20480
# begin scripts/returns/chats_chosen.yml
missing:
  description: What O(id), O(ids_file) and O(name) name and no chat has, or none that the token may see.
  type: list
  elements: str
  returned: success
  sample: []
scope:
  description:
    - "Whose chats were chosen from: V(own), V(deployment), or V(named) where O(id), O(ids_file) or O(name) names them."
  type: str
  returned: success
  sample: own
audit_log:
  description: How far the audit log could be followed.
  type: dict
  returned: where O(scope) is V(deployment)
  contains:
    named:
      description: Root chats that the log names.
      type: int
      returned: always
      sample: 120
    read:
      description: Those that could be read.
      type: int
      returned: always
      sample: 104
    gone:
      description: Those that were deleted for good, or that the token may not see.
      type: int
      returned: always
      sample: 16
# end scripts/returns/chats_chosen.yml
# begin scripts/returns/failure.yml {path: /api/v2/chats}
failure:
  description: What went wrong, for playbooks to branch on.
  type: dict
  returned: failure
  contains:
    # begin scripts/returns/failure_keys.yml {path: /api/v2/chats}
    kind:
      description:
        - "One of V(auth), V(forbidden), V(not_found), V(unsupported), V(invalid), V(conflict), V(busy),
          V(unavailable), V(rate_limited), V(server), V(network), V(tls), V(timeout), V(protocol), V(build_failed),
          V(wait_timeout), V(library), V(io), V(internal)."
      type: str
      returned: always
      sample: not_found
    status:
      description: HTTP status of the answer.
      type: int
      returned: where the server answered
      sample: 404
    method:
      description: HTTP method of the request.
      type: str
      returned: where a request was made
      sample: GET
    path:
      description: Path of the request.
      type: str
      returned: where a request was made
      sample: /api/v2/chats
    detail:
      description: The server's further words.
      type: str
      returned: where the server gave any
      sample: 'Task status is "paused".'
    validations:
      description: What the server said of single fields.
      type: list
      elements: dict
      returned: where the server gave any
      sample: []
    attempts:
      description: How often the request was tried.
      type: int
      returned: where a request was made
      sample: 1
    # end scripts/returns/failure_keys.yml
# end scripts/returns/failure.yml
"""

from ansible_collections.coder.tasks.plugins.module_utils.adapter import run_module
from ansible_collections.coder.tasks.plugins.module_utils.operations import chat_messages_info


def main() -> None:
    run_module(chat_messages_info)


if __name__ == "__main__":
    main()
