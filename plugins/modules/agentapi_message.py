#!/usr/bin/python
# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: agentapi_message
short_description: Send input to the agent behind an AgentAPI server and read its reply
version_added: 0.1.0
description:
  - Speaks to AgentAPI directly, without Coder. Waits until the agent is stable, sends the input and returns the reply.
  - The input is never sent twice. When the answer to the request is lost, the messages are searched for the input; if
    it cannot be known whether it arrived, the module fails and says so in RV(delivered).
author:
  - the coder.tasks authors (@coder)
extends_documentation_fragment:
  - coder.tasks.agentapi
  - coder.tasks.waiting
  - coder.tasks.attributes
  - coder.tasks.attributes.workspace
attributes:
  check_mode:
    support: full
    details:
      - Checks that AgentAPI answers.
  diff_mode:
    support: none
    details:
      - A message is not a state.
  idempotent:
    support: none
    details:
      - Each call sends the input.
options:
  input:
    description:
      - What to say to the agent. Less than 1 MiB, not blank.
    type: str
    required: true
  timeout:
    description:
      - Longest time in seconds to wait for one answer.
      - A terminal agent may take 17 seconds to accept input; over ACP the answer comes when the whole turn is done.
    type: float
    default: 60.0
  wait_for:
    description:
      - V(none) sends at once, and fails if the agent is busy.
      - V(accepted) waits until the agent is stable, and sends until it takes the input.
      - V(reply) waits for the reply too, until the agent is stable again.
    type: str
    choices: [none, accepted, reply]
    default: reply
  stable_idle:
    description:
      - How long in seconds the agent must have been stable before the input is sent, and its reply unchanged before it
        counts as whole.
    type: float
    default: 2.0
seealso:
  - module: coder.tasks.agentapi_info
  - module: coder.tasks.task_send
"""

EXAMPLES = r"""
- name: Ask the agent on this host, and print the reply
  coder.tasks.agentapi_message:
    input: Which files did you change?
  register: answer

- name: Hand over work, and do not wait for what it says
  coder.tasks.agentapi_message:
    agentapi_url: http://localhost:3290
    input: Please go on.
    wait_for: accepted
"""

RETURN = r"""
delivered:
  description: "V(yes), V(no), or V(unknown) when the answer was lost and the messages do not tell."
  type: str
  returned: success and failed sends
  sample: "yes"
reply:
  description: The agent's messages after the input, or those so far if waiting for the rest failed.
  type: list
  elements: dict
  returned: success and failed sends
  contains:
    id:
      description: "Number of the message, counted from 0."
      type: int
      returned: always
      sample: 2
    content:
      description: Its text, without the spaces with which a terminal pads its lines.
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
waited:
  description: Seconds that were waited.
  type: float
  returned: success and failed sends
  sample: 12.0
failure:
  description: What went wrong, for playbooks to branch on.
  type: dict
  returned: failure
  contains:
    kind:
      description:
        - "One of V(auth), V(forbidden), V(not_found), V(unsupported), V(invalid), V(conflict), V(busy),
          V(unavailable), V(rate_limited), V(server), V(network), V(tls), V(timeout), V(protocol), V(build_failed),
          V(wait_timeout), V(library), V(io), V(internal)."
      type: str
      returned: always
      sample: not_found
    status:
      description: HTTP status of the answer; null where there was none.
      type: int
      returned: always
      sample: 404
    method:
      description: HTTP method of the request; null where none was made.
      type: str
      returned: always
      sample: GET
    path:
      description: Path of the request; null where none was made.
      type: str
      returned: always
      sample: /message
    detail:
      description: The server's further words; null where there were none.
      type: str
      returned: always
      sample: null
    validations:
      description: What the server said of single fields.
      type: list
      elements: dict
      returned: always
      sample: []
    attempts:
      description: How often the request was tried; null where none was made.
      type: int
      returned: always
      sample: 1
"""

from ansible_collections.coder.tasks.plugins.module_utils.operation_module import run_operation
from ansible_collections.coder.tasks.plugins.module_utils.operations import agentapi_message


def main() -> None:
    run_operation(agentapi_message)


if __name__ == "__main__":
    main()
