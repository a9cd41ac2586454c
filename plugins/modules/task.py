#!/usr/bin/python
# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: task
short_description: Create, pause, resume and delete a task
version_added: 1.0.0
description:
  - Brings one task, a workspace in which an AI coding agent works, into a declared state.
  - A task is known by its owner and its name. Repeating a call changes nothing and sends no request that writes.
  - A call that fails after it has changed something, such as one whose wait ends too early, is C(changed) too.
  - A lost answer, or somebody else who creates the same task at the same time, never makes a second task.
author:
  - the coder.tasks authors (@coder)
extends_documentation_fragment:
  - coder.tasks.connection
  - coder.tasks.connection.timeout
  - coder.tasks.input
  - coder.tasks.template
  - coder.tasks.waiting
  - coder.tasks.waiting.idle
  - coder.tasks.attributes
  - coder.tasks.attributes.state
  - coder.tasks.attributes.api
attributes:
  idempotent:
    support: partial
    details:
      - A call without O(name) creates a task each time.
options:
  name:
    description:
      - Name of the task. Up to 32 letters, digits and single hyphens between them.
      - Also accepted as C(owner/name), or as the UUID of a task that exists.
      - If not set, a name is made from the input; such a call is always changed. An empty name, such as that of a
        variable without a value, is an error; so it is in the other options that hold a name.
    type: str
  owner:
    description:
      - User who owns the task, by username or UUID; V(me) is the user of the token.
      - Another user than O(name) names as C(owner/name) is an error.
      - Tasks of others need the right to create workspaces for them.
    type: str
    default: me
  state:
    description:
      - V(present) creates the task if there is none.
      - V(active) does so too, and resumes a paused one.
      - V(paused) stops the workspace of an existing task. Its conversation is kept if the workspace has a shutdown
        hook.
      - V(absent) deletes the task with its workspace and its conversation.
      - A task that is being paused counts as paused; with O(wait) the module waits for the end of that.
    type: str
    choices: [present, active, paused, absent]
    default: present
  template:
    description:
      - Template to create the task from, by name or UUID. Needed to create a task.
      - What a task was made from cannot be changed. Where an existing task was made from another template, version or
        preset, the module warns and keeps it.
    type: str
  preset:
    description:
      - Preset of the template version, by name or UUID.
      - V(default) is the template's default preset, V(none) or nothing is none.
      - Parameters cannot be passed to a task, so a template that requires some needs a preset that gives them; but up
        to Coder 2.29 the server itself gives C(AI Prompt) the O(input).
    type: str
  input:
    description:
      - What the agent is asked to do. At most 131,053 bytes in UTF-8.
      - Coder makes a task without one, too. Its agent waits until it is told something, so the module warns.
      - Mutually exclusive with O(input_file).
    type: str
  display_name:
    description:
      - Title to show in the dashboard, at most 64 bytes. If not set, the server makes one from the input.
      - Used when the task is created; Coder cannot change it later.
    type: str
  on_input_change:
    description:
      - What to do when the task exists and O(input) differs from its prompt.
      - V(ignore) keeps the prompt and warns.
      - V(update) changes it, which Coder allows only while the task is paused; see O(allow_restart). Needs Coder
        2.29.
      - V(recreate) deletes the task and creates it anew; see O(discard_log). It does not go with O(state=paused).
      - V(fail) fails.
    type: str
    choices: [ignore, update, recreate, fail]
    default: ignore
  allow_restart:
    description:
      - Whether O(on_input_change=update) may pause a running task, change its prompt and resume it.
      - Not needed with O(state=paused), which asks for the pause itself, nor for a task that is being paused.
    type: bool
    default: false
  discard_log:
    description:
      - Confirms that O(on_input_change=recreate) may lose the task's conversation.
    type: bool
    default: false
  wait:
    description:
      - Whether to wait until the task is as O(wait_for) says.
    type: bool
    default: true
  wait_for:
    description:
      - What to wait for.
      - With O(state=present) and O(state=active) it is V(ready) (the default; the agent takes input),
        V(idle) (the agent has finished what it was doing) or V(complete) (the agent reported that it is done).
      - With O(state=paused) it is V(paused), with O(state=absent) V(gone), which means that the name is free again.
    type: str
    choices: [ready, idle, complete, paused, gone]
seealso:
  - module: coder.tasks.task_info
  - module: coder.tasks.task_send
"""

EXAMPLES = r"""
- name: A task from a template's default preset
  coder.tasks.task:
    name: fix-login
    template: ai
    preset: default
    input: Fix the bug in the login form and open a pull request.

- name: The same for another user, its prompt in a file beside the playbook
  coder.tasks.task:
    name: bob/upgrade-deps
    template: ai
    input_file: prompts/upgrade-deps.md
    wait_for: idle
    wait_timeout: 1800

- name: Pause it overnight
  coder.tasks.task:
    name: fix-login
    state: paused

- name: Resume it, with a new prompt
  coder.tasks.task:
    name: fix-login
    state: active
    input: Now write the tests too.
    on_input_change: update

- name: Remove it, and wait until its name is free
  coder.tasks.task:
    name: fix-login
    state: absent
"""

RETURN = r"""
task:
  description:
    - The task as it is at the end, or would be in check mode; null when there is none.
  type: dict
  returned: success, and on failure where it is known
  contains:
    # begin scripts/returns/task.yml {returned: always}
    id:
      description: UUID of the task.
      type: str
      returned: always
      sample: cdee2e5a-7c94-4461-b357-7322432ffad0
    name:
      description: "Name of the task, unique among its owner's tasks."
      type: str
      returned: always
      sample: fix-login
    display_name:
      description: Title shown in the dashboard; null where the server knows none.
      type: str
      returned: always
      sample: Fix the login
    owner_id:
      description: UUID of the owner.
      type: str
      returned: always
      sample: 1df05098-d1b7-4588-a0f0-d2d9192525d4
    owner_name:
      description: Username of the owner.
      type: str
      returned: always
      sample: alice
    organization_id:
      description: UUID of the organization.
      type: str
      returned: always
      sample: efe617ed-15e3-49b4-ba48-a368e3a528f4
    template_id:
      description: UUID of the template.
      type: str
      returned: always
      sample: a294f866-cf9e-4179-9317-10220fe5e10b
    template_name:
      description: Name of the template.
      type: str
      returned: always
      sample: ai
    template_display_name:
      description: Title of the template.
      type: str
      returned: always
      sample: AI agent
    template_icon:
      description: Icon of the template.
      type: str
      returned: always
      sample: /emojis/26a1.png
    template_version_id:
      description: UUID of the template version; null where the server does not say.
      type: str
      returned: always
      sample: 564ecab1-14ee-4abd-9435-095e1057c12c
    workspace_id:
      description: UUID of the workspace that the agent runs in.
      type: str
      returned: always
      sample: d9c3d8c6-113c-4ce9-94e7-b07cb86a8a93
    workspace_name:
      description: Name of that workspace.
      type: str
      returned: always
      sample: fix-login
    workspace_status:
      description: "Status of the workspace in Coder's own words, such as V(running) or V(stopping)."
      type: str
      returned: always
      sample: running
    workspace_build_number:
      description: Number of the workspace's latest build.
      type: int
      returned: always
      sample: 1
    workspace_agent_id:
      description: UUID of the workspace agent; null while it is not running.
      type: str
      returned: always
      sample: d73e57e0-adf9-4da9-b36d-c4acc389194c
    workspace_agent_lifecycle:
      description: "Lifecycle state of the workspace agent, such as V(ready); null where none runs."
      type: str
      returned: always
      sample: ready
    workspace_agent_health:
      description: Health of the workspace agent; null while there is none.
      type: dict
      returned: always
      contains:
        healthy:
          description: Whether the agent is in reach.
          type: bool
          returned: always
          sample: true
        reason:
          description: Why it is not.
          type: str
          returned: when unhealthy
          sample: agent has lost connection
    workspace_app_id:
      description: UUID of the app that shows the agent; null where none runs.
      type: str
      returned: always
      sample: d7ca1825-926a-4539-8415-ca4b25d6caed
    initial_prompt:
      description: What the agent was asked to do.
      type: str
      returned: always
      sample: Fix the bug in login
    status:
      description:
        - "V(pending), V(initializing), V(active), V(paused), V(unknown) or V(error), on every server version."
      type: str
      returned: always
      sample: active
    current_state:
      description: What the agent reported last; null when it reported nothing.
      type: dict
      returned: always
      contains:
        state:
          description: "V(working), V(idle), V(complete) or V(failed)."
          type: str
          returned: always
          sample: idle
        message:
          description: The agent's own words.
          type: str
          returned: always
          sample: Waiting for input
        uri:
          description: "What the agent points to, such as a pull request."
          type: str
          returned: always
          sample: https://example.com/pull/1
        timestamp:
          description: When it was reported.
          type: str
          returned: always
          sample: "2026-11-21T11:17:59.781143Z"
    created_at:
      description: When the task was created.
      type: str
      returned: always
      sample: "2026-11-21T11:17:18.371615Z"
    updated_at:
      description: When its workspace was changed last.
      type: str
      returned: always
      sample: "2026-11-21T11:17:18.374329Z"
    url:
      description: Address of the task in the dashboard.
      type: str
      returned: always
      sample: https://coder.example.com/tasks/alice/cdee2e5a-7c94-4461-b357-7322432ffad0
    reason:
      description:
        - Why the task is not well, in words. Where a build of its workspace failed, the build's own error and the
          last lines of its log; else what is wrong with its agent, its app or its status.
      type: str
      returned: where the task is not well
      sample: "its agent is not healthy: agent has lost connection"
    # end scripts/returns/task.yml
# begin scripts/returns/created_by.yml {returned: success}
created_by:
  description:
    - "Who made a task that was not there before: V(this_call), V(someone_else) who was faster, or V(uncertain)
      when an answer was lost and a task just like it stands there now; null when nothing was created."
  type: str
  returned: success
  sample: this_call
# end scripts/returns/created_by.yml
waited:
  description: Seconds that were waited.
  type: float
  returned: success and failed waits
  sample: 4.5
diagnosis:
  description: What a person would look at next.
  type: dict
  returned: when waiting or sending failed
  contains:
    # begin scripts/returns/diagnosis.yml {task: task}
    build:
      description: The workspace's latest build; null when it could not be read.
      type: dict
      returned: always
      contains:
        id:
          description: UUID of the build.
          type: str
          returned: always
          sample: d713ed8f-4268-4213-aa83-f6dfdb4a0008
        number:
          description: Its number.
          type: int
          returned: always
          sample: 3
        transition:
          description: "V(start), V(stop) or V(delete)."
          type: str
          returned: always
          sample: start
        status:
          description: Status of its job.
          type: str
          returned: always
          sample: failed
        error:
          description: Error of its job.
          type: str
          returned: always
          sample: "exit status 1"
        reason:
          description: Why it was started.
          type: str
          returned: always
          sample: task_resume
    agent:
      description: The workspace agent.
      type: dict
      returned: always
      contains:
        lifecycle:
          description: Its lifecycle state; null where none runs.
          type: str
          returned: always
          sample: starting
        healthy:
          description: Whether it is in reach; null where none runs.
          type: bool
          returned: always
          sample: false
        reason:
          description: Why it is not; null where it is, or none runs.
          type: str
          returned: always
          sample: agent has lost connection
    state:
      description: What the agent reported last, like RV(task.current_state); null where it never did.
      type: dict
      returned: always
      sample: null
    # end scripts/returns/diagnosis.yml
# begin scripts/returns/failure.yml {path: /api/v2/tasks/me/fix-login}
failure:
  description: What went wrong, for playbooks to branch on.
  type: dict
  returned: failure
  contains:
    # begin scripts/returns/failure_keys.yml {path: /api/v2/tasks/me/fix-login}
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
      sample: /api/v2/tasks/me/fix-login
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
from ansible_collections.coder.tasks.plugins.module_utils.operations import task


def main() -> None:
    run_module(task)


if __name__ == "__main__":
    main()
