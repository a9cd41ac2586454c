#!/usr/bin/python
# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: agentapi_message
short_description: Send input to the agent behind an AgentAPI server and read its reply
version_added: 1.0.0
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
  - coder.tasks.attributes.send
  - coder.tasks.attributes.workspace
attributes:
  check_mode:
    support: full
    details:
      - Checks that AgentAPI answers. RV(would_send) holds what would be sent, and RV(delivered) is V(no).
options:
  input:
    description:
      - What to say to the agent. Less than 1 MiB, not blank.
    type: str
    required: true
  timeout:
    description:
      - Longest time to wait for one answer, in seconds or with units, such as V(2m).
      - A terminal agent may take 17 seconds to accept input; over ACP the answer comes when the whole turn is done.
    type: str
    default: 1m
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
      - How long the agent must have been stable before the input is sent, and its reply unchanged before it counts as
        whole, in seconds or with units, such as V(5s).
      - A reply without words must rest three times as long, because an agent that thinks without a sign has one, too.
    type: str
    default: 2s
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
# begin scripts/returns/sending.yml {content: "Its text, without the spaces with which a terminal pads its lines."}
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
    # begin scripts/returns/message.yml {content: "Its text, without the spaces with which a terminal pads its lines."}
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
# begin scripts/returns/failure.yml {path: /message}
failure:
  description: What went wrong, for playbooks to branch on.
  type: dict
  returned: failure
  contains:
    # begin scripts/returns/failure_keys.yml {path: /message}
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
      sample: /message
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

from ansible_collections.coder.tasks.plugins.module_utils.operation_module import run_operation
from ansible_collections.coder.tasks.plugins.module_utils.operations import agentapi_message


def main() -> None:
    run_operation(agentapi_message)


if __name__ == "__main__":
    main()
