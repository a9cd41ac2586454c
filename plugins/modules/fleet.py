#!/usr/bin/python
# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: fleet
short_description: Bring many tasks into their declared state at once
version_added: 1.0.0
description:
  - Creates, pauses, resumes and deletes the tasks of a list in one call, many at a time, like a loop of
    M(coder.tasks.task) would one after the other.
  - The tasks are read with one list, and all that wait share one poll of it, at most once a second.
  - A task that fails does not stop the others, whatever it meets; each has its own result under RV(tasks). The call
    fails if one failed.
  - A task is known by its owner and its name. A lost answer, or a second run at the same time, never makes a second
    task.
author:
  - the coder.tasks authors (@coder)
extends_documentation_fragment:
  - coder.tasks.connection
  - coder.tasks.connection.timeout
  - coder.tasks.waiting
  - coder.tasks.waiting.idle
  - coder.tasks.attributes
  - coder.tasks.attributes.state
  - coder.tasks.attributes.api
attributes:
  idempotent:
    support: full
options:
  tasks:
    description:
      - The tasks and their states. An empty list is nothing to do.
      - A mistake that shows without asking the server, such as a name that Coder does not allow, is told before
        anything is changed.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - Name of the task. Up to 32 letters, digits and single hyphens between them.
          - Also accepted as C(owner/name), or as the UUID of a task that exists.
        type: str
        required: true
      owner:
        description:
          - User who owns the task, by username or UUID. If not set, O(owner), unless O(tasks[].name) names one.
          - Another user than O(tasks[].name) names as C(owner/name) is an error.
        type: str
      state:
        description:
          - V(present) creates the task if there is none.
          - V(active) does so too, and resumes a paused one.
          - V(paused) stops the workspace of an existing task.
          - V(absent) deletes the task with its workspace and its conversation.
        type: str
        choices: [present, active, paused, absent]
        default: present
      organization:
        description:
          - Organization of the template, by name or UUID. Needed only if several have a template of this name.
        type: str
      template:
        description:
          - Template to create the task from, by name or UUID. Needed to create a task.
          - Where an existing task was made from another template, version or preset, the module warns and keeps it.
        type: str
      template_version:
        description:
          - Version of the template, by name or UUID. If not set, its active version is used.
        type: str
        aliases: [version]
      preset:
        description:
          - Preset of the template version, by name or UUID.
          - V(default) is the template's default preset, V(none) or nothing is none.
        type: str
      input:
        description:
          - What the agent is asked to do. At most 131,053 bytes in UTF-8.
          - Coder makes a task without one, too. Its agent waits until it is told something, so the module warns.
          - Mutually exclusive with O(tasks[].input_file).
        type: str
      input_file:
        description:
          - File on the controller to read O(tasks[].input) from. A relative path is looked for beside the playbook. It
            may be a vault.
        type: path
      display_name:
        description:
          - Title to show in the dashboard, at most 64 bytes. If not set, the server makes one from the input.
        type: str
      on_input_change:
        description:
          - What to do when the task exists and O(tasks[].input) differs from its prompt.
          - V(ignore) keeps the prompt and warns.
          - V(update) changes it, which Coder allows only while the task is paused; see O(tasks[].allow_restart).
          - V(recreate) deletes the task and creates it anew; see O(tasks[].discard_log).
          - V(fail) fails.
        type: str
        choices: [ignore, update, recreate, fail]
        default: ignore
      allow_restart:
        description:
          - Whether O(tasks[].on_input_change=update) may pause a running task, change its prompt and resume it.
          - Not needed with O(tasks[].state=paused), which asks for the pause itself.
        type: bool
        default: false
      discard_log:
        description:
          - Confirms that O(tasks[].on_input_change=recreate) may lose the task's conversation.
        type: bool
        default: false
  owner:
    description:
      - User who owns the tasks that name no other, by username or UUID; V(me) is the user of the token.
    type: str
    default: me
  concurrency:
    description:
      - Most requests at once. How many tasks wait at once is not limited by it.
    type: int
    default: 16
  max_failures:
    description:
      - Once more tasks than this have failed, no further change is begun. What is under way is finished.
      - If not set, every task is tried.
    type: int
  purge:
    description:
      - Whether to delete the tasks of O(owner) whose names begin with O(purge_prefix) and that are not in O(tasks).
      - It is refused when O(tasks) is empty.
    type: bool
    default: false
  purge_prefix:
    description:
      - Beginning of the names that this list alone manages. Upper and lower case are the same, as in Coder.
      - Required if O(purge) is true.
    type: str
  wait:
    description:
      - Whether to wait until each task is in its state. O(wait_timeout) is for all of them together.
    type: bool
    default: true
  wait_for:
    description:
      - What to wait for where the state is V(present) or V(active), V(ready) (the agent takes input), V(idle) (the
        agent has finished what it was doing) or V(complete) (the agent reported that it is done). If not set, V(ready).
      - Tasks to pause are waited for until they are paused, tasks to delete until their names are free.
    type: str
    choices: [ready, idle, complete]
seealso:
  - module: coder.tasks.task
  - module: coder.tasks.task_info
"""

EXAMPLES = r"""
- name: A fleet from a variable, which a file of vars_files may hold
  coder.tasks.fleet:
    tasks: "{{ fleet_tasks }}"

- name: Three tasks in three states
  coder.tasks.fleet:
    tasks:
      - name: fix-login
        template: ai
        preset: default
        input: Fix the bug in the login form and open a pull request.
      - name: upgrade-deps
        state: paused
      - name: old-experiment
        state: absent
    max_failures: 0

- name: The fleet of the nightly runs, without those that left the list
  coder.tasks.fleet:
    tasks:
      - {name: nightly-web, template: ai, input: Bring the dependencies up to date.}
      - {name: nightly-api, template: ai, input: Bring the dependencies up to date.}
    purge: true
    purge_prefix: nightly-
"""

RETURN = r"""
tasks:
  description:
    - One entry for each task of O(tasks) in the same order, then one for each that was purged.
  type: list
  elements: dict
  returned: success, and on failure once the tasks were listed
  contains:
    name:
      description: Name of the task.
      type: str
      returned: always
      sample: fix-login
    owner:
      description: Its owner.
      type: str
      returned: always
      sample: alice
    state:
      description: The state that was declared.
      type: str
      returned: always
      sample: present
    purged:
      description: Whether it was not declared and therefore to be deleted.
      type: bool
      returned: always
      sample: false
    attempted:
      description: "Whether it was tried; false once more than O(max_failures) had failed."
      type: bool
      returned: always
      sample: true
    changed:
      description: Whether it was changed, or would be in check mode.
      type: bool
      returned: always
      sample: true
    action:
      description:
        - "What was done, or would be in check mode: V(create), V(delete), V(recreate), V(pause), V(resume) or
          V(update); null when nothing was changed."
      type: str
      returned: always
      sample: create
    task:
      description: The task as it is at the end, or would be in check mode; null when there is none.
      type: dict
      returned: always
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
    # begin scripts/returns/created_by.yml {returned: always}
    created_by:
      description:
        - "Who made a task that was not there before: V(this_call), V(someone_else) who was faster, or V(uncertain)
          when an answer was lost and a task just like it stands there now; null when nothing was created."
      type: str
      returned: always
      sample: this_call
    # end scripts/returns/created_by.yml
    waited:
      description: Seconds that were waited.
      type: float
      returned: always
      sample: 4.5
    failed:
      description: Whether it failed.
      type: bool
      returned: always
      sample: false
    msg:
      description: Why it failed; null when it did not.
      type: str
      returned: always
      sample: null
    failure:
      description: What went wrong, like RV(failure); null when nothing did.
      type: dict
      returned: always
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
    diagnosis:
      description: What a person would look at next; null unless waiting failed.
      type: dict
      returned: always
      contains:
        # begin scripts/returns/diagnosis.yml {task: "tasks[].task"}
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
          description: What the agent reported last, like RV(tasks[].task.current_state); null where it never did.
          type: dict
          returned: always
          sample: null
        # end scripts/returns/diagnosis.yml
    diff:
      description: Before and after, in the fields that a person would want to see change.
      type: dict
      returned: in diff mode
      contains:
        before:
          description: Empty when there was no task.
          type: dict
          returned: always
          sample: {}
        after:
          description: Empty when there is none.
          type: dict
          returned: always
          sample: {name: fix-login, status: active}
summary:
  description: Counts.
  type: dict
  returned: success, and on failure once the tasks were listed
  contains:
    total:
      description: All tasks, the purged ones too.
      type: int
      returned: always
      sample: 200
    changed:
      description: Those that were changed, or would be in check mode.
      type: int
      returned: always
      sample: 12
    unchanged:
      description: Those that were in their state already.
      type: int
      returned: always
      sample: 187
    failed:
      description: Those that failed.
      type: int
      returned: always
      sample: 1
    not_attempted:
      description: Those that were not tried any more.
      type: int
      returned: always
      sample: 0
    actions:
      description: How often each action was done.
      type: dict
      returned: always
      sample: {create: 10, delete: 2}
failure:
  description: What went wrong with the call, or with the first task that failed; for playbooks to branch on.
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
"""

from ansible_collections.coder.tasks.plugins.module_utils.adapter import run_module
from ansible_collections.coder.tasks.plugins.module_utils.operations import fleet


def main() -> None:
    run_module(fleet)


if __name__ == "__main__":
    main()
