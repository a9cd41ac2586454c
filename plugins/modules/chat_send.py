#!/usr/bin/python
# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: chat_send
short_description: Send a message to a chat and read its answer
version_added: 1.0.0
description:
  - Sends a message to a chat and returns what its model answers to this message. While another turn runs, the message
    waits in the chat's queue.
  - The answer is found by the ids of messages, so a turn that is over before the first look, or the end of an older
    one, is not taken for another.
  - The message is never sent twice. When the answer to the request is lost, conversation and queue are searched for the
    message; if it cannot be known whether it arrived, the module fails and says so in RV(delivered).
  - A server tries again by itself when a model's provider fails, and does not tell; a provider that cannot be reached
    keeps a chat running for about 19 minutes. So O(wait_timeout) decides how long to wait.
author:
  - the coder.tasks authors (@coder)
extends_documentation_fragment:
  - coder.tasks.connection
  - coder.tasks.connection.timeout
  - coder.tasks.waiting
  - coder.tasks.attributes
  - coder.tasks.attributes.send
  - coder.tasks.attributes.api
attributes:
  check_mode:
    support: full
    details:
      - Checks that there is such a chat and that it can be sent to. RV(would_send) holds what would be sent, and
        RV(delivered) is V(no).
options:
  chat:
    description:
      - The chat, by its name or its UUID. Only the owner of a chat may send to it.
    type: str
    required: true
    aliases: [name]
  input:
    description:
      - What to say. At most 256 KiB as JSON, not blank.
      - One of O(input), O(input_file) and O(tool_results) is required.
    type: str
  input_file:
    description:
      - File on the controller to read O(input) from. A relative path is looked for beside the playbook. It may be a
        vault.
    type: path
  files:
    description:
      - Files that go with the message, on the host where the module runs. A relative path is looked for beside the
        playbook. Each is uploaded before the message is sent, up to 10 MiB.
      - A server takes JSON, PDF, CSV, Markdown, plain text, GIF, JPEG, PNG and WebP, and 12 uploads per minute; the
        module waits. The type is told by the name of the file; of a name that says none of these the server looks
        whether it is text.
    type: list
    elements: path
  busy:
    description:
      - What to do while a turn of the chat runs.
      - V(queue) lets the message wait for the end of that turn. A server takes 20 such messages; while the queue is
        full the module waits.
      - V(interrupt) has the server stop that turn. Messages that wait already come first.
      - V(fail) fails.
    type: str
    choices: [queue, interrupt, fail]
    default: queue
  tool_results:
    description:
      - Results for tools that whoever created the chat has to run. A chat whose model called one waits for its
        result, for five minutes.
      - They are given when the chat waits for exactly such calls. Otherwise the module returns the calls in
        RV(action_required). Beside O(input) that needs O(wait_for=reply).
      - Without O(input) they are for calls that the chat waits for already, such as those of an earlier
        RV(action_required). Each call needs a result then, and each result a call. What the model says after them is
        the reply.
    type: list
    elements: dict
    suboptions:
      tool:
        description: Name of the tool, or the id of one call from RV(action_required). Each is named once.
        type: str
        required: true
      output:
        description: What the tool gave, any value.
        type: raw
      is_error:
        description: Whether that is an error.
        type: bool
        default: false
  wait_for:
    description:
      - V(accepted) returns when the server has taken the message, which may then wait in the queue.
      - V(reply) waits for the end of the turn that answers it.
    type: str
    choices: [accepted, reply]
    default: reply
seealso:
  - module: coder.tasks.chat
"""

EXAMPLES = r"""
- name: Ask, and print the answer
  coder.tasks.chat_send:
    chat: fix-login
    input: Is the pull request open?
  register: answer

- name: The same words
  ansible.builtin.debug:
    msg: "{{ answer.reply | map(attribute='content') | join('\n') or answer.note }}"

- name: Stop what it does and have it do something else, without waiting for the answer
  coder.tasks.chat_send:
    chat: fix-login
    input: Never mind. Write the tests first.
    busy: interrupt
    wait_for: accepted

- name: Show it a file that lies beside the playbook
  coder.tasks.chat_send:
    chat: fix-login
    input: Does the output look right to you?
    files: [prompts/upgrade-deps.md]

- name: Answer the tool that it called
  coder.tasks.chat_send:
    chat: fix-login
    input: How is the weather?
    tool_results:
      - tool: get_weather
        output:
          temperature: 5

- name: Answer the calls that it waits for, and say nothing
  coder.tasks.chat_send:
    chat: fix-login
    tool_results:
      - tool: get_weather
        output:
          temperature: 5
  when: answer.action_required | length > 0
"""

RETURN = r"""
chat:
  description:
    - The chat as it is afterwards.
  type: dict
  returned: success, and on failure where it is known
  contains:
    # begin scripts/returns/chat.yml {returned: always}
    id:
      description: UUID of the chat.
      type: str
      returned: always
      sample: 3dc5b4e4-299e-4b8c-9e3a-da02ca25ffda
    name:
      description: "Its name: the label C(coder.tasks/name). Null where it has none."
      type: str
      returned: always
      sample: fix-login
    title:
      description:
        - >-
          Title shown in the dashboard: the first words of the prompt, soon replaced by one that a
          model makes. Not unique.
      type: str
      returned: always
      sample: Fix the login
    status:
      description:
        - >-
          What goes on, as the server says it: V(waiting) (no turn is under way), V(running),
          V(interrupting), V(requires_action) (it waits for the results of tools), V(error),
          V(unknown); up to Coder 2.34 V(pending), V(paused) and V(completed), too.
      type: str
      returned: always
      sample: waiting
    busy:
      description: "Whether a turn is under way, or about to begin."
      type: bool
      returned: always
      sample: false
    queued_for_capacity:
      description:
        - Whether it waits for a free slot of the deployment; null where only a list was read, which
          does not tell.
      type: bool
      returned: always
      sample: false
    last_error:
      description:
        - Why the last turn failed, with C(kind), C(message), C(detail), C(provider), C(retryable) and
          C(status_code); null if it did not.
      type: dict
      returned: always
    owner_id:
      description: UUID of the owner.
      type: str
      returned: always
      sample: 1df05098-d1b7-4588-a0f0-d2d9192525d4
    owner_username:
      description: Username of the owner.
      type: str
      returned: always
      sample: alice
    owner_name:
      description: Full name of the owner; null where there is none.
      type: str
      returned: always
      sample: Alice
    organization_id:
      description: UUID of the organization.
      type: str
      returned: always
      sample: efe617ed-15e3-49b4-ba48-a368e3a528f4
    labels:
      description: "Labels by name. They are the only key that stays: a title changes."
      type: dict
      returned: always
      sample: {coder.tasks/name: fix-login}
    archived:
      description:
        - Whether it is archived. An archived chat is deleted for good after a while, see
          C(purge_after).
      type: bool
      returned: always
      sample: false
    shared:
      description: "Whether others may read it; null where the server does not tell."
      type: bool
      returned: always
      sample: false
    pin_order:
      description: Place among the pinned chats; 0 for one that is not pinned.
      type: int
      returned: always
      sample: 0
    created_at:
      description: When it was created.
      type: str
      returned: always
      sample: "2026-11-21T12:05:13.288097Z"
    updated_at:
      description: "When something of it changed last: a turn, its labels, or that it was archived."
      type: str
      returned: always
      sample: "2026-11-21T12:05:14.100000Z"
    root_chat_id:
      description: UUID of the chat at the head of the family; its own for one that is no sub-agent.
      type: str
      returned: always
      sample: 3dc5b4e4-299e-4b8c-9e3a-da02ca25ffda
    parent_chat_id:
      description: "UUID of the chat that started this sub-agent; null for one that is none."
      type: str
      returned: always
    workspace_id:
      description:
        - "UUID of the workspace that it works in; null without one. It stays when the workspace is deleted."
      type: str
      returned: always
    build_id:
      description: UUID of the build of that workspace; null without one.
      type: str
      returned: always
    agent_id:
      description: UUID of the agent of that workspace; null without one.
      type: str
      returned: always
    model_id:
      description: "UUID of the model that answered last."
      type: str
      returned: always
      sample: c2b67dd9-d53d-4188-ac99-7d2f5528d628
    reasoning_effort:
      description: How much the model was told to reason; null where that was not said, or the server does not tell.
      type: str
      returned: always
    plan_mode:
      description: Whether it plans only; null where it does not.
      type: str
      returned: always
    mcp_server_ids:
      description: UUIDs of the MCP servers that it may use.
      type: list
      elements: str
      returned: always
      sample: []
    client_type:
      description: "How it was created, V(ui) or V(api)."
      type: str
      returned: always
      sample: api
    has_unread:
      description: Whether there is something that its owner has not seen; right in lists only.
      type: bool
      returned: always
      sample: false
    last_turn_summary:
      description: What the last turn did, in a few words of a model; null where there is none.
      type: str
      returned: always
      sample: Finished the turn
    summary:
      description: What the chat is about, in a few words of a model; null where there is none.
      type: str
      returned: always
    diff_status:
      description: State of the pull request that came of it, as the server has it; null where there is none.
      type: dict
      returned: always
    files:
      description: Files that were attached to it, as the server lists them.
      type: list
      elements: dict
      returned: always
      sample: []
    warnings:
      description: Warnings of the server about it.
      type: list
      elements: str
      returned: always
      sample: []
    context:
      description: What fills the model's context, as the server has it; null where it does not tell.
      type: dict
      returned: always
    children:
      description: "Its sub-agents, each with the same fields. They nest one level."
      type: list
      elements: dict
      returned: always
      sample: []
    url:
      description: Address of its page in the dashboard.
      type: str
      returned: always
      sample: https://coder.example.com/agents/3dc5b4e4-299e-4b8c-9e3a-da02ca25ffda
    purge_after:
      description:
        - When the server may delete it for good; null for one that is not archived, and where the
          server never does or does not tell.
      type: str
      returned: always
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
message_id:
  description:
    - Id of the message; null while it waits in the queue, and where it was not sent.
  type: int
  returned: success, and on failure
  sample: 27
# begin scripts/returns/uploaded.yml
uploaded:
  description:
    - Files that this call has put on the server, whatever became of the rest.
  type: list
  elements: dict
  returned: success, and on failure
  contains:
    path:
      description: Path of the file.
      type: str
      returned: always
      sample: /srv/notes.md
    id:
      description: Its UUID on the server.
      type: str
      returned: always
      sample: 49f78da7-bbd9-4e87-9902-13817dac57ad
# end scripts/returns/uploaded.yml
delivered:
  description:
    - V(yes), V(no), or V(unknown) when the answer was lost and neither conversation nor queue tells. A message in the
      queue is delivered.
    - It is there in every result, also in failures, but for arguments that are refused before anything is looked at.
    - In check mode it is V(no), and RV(would_send) holds what would be sent.
  type: str
  returned: success, and on failure
  sample: "yes"
reply:
  description:
    - What the model said after the message and before the next one, or so far if its turn failed. Messages without
      words, such as those that only call tools, are left out.
    - Empty where the turn ended without any text, and RV(note) says why.
  type: list
  elements: dict
  returned: success, and on failure
  contains:
    id:
      description: Id of the message.
      type: int
      returned: always
      sample: 28
    content:
      description: Its text.
      type: str
      returned: always
      sample: "The login works again."
    type:
      description: Always V(output).
      type: str
      returned: always
      sample: output
    time:
      description: When it was written.
      type: str
      returned: always
      sample: "2026-11-21T11:21:43.6015Z"
note:
  description:
    - Why there is no text; null where there is, and where none was waited for.
  type: str
  returned: success, and on failure
  sample: null
action_required:
  description:
    - Calls of tools whose results the chat waits for, and O(tool_results) does not have; empty as a rule.
  type: list
  elements: dict
  returned: success, and on failure
  contains:
    tool_call_id:
      description: Id of the call.
      type: str
      returned: always
      sample: call_c-37c9a7ec3f40
    tool_name:
      description: Name of the tool.
      type: str
      returned: always
      sample: get_weather
    args:
      description: What the model gave it, any value; null for nothing.
      type: raw
      returned: always
      sample: {city: Oslo}
would_send:
  description: The message that would be sent; without one the results of tools, as JSON.
  type: str
  returned: in check mode
  sample: Please go on.
waited:
  description: Seconds that were waited.
  type: float
  returned: success, and on failure
  sample: 12.0
diagnosis:
  description: What a person would look at next.
  type: dict
  returned: when waiting or sending failed
  contains:
    # begin scripts/returns/chat_diagnosis.yml
    status:
      description: The chat's status.
      type: str
      returned: always
      sample: error
    error:
      description:
        - Why the last turn failed, with C(kind), C(message), C(detail), C(provider), C(retryable) and
          C(status_code); null if it did not.
      type: dict
      returned: always
      sample: {kind: auth, message: The key was refused.}
    queued_for_capacity:
      description: Whether it waits for a free slot of the deployment; null where that was not told.
      type: bool
      returned: always
      sample: false
    busy_children:
      description: UUIDs of its sub-agents that work.
      type: list
      elements: str
      returned: always
      sample: []
    queued:
      description: How many messages wait for their turn; null where that could not be asked for.
      type: int
      returned: always
      sample: 0
    last_message_age:
      description: Seconds since the newest message of the conversation; null where there is none.
      type: float
      returned: always
      sample: 12.0
    provider:
      description: The provider of the model that answered last; null where the server does not tell.
      type: dict
      returned: always
      contains:
        provider:
          description: Its type; null where the server does not tell.
          type: str
          returned: always
          sample: openai
        available:
          description: Whether the model can be used, as far as the server knows.
          type: bool
          returned: always
          sample: true
        reason:
          description: Why it cannot, as M(coder.tasks.chat_model_info) says it; null where it can.
          type: str
          returned: always
          sample: null
    # end scripts/returns/chat_diagnosis.yml
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
from ansible_collections.coder.tasks.plugins.module_utils.operations import chat_send


def main() -> None:
    run_module(chat_send)


if __name__ == "__main__":
    main()
