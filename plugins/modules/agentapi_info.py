#!/usr/bin/python
# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: agentapi_info
short_description: Read the status and the messages of an AgentAPI server
version_added: 1.0.0
description:
  - Speaks to AgentAPI directly, without Coder, from the host that it runs on or any other that reaches it.
  - While AgentAPI holds its lock, because a message is being sent, its event stream is read instead; see
    RV(summary.source).
author:
  - the coder.tasks authors (@coder)
extends_documentation_fragment:
  - coder.tasks.agentapi
  - coder.tasks.attributes
  - coder.tasks.attributes.info
  - coder.tasks.attributes.workspace
options:
  timeout:
    description:
      - Longest time to wait for the answers, in seconds or with units, such as V(1m).
    type: str
    default: 10s
  tail:
    description:
      - Return at most this many of the newest messages; V(0) is none.
    type: int
  max_bytes:
    description:
      - Return at most this many bytes of messages, counted as compact JSON in UTF-8.
      - Whole messages, the newest kept; if one alone is too long, its end is kept behind a mark.
    type: int
    default: 65536
seealso:
  - module: coder.tasks.agentapi_message
  - module: coder.tasks.log_snapshot
"""

EXAMPLES = r"""
- name: What the agent said last
  coder.tasks.agentapi_info:
    tail: 1
  register: seen

- name: Wait until the agent is idle
  coder.tasks.agentapi_info:
    agentapi_url: http://localhost:3290
    tail: 0
  register: agent
  until: agent.agentapi.status | default('') == 'stable'
  retries: 20
  delay: 3
"""

RETURN = r"""
agentapi:
  description: The server.
  type: dict
  returned: success
  contains:
    url:
      description: Its base URL.
      type: str
      returned: always
      sample: http://localhost:3284
    status:
      description: "V(stable) when the agent waits for input, V(running) while it works or starts."
      type: str
      returned: always
      sample: stable
    ready:
      description: Whether the agent has shown its first prompt; until then the conversation is not there yet.
      type: bool
      returned: always
      sample: true
    agent_type:
      description: Which agent runs; null before AgentAPI 0.10.1, and while it holds its lock.
      type: str
      returned: always
      sample: claude
    transport:
      description: "V(pty) or V(acp); null before AgentAPI 0.12, and while it holds its lock."
      type: str
      returned: always
      sample: pty
    version:
      description: Version of AgentAPI; null if the server does not say.
      type: str
      returned: always
      sample: 0.12.1
messages:
  description: The newest messages within O(tail) and O(max_bytes), oldest first.
  type: list
  elements: dict
  returned: success
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
summary:
  description: What there is, and what was returned of it.
  type: dict
  returned: success
  contains:
    total:
      description: Messages of the whole conversation.
      type: int
      returned: always
      sample: 12
    returned:
      description: Messages returned.
      type: int
      returned: always
      sample: 1
    bytes:
      description: Bytes of compact JSON that these take.
      type: int
      returned: always
      sample: 310
    truncated:
      description: Whether the first message returned was cut.
      type: bool
      returned: always
      sample: false
    source:
      description: "V(messages) or V(events)."
      type: str
      returned: always
      sample: messages
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
from ansible_collections.coder.tasks.plugins.module_utils.operations import agentapi_info


def main() -> None:
    run_operation(agentapi_info)


if __name__ == "__main__":
    main()
