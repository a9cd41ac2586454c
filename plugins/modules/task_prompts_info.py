#!/usr/bin/python
# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: task_prompts_info
short_description: Read the prompts of workspace builds
version_added: 1.0.0
description:
  - Returns the prompts that workspace builds were made with, by the builds' ids.
  - Servers up to 2.28 have an endpoint for it. On 2.29 the build's parameters are read, since 2.30 a prompt belongs
    to the task,
    and all builds of its workspace have the same.
author:
  - the coder.tasks authors (@coder)
extends_documentation_fragment:
  - coder.tasks.connection
  - coder.tasks.connection.timeout
  - coder.tasks.fields
  - coder.tasks.attributes
  - coder.tasks.attributes.info
  - coder.tasks.attributes.api
options:
  build_ids:
    description:
      - UUIDs of workspace builds.
    type: list
    elements: str
    required: true
seealso:
  - module: coder.tasks.task_info
"""

EXAMPLES = r"""
- name: What was this build asked to do
  coder.tasks.task_prompts_info:
    build_ids:
      - 5330e4a0-21ba-4012-82ae-be15b6f51353
"""

RETURN = r"""
prompts:
  description:
    - One entry for each build that has a prompt, in the order of O(build_ids).
  type: list
  elements: dict
  returned: success, and as an empty list on failure
  contains:
    build_id:
      description: UUID of the build.
      type: str
      returned: unless O(fields) leaves it out
      sample: 5330e4a0-21ba-4012-82ae-be15b6f51353
    prompt:
      description: The prompt.
      type: str
      returned: unless O(fields) leaves it out
      sample: Fix the bug in login
    source:
      description: "Where it was found: V(endpoint), V(build_parameter) or V(task)."
      type: str
      returned: unless O(fields) leaves it out
      sample: task
missing:
  description: Ids from O(build_ids) with no prompt, or none that the token may see.
  type: list
  elements: str
  returned: success
  sample: []
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
from ansible_collections.coder.tasks.plugins.module_utils.operations import task_prompts_info


def main() -> None:
    run_module(task_prompts_info)


if __name__ == "__main__":
    main()
