#!/usr/bin/python
# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: workspace
short_description: Create, start, stop and delete a workspace
version_added: 1.0.0
description:
  - Brings one workspace that is no task's into a declared state, such as one for a chat to work in.
  - It needs neither tasks nor chats, so it works on every server.
  - A workspace is known by its owner and its name. Repeating a call changes nothing and sends no request that writes.
  - A call that fails after it has changed something, such as one whose wait ends too early, is C(changed) too.
  - A lost answer, or somebody else who creates the same workspace at the same time, never makes a second one.
author:
  - the coder.tasks authors (@coder)
extends_documentation_fragment:
  - coder.tasks.connection
  - coder.tasks.connection.timeout
  - coder.tasks.template
  - coder.tasks.waiting
  - coder.tasks.attributes
  - coder.tasks.attributes.state
  - coder.tasks.attributes.api
attributes:
  idempotent:
    support: full
options:
  name:
    description:
      - Name of the workspace. Up to 32 letters, digits and single hyphens between them.
      - Also accepted as C(owner/name), or as the UUID of a workspace that exists.
    type: str
    required: true
  owner:
    description:
      - User who owns the workspace, by username or UUID; V(me) is the user of the token.
      - Another user than O(name) names as C(owner/name) is an error.
    type: str
    default: me
  state:
    description:
      - V(present) creates the workspace if there is none, which starts it. It leaves one that is stopped as it is.
      - V(started) does so too, and starts one that is stopped or whose last build failed.
      - V(stopped) stops one that exists.
      - V(absent) deletes it with all that lies in it. A task's workspace is refused, because the task's conversation
        would be lost with it; M(coder.tasks.task) deletes that.
    type: str
    choices: [present, started, stopped, absent]
    default: present
  template:
    description:
      - Template to create the workspace from, by name or UUID. Needed to create a workspace.
      - This module does not change what a workspace was made from. Where an existing one was made from another
        template, version or preset, it warns and keeps it.
    type: str
  preset:
    description:
      - Preset of the template version, by name or UUID.
      - V(default) is the template's default preset, V(none) or nothing is none.
    type: str
  parameters:
    description:
      - Values of the template's parameters by their names. A value that is no text is written as JSON, which is what
        Coder wants of numbers, booleans and lists.
      - A name that the template does not have, a value that is none of its options, and one that differs from the
        preset's are errors. Those that are not named keep the value that they have, at first their default.
      - An ephemeral parameter holds for one build, so it is given to one that this call makes for another reason, and
        never is a reason for one.
      - Values are shown in a diff, and Coder keeps them as plain text; use C(no_log) if they are not to be seen.
    type: dict
  on_parameter_change:
    description:
      - What to do when the workspace exists and its O(parameters) differ.
      - V(ignore) keeps them and warns.
      - V(update) starts the workspace with the new values. One that runs is stopped before, see O(allow_restart); one
        that is stopped takes them with O(state=started) only. It does not go with O(state=stopped).
      - V(fail) fails.
    type: str
    choices: [ignore, update, fail]
    default: ignore
  allow_restart:
    description:
      - Whether O(on_parameter_change=update) may stop a running workspace and start it again.
    type: bool
    default: false
  wait:
    description:
      - Whether to wait until the workspace is running and its agents are ready, is stopped, or its name is free again.
      - A restart waits until the workspace is stopped in either case.
    type: bool
    default: true
seealso:
  - module: coder.tasks.chat
  - module: coder.tasks.task
  - module: coder.tasks.template_info
"""

EXAMPLES = r"""
- name: A workspace with the parameters that its template asks for
  coder.tasks.workspace:
    name: review
    template: ai
    parameters:
      region: us

- name: A chat that works in it
  coder.tasks.chat:
    name: review
    workspace: review
    prompt: Review the open pull requests.

- name: Stop the workspace overnight
  coder.tasks.workspace:
    name: review
    state: stopped

- name: Start it in another region
  coder.tasks.workspace:
    name: review
    state: started
    parameters:
      region: eu
    on_parameter_change: update
    allow_restart: true

- name: Delete it; the chat stays
  coder.tasks.workspace:
    name: review
    state: absent
"""

RETURN = r"""
workspace:
  description:
    - The workspace as it is at the end, or would be in check mode; null when there is none.
  type: dict
  returned: success, and on failure where it is known
  contains:
    id:
      description: UUID of the workspace.
      type: str
      returned: always
      sample: d9c3d8c6-113c-4ce9-94e7-b07cb86a8a93
    name:
      description: Name of the workspace, unique among its owner's workspaces.
      type: str
      returned: always
      sample: review
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
    template_version_id:
      description: UUID of the template version of its latest build.
      type: str
      returned: always
      sample: 564ecab1-14ee-4abd-9435-095e1057c12c
    preset_id:
      description: UUID of the preset of its latest build; null where there is none.
      type: str
      returned: always
      sample: null
    status:
      description:
        - V(pending), V(starting), V(running), V(stopping), V(stopped), V(failed), V(canceling), V(canceled),
          V(deleting) or V(deleted).
      type: str
      returned: always
      sample: running
    transition:
      description: What its latest build does, V(start), V(stop) or V(delete).
      type: str
      returned: always
      sample: start
    build_number:
      description: Number of its latest build.
      type: int
      returned: always
      sample: 1
    agents:
      description: Its agents, while it runs.
      type: list
      elements: dict
      returned: always
      contains:
        # begin scripts/returns/workspace_agent.yml
        id:
          description: UUID of the agent.
          type: str
          returned: always
          sample: d73e57e0-adf9-4da9-b36d-c4acc389194c
        name:
          description: Name of the agent.
          type: str
          returned: always
          sample: main
        status:
          description: V(connecting), V(connected), V(disconnected) or V(timeout); null where the server does not tell.
          type: str
          returned: always
          sample: connected
        lifecycle:
          description: Lifecycle state of the agent, such as V(ready); null where the server does not tell.
          type: str
          returned: always
          sample: ready
        healthy:
          description: Whether the agent is well.
          type: bool
          returned: always
          sample: true
        reason:
          description: Why it is not; null where it is.
          type: str
          returned: always
          sample: null
        # end scripts/returns/workspace_agent.yml
    task_id:
      description: UUID of the task that it belongs to; null where that is none, or the server does not tell.
      type: str
      returned: always
      sample: null
    outdated:
      description: Whether its template has a newer active version.
      type: bool
      returned: always
      sample: false
    dormant_at:
      description: Since when it is dormant; null where it is not.
      type: str
      returned: always
      sample: null
    created_at:
      description: When it was created.
      type: str
      returned: always
      sample: "2026-11-21T11:17:18.371615Z"
    url:
      description: Address of the workspace in the dashboard.
      type: str
      returned: always
      sample: https://coder.example.com/@alice/review
    reason:
      description:
        - Why the workspace is not well, in words. Where its build failed, the build's own error and the last lines of
          its log.
      type: str
      returned: where it is not well
      sample: "its build failed: terraform apply: exit status 1"
chats:
  description:
    - With O(state=absent) the chats that are bound to the workspace and not archived. They and what was said in them
      stay on the server. All of the token's user are told, and of others' chats the newest one, where the token may see
      it.
  type: list
  elements: dict
  returned: success with O(state=absent)
  contains:
    id:
      description: UUID of the chat.
      type: str
      returned: always
      sample: 0b5b9a1c-6d2a-4c8e-9d1e-5c7a2f3e4d5b
    title:
      description: Title of the chat.
      type: str
      returned: always
      sample: Review the open pull requests
    owner_username:
      description: Username of its owner.
      type: str
      returned: always
      sample: alice
created_by:
  description:
    - Who made a workspace that was not there before, V(this_call), V(someone_else) who was faster, or V(uncertain) when
      an answer was lost and a workspace just like it stands there now; null when nothing was created.
  type: str
  returned: success
  sample: this_call
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
          description: V(start), V(stop) or V(delete).
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
          sample: initiator
    agents:
      description: As in RV(workspace.agents).
      type: list
      elements: dict
      returned: always
      contains:
        # begin scripts/returns/workspace_agent.yml
        id:
          description: UUID of the agent.
          type: str
          returned: always
          sample: d73e57e0-adf9-4da9-b36d-c4acc389194c
        name:
          description: Name of the agent.
          type: str
          returned: always
          sample: main
        status:
          description: V(connecting), V(connected), V(disconnected) or V(timeout); null where the server does not tell.
          type: str
          returned: always
          sample: connected
        lifecycle:
          description: Lifecycle state of the agent, such as V(ready); null where the server does not tell.
          type: str
          returned: always
          sample: ready
        healthy:
          description: Whether the agent is well.
          type: bool
          returned: always
          sample: true
        reason:
          description: Why it is not; null where it is.
          type: str
          returned: always
          sample: null
        # end scripts/returns/workspace_agent.yml
# begin scripts/returns/failure.yml {path: /api/v2/users/me/workspace/review}
failure:
  description: What went wrong, for playbooks to branch on.
  type: dict
  returned: failure
  contains:
    # begin scripts/returns/failure_keys.yml {path: /api/v2/users/me/workspace/review}
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
      sample: /api/v2/users/me/workspace/review
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
from ansible_collections.coder.tasks.plugins.module_utils.operations import workspace


def main() -> None:
    run_module(workspace)


if __name__ == "__main__":
    main()
