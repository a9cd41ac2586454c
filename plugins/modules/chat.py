#!/usr/bin/python
# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: chat
short_description: Create, stop and archive a chat
version_added: 1.0.0
description:
  - Brings one chat, a conversation with an agent that runs in Coder itself, into a declared state. Chats are what
    Coder has instead of tasks since 2.37; servers since 2.33 have them, too.
  - A chat is known by its name, which is kept in its label C(coder.tasks/name), or by its id. Its title is made by a
    model and changes. Repeating a call changes nothing and sends no request that writes.
  - No server refuses a second chat of a name, so the module sees to it. The oldest one stays. A call stops and
    archives only a chat that it has created itself, which the label C(coder.tasks/call) tells; several that stood
    there before are an error that names them.
  - A call that fails after it has changed something, such as one whose wait ends too early, is C(changed) too.
author:
  - the coder.tasks authors (@coder)
extends_documentation_fragment:
  - coder.tasks.connection
  - coder.tasks.connection.timeout
  - coder.tasks.waiting
  - coder.tasks.archive.proof
  - coder.tasks.attributes
  - coder.tasks.attributes.api
attributes:
  check_mode:
    support: full
    details:
      - The organization, the model and the workspace are looked up, so that their mistakes show. With
        O(require_collected) the proof is made, so that its refusal shows, too.
  diff_mode:
    support: full
  idempotent:
    support: partial
    details:
      - A call without O(name) and O(id) creates a chat each time.
options:
  name:
    description:
      - Name of the chat, up to 256 bytes. It becomes the label C(coder.tasks/name).
      - Names are told apart within the chats of the token's user only, for a server lists nobody else's.
      - Mutually exclusive with O(id). Without both, a chat is created that only its id finds again.
    type: str
  id:
    description:
      - UUID of a chat that exists, also one of somebody else.
    type: str
  owner:
    description:
      - User for whom a chat is created, by username or UUID; V(me) is the user of the token. Needs Coder 2.38 and a
        token of a site owner.
      - Such a chat cannot have a O(name), because a server lists one's own chats only. Keep the id from the result.
      - An older server makes the chat the caller's own. The module notices, stops and archives it, and fails.
    type: str
    default: me
  state:
    description:
      - V(present) creates the chat if there is none, with O(prompt). An existing one is left as it is, but for what is
        declared and can be changed, which are O(title), O(labels), O(workspace) and O(plan_mode).
      - V(idle) stops what runs on an existing chat and on its sub-agents. Messages that wait in a queue would begin
        the next turn, so they are taken out; RV(discarded) has them.
      - V(archived) does so too, and archives the chat with its sub-agents. A server deletes archived chats after its
        retention, see RV(chat.purge_after). If there is no such chat, there is nothing to do.
      - Of the options that describe a chat, V(idle) looks at those that can be changed only, and V(archived) at none.
      - V(absent) is refused, because no server lets a chat be deleted.
    type: str
    choices: [present, idle, archived, absent]
    default: present
  organization:
    description:
      - Organization of a new chat, by name or UUID; the default one if not set.
    type: str
  prompt:
    description:
      - What the agent is asked to do. Needed to create a chat. At most 256 KiB as JSON.
      - Mutually exclusive with O(prompt_file).
    type: str
  prompt_file:
    description:
      - File on the controller to read O(prompt) from. A relative path is looked for beside the playbook. It may be a
        vault.
    type: path
  files:
    description:
      - Files that go with O(prompt) when it is sent, on the host where the module runs. A relative path is looked for
        beside the playbook. Each is uploaded before that, up to 10 MiB.
      - A server takes JSON, PDF, CSV, Markdown, plain text, GIF, JPEG, PNG and WebP, and 12 uploads per minute; the
        module waits. The type is told by the name of the file; of a name that says none of these the server looks
        whether it is text.
      - Where the chat was told its prompt already nothing is uploaded. If the chat carries no file of that name, the
        module warns.
    type: list
    elements: path
  title:
    description:
      - Title to show in the dashboard, up to 200 characters. If not set, a model makes one.
    type: str
  labels:
    description:
      - Labels that the chat has at least; others that it has stay. Up to 48.
      - A key has up to 64 letters, digits and, after the first, any of C(. _ / -); a value is a text of up to 256
        bytes. Keys that begin with C(coder.tasks/) are the collection's own; C(coder.tasks/from-task) may be given.
      - They are not changed in a chat that is archived already, because that would put off its deletion.
    type: dict
  model:
    description:
      - Model of a new chat, by its display name, its name at the provider, or its id; the server's default if not set.
      - That of an existing chat is not changed; the module warns.
    type: str
  workspace:
    description:
      - Workspace that the chat works in, by name, C(owner/name) or UUID. If not set, the agent may create one.
    type: str
  plan_mode:
    description:
      - Whether the agent is to plan only.
    type: bool
  mcp_servers:
    description:
      - MCP servers that a new chat may use, each by its slug, its display name or its UUID.
      - Those of an existing chat are not changed; the module warns.
    type: list
    elements: str
  reasoning_effort:
    description:
      - How much the model of a new chat is to reason. Needs Coder 2.36; older servers ignore it, and the module warns.
    type: str
    choices: [none, minimal, low, medium, high, xhigh, max]
  unarchive:
    description:
      - Whether O(state=present) brings a chat back that is archived. Otherwise that is an error.
    type: bool
    default: false
  on_prompt_change:
    description:
      - What to do when the chat exists and was not told O(prompt).
      - V(ignore) warns.
      - V(send) sends it, once; see M(coder.tasks.chat_send) for more.
      - V(edit) puts it in the place of the first message, which cuts all that followed; see O(discard_log). The new
        turn begins with an empty history.
      - V(fail) fails.
      - A chat without any message, such as one whose creator was ended before it could send, is told it in any case.
    type: str
    choices: [ignore, send, edit, fail]
    default: ignore
  discard_log:
    description:
      - Confirms that O(on_prompt_change=edit) may lose what followed the first message.
    type: bool
    default: false
  require_collected:
    description:
      - Folder of an archive of M(coder.tasks.archive). With O(state=archived), the chat is archived only if that has a
        proven copy of this moment of it and of each of its sub-agents, the same proof as that of
        M(coder.tasks.archive_info). Else the call fails before anything is written; RV(unproven) says what has none.
      - Nothing is stopped then. A chat at work has no copy of this moment, so stop it with O(state=idle) before it is
        saved.
      - O(accept), O(redact), O(redaction_key), O(redaction_rules) and O(redact_values) are those that the archive was
        made with, and are refused without this. Its scanner is asked by itself.
    type: path
  wait:
    description:
      - Whether to wait until the chat is as O(wait_for) says, and until what was stopped has ended.
    type: bool
    default: true
  wait_for:
    description:
      - What to wait for.
      - With O(state=present) it is V(ready) (the default; the chat takes messages, which it does at once), V(idle)
        (no turn is under way, in the chat and in its sub-agents, however the last one ended) or V(replied) (the last
        turn is over and has left an answer with words; an error and an empty answer fail).
      - With O(state=idle) it is V(idle).
    type: str
    choices: [ready, idle, replied]
seealso:
  - module: coder.tasks.archive
  - module: coder.tasks.chat_send
  - module: coder.tasks.task
"""

EXAMPLES = r"""
- name: A chat that works in a workspace, waited for until it has answered
  coder.tasks.chat:
    name: fix-login
    prompt: Fix the bug in the login form and open a pull request.
    workspace: dev
    labels:
      team: web
    wait_for: replied
    wait_timeout: 30m

- name: One that only plans, with a model by its name and the prompt in a file beside the playbook
  coder.tasks.chat:
    name: upgrade-deps
    prompt_file: prompts/upgrade-deps.md
    model: "{{ chat_model }}"
    plan_mode: true

- name: Stop it, and its sub-agents
  coder.tasks.chat:
    name: upgrade-deps
    state: idle

- name: Archive it; the server deletes it later
  coder.tasks.chat:
    name: upgrade-deps
    state: archived
  register: archived

- name: Bring it back, and have it begin anew with another prompt
  coder.tasks.chat:
    name: upgrade-deps
    unarchive: true
    prompt: Upgrade the dependencies of the tests only.
    on_prompt_change: edit
    discard_log: true

- name: Save another one
  coder.tasks.archive:
    path: coder-archive
    source: chats
    name: fix-login

- name: Archive it, unless something was said since
  coder.tasks.chat:
    name: fix-login
    state: archived
    require_collected: coder-archive
    accept: [redacted]
"""

RETURN = r"""
chat:
  description:
    - The chat as it is at the end, or would be in check mode; null when there is none.
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
created_by:
  description:
    - "Who made a chat that was not there before: V(this_call), or V(someone_else) who was faster, so that the chat of
      this call was archived again; null when nothing was created."
  type: str
  returned: success, and on failure where it is known
  sample: this_call
discarded:
  description:
    - Messages that were taken out of queues, because they would have begun another turn.
  type: list
  elements: dict
  returned: success, and on failure where it is known
  contains:
    # begin scripts/returns/queued.yml
    chat_id:
      description: UUID of the chat, or of the sub-agent, in whose queue it was.
      type: str
      returned: always
      sample: 3dc5b4e4-299e-4b8c-9e3a-da02ca25ffda
    id:
      description: Its number in the queue.
      type: int
      returned: always
      sample: 7
    text:
      description: What it said.
      type: str
      returned: always
      sample: And then the tests.
    created_at:
      description: When it was sent.
      type: str
      returned: always
      sample: "2026-11-21T12:05:13.288097Z"
    # end scripts/returns/queued.yml
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
unproven:
  description:
    - The chat and its sub-agents, those of which O(require_collected) has no proven copy.
  type: list
  elements: dict
  returned: where that is why the call failed
  contains:
    chat:
      description: Owner and name, or title.
      type: str
      returned: always
      sample: alice/fix-login
    id:
      description: Its UUID.
      type: str
      returned: always
      sample: 3fa85f64-5717-4562-b3fc-2c963f66afa6
    # begin scripts/returns/proof.yml {verdict: drifted, why: not all that it has now was saved}
    verdict:
      description: What the comparison says, as in M(coder.tasks.archive_info).
      type: str
      returned: always
      sample: drifted
    reasons:
      description: Classes that O(accept) does not name, or what stands in the way.
      type: list
      elements: str
      returned: always
      sample: []
    why:
      description: The reasons in words.
      type: str
      returned: always
      sample: not all that it has now was saved
    # end scripts/returns/proof.yml
waited:
  description: Seconds that were waited.
  type: float
  returned: success and failed waits
  sample: 4.5
diagnosis:
  description: What a person would look at next.
  type: dict
  returned: when waiting failed
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
from ansible_collections.coder.tasks.plugins.module_utils.operations import chat


def main() -> None:
    run_module(chat)


if __name__ == "__main__":
    main()
