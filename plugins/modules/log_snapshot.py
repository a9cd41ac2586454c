#!/usr/bin/python
# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: log_snapshot
short_description: Save the conversation of a task from inside its workspace
version_added: 1.0.0
description:
  - Runs in the workspace of a task. Reads the conversation from AgentAPI there, and posts it to Coder as the snapshot
    that a paused task shows, saves it to a file, or both.
  - Takes no user token. The agent's token and Coder's URL come from the environment that the workspace agent gives to
    its sessions, else from O(environment_file).
  - While AgentAPI is locked or gone, its event stream, its state file or the last capture that could not be delivered
    is used; see RV(snapshot.source).
  - What is posted replaces what Coder has. A conversation that does not go on from the one that was posted from this
    workspace before, because the agent was started anew, is therefore posted behind the end of that one.
author:
  - the coder.tasks authors (@coder)
extends_documentation_fragment:
  - coder.tasks.attributes
  - coder.tasks.attributes.workspace
attributes:
  check_mode:
    support: full
    details:
      - Captures, and returns what would be posted.
  diff_mode:
    support: none
    details:
      - A conversation is not a setting.
  idempotent:
    support: partial
    details:
      - The file is written only when its content changes; a post always replaces the snapshot.
options:
  post:
    description:
      - Whether to post the conversation to Coder. Needs Coder 2.30 or newer.
    type: bool
    default: true
  file:
    description:
      - File on the target to save the conversation to, as the JSON that would be posted. It is replaced in one step,
        and only its owner can read it. Its folder must exist.
    type: path
  task_id:
    description:
      - UUID of the task.
      - If not set, E(ARG_TASK_ID) of the target's environment or of O(environment_file) is used.
    type: str
  agentapi_url:
    description:
      - Base URL of AgentAPI, as seen from the target.
    type: str
  port:
    description:
      - Port of AgentAPI on the target.
      - If neither this nor O(agentapi_url) is set, E(ARG_AGENTAPI_PORT) of the target's environment is used, else 3284.
    type: int
  max_messages:
    description:
      - Keep at most this many of the newest messages; V(0) keeps as many as fit.
    type: int
    default: 10
  max_bytes:
    description:
      - Largest size in bytes of the conversation as JSON. Coder takes at most 65536; a file may be larger.
      - The newest messages are kept; of one that is too long, the end behind a mark.
    type: int
    default: 65536
  partial:
    description:
      - Whether to keep the end of the first message that does not fit whole, too. Of the newest message the end is kept
        in any case.
    type: bool
    default: true
  deadline:
    description:
      - Longest time for everything, in seconds or with units, such as V(10s).
    type: str
    default: 8s
  environment_file:
    description:
      - File on the target with lines of the form C(NAME="value"), mode 0600, that is read where the environment lacks
        a variable. The role P(coder.tasks.shutdown_hook#role) has it written at each start of the workspace.
      - If it does not exist, it is ignored.
    type: path
    default: ~/.local/share/coder-tasks/environment
notes:
  - Needs nothing but Python on the target.
seealso:
  - module: coder.tasks.task_logs_info
"""

EXAMPLES = r"""
- name: Save the conversation now, as a pause would
  coder.tasks.log_snapshot:
    task_id: 67b4e524-17b3-4e31-a26a-d8b92401a30c

- name: Keep all of it in the workspace, and tell Coder nothing
  coder.tasks.log_snapshot:
    post: false
    file: ~/conversation.json
    max_messages: 0
    max_bytes: 16777216
"""

RETURN = r"""
snapshot:
  description: What was captured; null if there is no conversation yet.
  type: dict
  returned: success, and on failure where it is known
  contains:
    task_id:
      description: UUID of the task; empty if it is not known.
      type: str
      returned: always
      sample: 67b4e524-17b3-4e31-a26a-d8b92401a30c
    source:
      description: "V(messages), V(events), V(state file) or V(spool)."
      type: str
      returned: always
      sample: messages
    messages:
      description: Messages captured.
      type: int
      returned: always
      sample: 10
    bytes:
      description: Their size as JSON.
      type: int
      returned: always
      sample: 4711
    total:
      description: Messages of the whole conversation; null for a capture from the spool, as are all that follow.
      type: int
      returned: always
      sample: 14
    omitted:
      description: Older messages that were left out; null from the spool.
      type: int
      returned: always
      sample: 4
    omitted_characters:
      description: Characters cut from the first message kept; null from the spool.
      type: int
      returned: always
      sample: 0
    repaired:
      description: Messages with a field that Coder would have refused or changed; null from the spool.
      type: int
      returned: always
      sample: 0
    truncated:
      description: Whether the first message kept was cut; null from the spool.
      type: bool
      returned: always
      sample: false
delivery:
  description: What became of posting it.
  type: dict
  returned: success, and on failure where it is known
  contains:
    state:
      description:
        - "V(delivered), V(superseded) if Coder has it already or another process posts a newer one, V(not_asked)
          without O(post), V(would_post) in check mode, V(skipped) if there is no conversation yet."
        - "The module fails with V(spooled) if it is kept for the next start, V(failed) if not even that, V(no_task) if
          the workspace is not that task's, V(unsupported) before Coder 2.30 and where tasks are hidden, V(rejected) if
          Coder will never take it. It is kept in all cases but the last."
      type: str
      returned: always
      sample: delivered
    status:
      description: HTTP status of the last answer; null where there was none.
      type: int
      returned: always
      sample: 204
    attempts:
      description: How many requests were sent.
      type: int
      returned: always
      sample: 1
    reason:
      description: Why it was not delivered; null if it was.
      type: str
      returned: always
      sample: null
file:
  description: The file, as given; null without one.
  type: str
  returned: success, and on failure where it is known
  sample: ~/conversation.json
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
from ansible_collections.coder.tasks.plugins.module_utils.operations import log_snapshot


def main() -> None:
    run_operation(log_snapshot)


if __name__ == "__main__":
    main()
