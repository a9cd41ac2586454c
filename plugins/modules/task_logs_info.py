#!/usr/bin/python
# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: task_logs_info
short_description: Read the conversations of tasks
version_added: 1.0.0
description:
  - Returns the messages between a task and its agent, live from a running one, else from the snapshot that was
    saved when
    it was paused, and says which.
  - Snapshots exist since Coder 2.30 and are read back since 2.31.1. On older servers only a running task has a log.
  - A task whose state has no log to give is a result with a reason, not an error; see O(fail_on_unavailable).
  - A single log that cannot be read for another reason is such a result too, with a warning; the call fails only if
    none could be read.
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
  tail:
    description:
      - Return at most this many of the newest messages of each task; V(0) is none.
    type: int
  max_bytes:
    description:
      - Return at most this many bytes of messages for each task, counted as compact JSON in UTF-8.
      - Whole messages, the newest kept; if one alone is too long, its end is kept behind a mark.
      - The spaces with which a terminal pads its lines are part of the messages and count, too.
    type: int
  fail_on_unavailable:
    description:
      - Whether to fail when a task has no log to give, or a name from O(name) no task.
    type: bool
    default: false
  concurrency:
    description:
      - How many logs to read at the same time.
    type: int
    default: 8
seealso:
  - module: coder.tasks.task_send
"""

EXAMPLES = r"""
- name: The last three messages of one task
  coder.tasks.task_logs_info:
    name: fix-login
    tail: 3

- name: What every paused task left behind
  coder.tasks.task_logs_info:
    all_owners: true
    status: paused
    max_bytes: 65536
  register: left

- name: What my agents said last, and nothing else
  coder.tasks.task_logs_info:
    tail: 1
    fields: [name, messages]

- name: Which of them are surely whole
  ansible.builtin.debug:
    msg: "{{ left.logs | selectattr('complete', 'eq', true) | map(attribute='name') }}"
"""

RETURN = r"""
logs:
  description:
    - One entry a task.
  type: list
  elements: dict
  returned: success, and as an empty list on failure
  contains:
    task_id:
      description: UUID of the task.
      type: str
      returned: unless O(fields) leaves it out
      sample: cdee2e5a-7c94-4461-b357-7322432ffad0
    name:
      description: Name of the task.
      type: str
      returned: unless O(fields) leaves it out
      sample: fix-login
    owner_name:
      description: Username of its owner.
      type: str
      returned: unless O(fields) leaves it out
      sample: alice
    status:
      description: Its status when the log was read.
      type: str
      returned: unless O(fields) leaves it out
      sample: paused
    messages:
      description: The messages, oldest first.
      type: list
      elements: dict
      returned: unless O(fields) leaves it out
      contains:
        # begin scripts/returns/message.yml {content: Its text.}
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
    source:
      description: "V(live) from the agent, V(snapshot) from when it was paused, or V(none)."
      type: str
      returned: unless O(fields) leaves it out
      sample: snapshot
    snapshot_at:
      description: When the snapshot was saved; null where the log is no snapshot.
      type: str
      returned: unless O(fields) leaves it out
      sample: "2026-11-21T11:21:13.722889Z"
    complete:
      description:
        - "Whether this was the whole conversation on the server: true, false or V(unknown). Compare it, do not use
          it as a condition by itself."
      type: raw
      returned: unless O(fields) leaves it out
      sample: true
    truncated:
      description: Whether a message was cut, by the hook that saved the snapshot or by O(max_bytes).
      type: bool
      returned: unless O(fields) leaves it out
      sample: false
    omitted:
      description: Messages that O(tail) and O(max_bytes) left out.
      type: int
      returned: unless O(fields) leaves it out
      sample: 0
    reason:
      description: Why there is no log; null when there is one.
      type: str
      returned: unless O(fields) leaves it out
      sample: null
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
      description: Tasks.
      type: int
      returned: always
      sample: 3
    live:
      description: Live logs.
      type: int
      returned: always
      sample: 1
    snapshot:
      description: Logs from snapshots.
      type: int
      returned: always
      sample: 1
    none:
      description: Tasks with no log to give.
      type: int
      returned: always
      sample: 1
    messages:
      description: Messages returned.
      type: int
      returned: always
      sample: 12
    bytes:
      description: Their size as compact JSON in UTF-8.
      type: int
      returned: always
      sample: 20480
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
from ansible_collections.coder.tasks.plugins.module_utils.operations import task_logs_info


def main() -> None:
    run_module(task_logs_info)


if __name__ == "__main__":
    main()
