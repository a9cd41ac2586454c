#!/usr/bin/python
# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: chat_info
short_description: Read one chat or many
version_added: 1.0.0
description:
  - Returns chats by id, by name, by labels, or all of one's own, and counts them by status, owner and model.
  - Chats are what Coder has for its agents since 2.33, and instead of tasks since 2.38.
  - A list is the caller's own, also for a site owner, so RV(scope) tells whose chats these are.
  - A chat that the server's list shows in a form that is not Coder's is left out with a warning.
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
  children:
    description:
      - Whether sub-agents stand in the RV(chats[].children) of their chat (V(nested)), or behind it in RV(chats)
        (V(flat)).
    type: str
    choices: [nested, flat]
    default: nested
  queue:
    description:
      - Whether to ask for the messages that wait for their turn, one request per chat.
    type: bool
    default: false
  cost:
    description:
      - Whether to ask what each chat cost so far with its sub-agents, one request per chat.
    type: bool
    default: false
seealso:
  - module: coder.tasks.chat_messages_info
"""

EXAMPLES = r"""
- name: One chat by its name
  coder.tasks.chat_info:
    name: fix-login
  register: found

- name: My chats that ended in an error, and why
  coder.tasks.chat_info:
    status: error
    fields: brief

- name: All chats of a night's run, archived or not, with what they cost
  coder.tasks.chat_info:
    labels:
      team/run: night
    archived: include
    cost: true

- name: Everybody's archived chats, with the day on which each is deleted for good
  coder.tasks.chat_info:
    scope: deployment
    archived: only
    fields: [id, owner_username, title, purge_after]
"""

RETURN = r"""
chats:
  description: The chats, own ones with the last changed first; empty on failure.
  type: list
  elements: dict
  returned: always
  contains:
    # begin scripts/returns/chat.yml {returned: "unless O(fields) leaves it out"}
    id:
      description: UUID of the chat.
      type: str
      returned: unless O(fields) leaves it out
      sample: 3dc5b4e4-299e-4b8c-9e3a-da02ca25ffda
    name:
      description: "Its name: the label C(coder.tasks/name). Null where it has none."
      type: str
      returned: unless O(fields) leaves it out
      sample: fix-login
    title:
      description:
        - >-
          Title shown in the dashboard: the first words of the prompt, soon replaced by one that a
          model makes. Not unique.
      type: str
      returned: unless O(fields) leaves it out
      sample: Fix the login
    status:
      description:
        - >-
          What goes on, as the server says it: V(waiting) (no turn is under way), V(running),
          V(interrupting), V(requires_action) (it waits for the results of tools), V(error),
          V(unknown); up to Coder 2.34 V(pending), V(paused) and V(completed), too.
      type: str
      returned: unless O(fields) leaves it out
      sample: waiting
    busy:
      description: "Whether a turn is under way, or about to begin."
      type: bool
      returned: unless O(fields) leaves it out
      sample: false
    queued_for_capacity:
      description:
        - Whether it waits for a free slot of the deployment; null where only a list was read, which
          does not tell.
      type: bool
      returned: unless O(fields) leaves it out
      sample: false
    last_error:
      description:
        - Why the last turn failed, with C(kind), C(message), C(detail), C(provider), C(retryable) and
          C(status_code); null if it did not.
      type: dict
      returned: unless O(fields) leaves it out
    owner_id:
      description: UUID of the owner.
      type: str
      returned: unless O(fields) leaves it out
      sample: 1df05098-d1b7-4588-a0f0-d2d9192525d4
    owner_username:
      description: Username of the owner.
      type: str
      returned: unless O(fields) leaves it out
      sample: alice
    owner_name:
      description: Full name of the owner; null where there is none.
      type: str
      returned: unless O(fields) leaves it out
      sample: Alice
    organization_id:
      description: UUID of the organization.
      type: str
      returned: unless O(fields) leaves it out
      sample: efe617ed-15e3-49b4-ba48-a368e3a528f4
    labels:
      description: "Labels by name. They are the only key that stays: a title changes."
      type: dict
      returned: unless O(fields) leaves it out
      sample: {coder.tasks/name: fix-login}
    archived:
      description:
        - Whether it is archived. An archived chat is deleted for good after a while, see
          C(purge_after).
      type: bool
      returned: unless O(fields) leaves it out
      sample: false
    shared:
      description: "Whether others may read it; null where the server does not tell."
      type: bool
      returned: unless O(fields) leaves it out
      sample: false
    pin_order:
      description: Place among the pinned chats; 0 for one that is not pinned.
      type: int
      returned: unless O(fields) leaves it out
      sample: 0
    created_at:
      description: When it was created.
      type: str
      returned: unless O(fields) leaves it out
      sample: "2026-11-21T12:05:13.288097Z"
    updated_at:
      description: "When something of it changed last: a turn, its labels, or that it was archived."
      type: str
      returned: unless O(fields) leaves it out
      sample: "2026-11-21T12:05:14.100000Z"
    root_chat_id:
      description: UUID of the chat at the head of the family; its own for one that is no sub-agent.
      type: str
      returned: unless O(fields) leaves it out
      sample: 3dc5b4e4-299e-4b8c-9e3a-da02ca25ffda
    parent_chat_id:
      description: "UUID of the chat that started this sub-agent; null for one that is none."
      type: str
      returned: unless O(fields) leaves it out
    workspace_id:
      description:
        - "UUID of the workspace that it works in; null without one. It stays when the workspace is deleted."
      type: str
      returned: unless O(fields) leaves it out
    build_id:
      description: UUID of the build of that workspace; null without one.
      type: str
      returned: unless O(fields) leaves it out
    agent_id:
      description: UUID of the agent of that workspace; null without one.
      type: str
      returned: unless O(fields) leaves it out
    model_id:
      description: "UUID of the model that answered last."
      type: str
      returned: unless O(fields) leaves it out
      sample: c2b67dd9-d53d-4188-ac99-7d2f5528d628
    reasoning_effort:
      description: How much the model was told to reason; null where that was not said, or the server does not tell.
      type: str
      returned: unless O(fields) leaves it out
    plan_mode:
      description: Whether it plans only; null where it does not.
      type: str
      returned: unless O(fields) leaves it out
    mcp_server_ids:
      description: UUIDs of the MCP servers that it may use.
      type: list
      elements: str
      returned: unless O(fields) leaves it out
      sample: []
    client_type:
      description: "How it was created, V(ui) or V(api)."
      type: str
      returned: unless O(fields) leaves it out
      sample: api
    has_unread:
      description: Whether there is something that its owner has not seen; right in lists only.
      type: bool
      returned: unless O(fields) leaves it out
      sample: false
    last_turn_summary:
      description: What the last turn did, in a few words of a model; null where there is none.
      type: str
      returned: unless O(fields) leaves it out
      sample: Finished the turn
    summary:
      description: What the chat is about, in a few words of a model; null where there is none.
      type: str
      returned: unless O(fields) leaves it out
    diff_status:
      description: State of the pull request that came of it, as the server has it; null where there is none.
      type: dict
      returned: unless O(fields) leaves it out
    files:
      description: Files that were attached to it, as the server lists them.
      type: list
      elements: dict
      returned: unless O(fields) leaves it out
      sample: []
    warnings:
      description: Warnings of the server about it.
      type: list
      elements: str
      returned: unless O(fields) leaves it out
      sample: []
    context:
      description: What fills the model's context, as the server has it; null where it does not tell.
      type: dict
      returned: unless O(fields) leaves it out
    children:
      description: "Its sub-agents, each with the same fields. They nest one level."
      type: list
      elements: dict
      returned: unless O(fields) leaves it out
      sample: []
    url:
      description: Address of its page in the dashboard.
      type: str
      returned: unless O(fields) leaves it out
      sample: https://coder.example.com/agents/3dc5b4e4-299e-4b8c-9e3a-da02ca25ffda
    purge_after:
      description:
        - When the server may delete it for good; null for one that is not archived, and where the
          server never does or does not tell.
      type: str
      returned: unless O(fields) leaves it out
    reason:
      description: "Why the chat is not well."
      type: str
      returned: where one is known
      sample: "its last turn failed (auth): the key was refused"
    queue:
      description: "Messages that wait for their turn, with C(id), C(text) and C(created_at)."
      type: list
      elements: dict
      returned: where it was asked for
      sample: []
    cost:
      description:
        - >-
          What it cost so far with its sub-agents, in millionths of a dollar: C(total_cost_micros),
          C(request_count) and C(unpriced_request_count). Zero with requests that are not priced means
          unknown, not free. Null where the server does not tell.
      type: dict
      returned: where it was asked for
    # end scripts/returns/chat.yml
summary:
  description: How many there are.
  type: dict
  returned: success
  contains:
    total:
      description: All of them, without their sub-agents.
      type: int
      returned: always
      sample: 3
    children:
      description: Their sub-agents.
      type: int
      returned: always
      sample: 2
    busy:
      description: Those with a turn under way, or about to begin.
      type: int
      returned: always
      sample: 1
    archived:
      description: Those that are archived.
      type: int
      returned: always
      sample: 0
    by_status:
      description: By status.
      type: dict
      returned: always
      sample: {waiting: 2, running: 1}
    by_owner:
      description: By owner.
      type: dict
      returned: always
      sample: {alice: 3}
    by_model:
      description: By the UUID of the model that answered last.
      type: dict
      returned: always
      sample: {c2b67dd9-d53d-4188-ac99-7d2f5528d628: 3}
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
from ansible_collections.coder.tasks.plugins.module_utils.operations import chat_info


def main() -> None:
    run_module(chat_info)


if __name__ == "__main__":
    main()
