#!/usr/bin/python
# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: task_send
short_description: Send input to a task's agent and read its reply
version_added: 1.0.0
description:
  - Waits until the agent is idle, sends the input and returns what the agent answers.
  - The input is never sent twice. When the answer to the request is lost, the conversation is searched for the input;
    if it cannot be known whether it arrived, the module fails and says so in RV(delivered).
  - An agent whose app is unhealthy for ten seconds is not waited for, unless the task starts.
author:
  - the coder.tasks authors (@coder)
extends_documentation_fragment:
  - coder.tasks.connection
  - coder.tasks.input
  - coder.tasks.waiting
  - coder.tasks.attributes
  - coder.tasks.attributes.send
  - coder.tasks.attributes.api
attributes:
  check_mode:
    support: full
    details:
      - Checks that there is such a task and that it can be sent to. RV(would_send) holds what would be sent, and
        RV(delivered) is V(no).
options:
  task:
    description:
      - The task, by its name, as C(owner/name), or by its UUID.
    type: str
    required: true
    aliases: [name]
  owner:
    description:
      - User who owns the task, by username or UUID; V(me) is the user of the token.
      - Another user than O(task) names as C(owner/name) is an error.
    type: str
    default: me
  input:
    description:
      - What to say to the agent. Up to 1 MiB, not blank.
      - One of O(input) and O(input_file) is required.
    type: str
  resume:
    description:
      - Whether to resume the task first if it is paused.
    type: bool
    default: false
  timeout:
    description:
      - Longest time to wait for the next part of an answer, in seconds or with units, such as V(2m).
      - A terminal agent may take 17 seconds to accept input, and an agent out of reach costs Coder 30 seconds. So the
        send itself has at least 60 seconds, also where less is given here; only O(deadline) shortens that.
    type: str
    default: 1m
  wait_for:
    description:
      - V(none) sends at once, and fails if the agent is busy.
      - V(accepted) waits until the agent is idle, and sends until it takes the input.
      - V(reply) waits for the reply too, until it has not changed for O(stable_idle) seconds.
    type: str
    choices: [none, accepted, reply]
    default: reply
  stable_idle:
    description:
      - How long the agent must have been idle before the input is sent, and its reply unchanged before it counts as
        whole, in seconds or with units, such as V(1m).
      - An agent that reports since when it is idle is not watched anew.
      - A reply without words must rest three times as long, because an agent that thinks without a sign has one, too.
    type: str
    default: 30s
seealso:
  - module: coder.tasks.task_logs_info
"""

EXAMPLES = r"""
- name: Ask, and print the reply
  coder.tasks.task_send:
    task: fix-login
    input: Is the pull request open?
    stable_idle: 5
  register: answer

- name: Tell a paused task of a colleague to go on, and do not wait for what it says
  coder.tasks.task_send:
    task: bob/upgrade-deps
    input: The registry is back. Please go on.
    resume: true
    wait_for: accepted
    stable_idle: 5
"""

RETURN = r"""
task:
  description:
    - The task as it is afterwards.
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
# begin scripts/returns/sending.yml {content: Its text.}
delivered:
  description:
    - V(yes), V(no), or V(unknown) when the answer was lost and the conversation does not tell.
    - It is there in every result, also in failures, but for arguments that are refused before anything is looked at.
    - In check mode it is V(no), and RV(would_send) holds what would be sent.
  type: str
  returned: success, and on failure
  sample: "yes"
reply:
  description:
    - The agent's messages after the input, or those so far if waiting for the rest failed.
    - An answer without words is a message with an empty C(content), and RV(note) says why.
  type: list
  elements: dict
  returned: success, and on failure
  contains:
    # begin scripts/returns/message.yml {content: "Its text."}
    id:
      description: "Number of the message, counted from 0."
      type: int
      returned: always
      sample: 2
    content:
      description: Its text.
      type: str
      returned: always
      sample: "The login works again."
    type:
      description: "V(input) to the agent or V(output) of it."
      type: str
      returned: always
      sample: output
    time:
      description: When it was written.
      type: str
      returned: always
      sample: "2026-11-21T11:21:43.6015Z"
    # end scripts/returns/message.yml
note:
  description:
    - Why the reply is an empty message; null where it has words, and where none was waited for.
    - AgentAPI takes for a message what is new on the agent's screen, so an agent that gives an answer that stands there
      already leaves an empty one.
  type: str
  returned: success, and on failure
  sample: null
would_send:
  description: The input that would be sent.
  type: str
  returned: in check mode
  sample: Please go on.
waited:
  description: Seconds that were waited.
  type: float
  returned: success, and on failure
  sample: 12.0
# end scripts/returns/sending.yml
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
from ansible_collections.coder.tasks.plugins.module_utils.operations import task_send


def main() -> None:
    run_module(task_send)


if __name__ == "__main__":
    main()
