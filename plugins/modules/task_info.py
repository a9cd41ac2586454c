#!/usr/bin/python
# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: task_info
short_description: Read one task or many
version_added: 1.0.0
description:
  - Returns tasks by name, or all that match, and counts them by status, owner and template.
  - Filters are applied by the server where its version has them.
  - A task that is not well has a RV(tasks[].reason). Healthy ones cost no further request.
  - A task that the server's list shows in a form that is not Coder's is left out with a warning.
author:
  - the coder.tasks authors (@coder)
extends_documentation_fragment:
  - coder.tasks.connection
  - coder.tasks.connection.timeout
  - coder.tasks.selection
  - coder.tasks.selection.filters
  - coder.tasks.fields
  - coder.tasks.attributes
  - coder.tasks.attributes.info
  - coder.tasks.attributes.api
options:
  table:
    description:
      - Whether to show the tasks on the terminal as well, one line per task, and to return these lines as RV(table).
      - They are shown only where the module runs on the controller itself.
    type: bool
    default: false
seealso:
  - module: coder.tasks.task
  - module: coder.tasks.task_logs_info
"""

EXAMPLES = r"""
- name: One task
  coder.tasks.task_info:
    name: fix-login
  register: found

- name: Everything that went wrong, of all users
  coder.tasks.task_info:
    all_owners: true
    status: error

- name: The same as a table for a person, one line per task
  coder.tasks.task_info:
    status: error
    fields: brief
    table: true

- name: Look until the agent runs, also where the server cannot be reached at first
  coder.tasks.task_info:
    name: fix-login
  register: found
  until: found is success and found.tasks | map(attribute='status') | first | default('') == 'active'
  retries: 10

- name: Paused tasks of one template that are older than a date
  coder.tasks.task_info:
    status: paused
    select: template_name == 'ai' && created_at < '2026-06-01'
"""

RETURN = r"""
tasks:
  description:
    - The tasks, newest first, or in the order of O(name).
  type: list
  elements: dict
  returned: success, and as an empty list on failure
  contains:
    # begin scripts/returns/task.yml {returned: unless O(fields) leaves it out}
    id:
      description: UUID of the task.
      type: str
      returned: unless O(fields) leaves it out
      sample: cdee2e5a-7c94-4461-b357-7322432ffad0
    name:
      description: "Name of the task, unique among its owner's tasks."
      type: str
      returned: unless O(fields) leaves it out
      sample: fix-login
    display_name:
      description: Title shown in the dashboard; null where the server knows none.
      type: str
      returned: unless O(fields) leaves it out
      sample: Fix the login
    owner_id:
      description: UUID of the owner.
      type: str
      returned: unless O(fields) leaves it out
      sample: 1df05098-d1b7-4588-a0f0-d2d9192525d4
    owner_name:
      description: Username of the owner.
      type: str
      returned: unless O(fields) leaves it out
      sample: alice
    organization_id:
      description: UUID of the organization.
      type: str
      returned: unless O(fields) leaves it out
      sample: efe617ed-15e3-49b4-ba48-a368e3a528f4
    template_id:
      description: UUID of the template.
      type: str
      returned: unless O(fields) leaves it out
      sample: a294f866-cf9e-4179-9317-10220fe5e10b
    template_name:
      description: Name of the template.
      type: str
      returned: unless O(fields) leaves it out
      sample: ai
    template_display_name:
      description: Title of the template.
      type: str
      returned: unless O(fields) leaves it out
      sample: AI agent
    template_icon:
      description: Icon of the template.
      type: str
      returned: unless O(fields) leaves it out
      sample: /emojis/26a1.png
    template_version_id:
      description: UUID of the template version; null where the server does not say.
      type: str
      returned: unless O(fields) leaves it out
      sample: 564ecab1-14ee-4abd-9435-095e1057c12c
    workspace_id:
      description: UUID of the workspace that the agent runs in.
      type: str
      returned: unless O(fields) leaves it out
      sample: d9c3d8c6-113c-4ce9-94e7-b07cb86a8a93
    workspace_name:
      description: Name of that workspace.
      type: str
      returned: unless O(fields) leaves it out
      sample: fix-login
    workspace_status:
      description: "Status of the workspace in Coder's own words, such as V(running) or V(stopping)."
      type: str
      returned: unless O(fields) leaves it out
      sample: running
    workspace_build_number:
      description: Number of the workspace's latest build.
      type: int
      returned: unless O(fields) leaves it out
      sample: 1
    workspace_agent_id:
      description: UUID of the workspace agent; null while it is not running.
      type: str
      returned: unless O(fields) leaves it out
      sample: d73e57e0-adf9-4da9-b36d-c4acc389194c
    workspace_agent_lifecycle:
      description: "Lifecycle state of the workspace agent, such as V(ready); null where none runs."
      type: str
      returned: unless O(fields) leaves it out
      sample: ready
    workspace_agent_health:
      description: Health of the workspace agent; null while there is none.
      type: dict
      returned: unless O(fields) leaves it out
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
      returned: unless O(fields) leaves it out
      sample: d7ca1825-926a-4539-8415-ca4b25d6caed
    initial_prompt:
      description: What the agent was asked to do.
      type: str
      returned: unless O(fields) leaves it out
      sample: Fix the bug in login
    status:
      description:
        - "V(pending), V(initializing), V(active), V(paused), V(unknown) or V(error), on every server version."
      type: str
      returned: unless O(fields) leaves it out
      sample: active
    current_state:
      description: What the agent reported last; null when it reported nothing.
      type: dict
      returned: unless O(fields) leaves it out
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
      returned: unless O(fields) leaves it out
      sample: "2026-11-21T11:17:18.371615Z"
    updated_at:
      description: When its workspace was changed last.
      type: str
      returned: unless O(fields) leaves it out
      sample: "2026-11-21T11:17:18.374329Z"
    url:
      description: Address of the task in the dashboard.
      type: str
      returned: unless O(fields) leaves it out
      sample: https://coder.example.com/tasks/alice/cdee2e5a-7c94-4461-b357-7322432ffad0
    reason:
      description:
        - Why the task is not well, in words. Where a build of its workspace failed, the build's own error and the
          last lines of its log; else what is wrong with its agent, its app or its status.
      type: str
      returned: where the task is not well
      sample: "its agent is not healthy: agent has lost connection"
    # end scripts/returns/task.yml
missing:
  description: Names from O(name) that no task has, or none that the token may see.
  type: list
  elements: str
  returned: success
  sample: []
summary:
  description: How many there are.
  type: dict
  returned: success
  contains:
    total:
      description: All of them.
      type: int
      returned: always
      sample: 3
    by_status:
      description: By status.
      type: dict
      returned: always
      sample: {active: 2, paused: 1}
    by_owner:
      description: By owner.
      type: dict
      returned: always
      sample: {alice: 3}
    by_template:
      description: By template.
      type: dict
      returned: always
      sample: {ai: 3}
table:
  description: The tasks as a person reads them, a header and one line per task.
  type: list
  elements: str
  returned: where O(table) is true
  sample:
    - "NAME       TEMPLATE  STATUS  STATE  CHANGED  WHAT"
    - "fix-login  ai        active  idle   3 min ago  Waiting for input"
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
from ansible_collections.coder.tasks.plugins.module_utils.operations import task_info


def main() -> None:
    run_module(task_info)


if __name__ == "__main__":
    main()
