#!/usr/bin/python
# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: server_info
short_description: Say what a Coder server has, and what a token may see there
version_added: 1.0.0
description:
  - Returns whether a server has tasks and chats, whose the token is, what it may read, and which limits hold.
  - What a server has is found by asking it, because a version says little of one that was built by its owners. The
    version only tells tasks that are hidden from those that were removed.
  - A question that the server refuses to this token has null, or an empty list, for an answer, and is no failure. A
    token that nobody has is one.
  - It makes seven to ten requests.
author:
  - the coder.tasks authors (@coder)
extends_documentation_fragment:
  - coder.tasks.connection
  - coder.tasks.connection.timeout
  - coder.tasks.attributes
  - coder.tasks.attributes.info
  - coder.tasks.attributes.api
seealso:
  - module: coder.tasks.chat_model_info
  - module: coder.tasks.task_info
  - ref: ansible_collections.coder.tasks.docsite.from_tasks_to_chats
    description: What carries over from tasks to chats.
"""

EXAMPLES = r"""
- name: Ask what the server is
  coder.tasks.server_info:
  register: found

- name: Go on only where there are tasks, and the token sees those of everybody
  ansible.builtin.assert:
    that:
      - found.server.tasks == 'yes'
      - found.server.rights.tasks is true
    quiet: true
"""

RETURN = r"""
server:
  description: What the server is and has, as this token sees it.
  type: dict
  returned: success
  contains:
    url:
      description: Its address, as it was given.
      type: str
      returned: always
      sample: https://coder.example.com
    session_file:
      description: The file of C(coder login) that the token comes from; null where the token was given.
      type: str
      returned: always
    version:
      description: Its build version, as it says it.
      type: str
      returned: always
      sample: v2.37.0+1234567
    tasks:
      description:
        - Whether it has tasks that this collection can work with.
        - V(hidden) is a server since Coder 2.36 without E(CODER_ENABLE_AI_TASKS), whose tasks are still stored.
        - V(removed) is one since 2.38, which has deleted them.
        - V(none) is one that is too old, before 2.27, or one that should have them and does not.
        - V(yes) is any other. In a condition, compare it with the text V('yes').
      type: str
      returned: always
      sample: "yes"
    chats:
      description:
        - Which form of chats it has.
        - V(experimental) is that of Coder 2.33 to 2.36, V(v2) that since 2.37, V(none) is no chats.
      type: str
      returned: always
      sample: v2
    user:
      description: Whose the token is; null where the token may not ask.
      type: dict
      returned: always
      contains:
        id:
          description: UUID of the user.
          type: str
          returned: always
          sample: 1df05098-d1b7-4588-a0f0-d2d9192525d4
        username:
          description: Its name.
          type: str
          returned: always
          sample: alice
    rights:
      description:
        - What the token may read of what belongs to others.
        - This is what its user's roles allow. To be shown in a list is less than to be read, an administrator of an
          organization sees tasks whose conversations only their owners can read. Chats are listed to nobody but their
          owners, whatever stands here; who may read them reads them by their ids.
      type: dict
      returned: always
      contains:
        # begin scripts/returns/reads.yml {where: the deployment}
        tasks:
          description: Whether it may read every task of the deployment; null where the server did not say.
          type: bool
          returned: always
          sample: true
        chats:
          description: Whether it may read every chat of the deployment; null where the server did not say.
          type: bool
          returned: always
          sample: true
        workspaces:
          description: Whether it may read every workspace of the deployment; null where the server did not say.
          type: bool
          returned: always
          sample: true
        # end scripts/returns/reads.yml
        organizations:
          description: The same for each organization that the user is in.
          type: list
          elements: dict
          returned: always
          contains:
            id:
              description: UUID of the organization.
              type: str
              returned: always
              sample: efe617ed-15e3-49b4-ba48-a368e3a528f4
            name:
              description: Its name.
              type: str
              returned: always
              sample: coder
            # begin scripts/returns/reads.yml {where: this organization}
            tasks:
              description: Whether it may read every task of this organization; null where the server did not say.
              type: bool
              returned: always
              sample: true
            chats:
              description: Whether it may read every chat of this organization; null where the server did not say.
              type: bool
              returned: always
              sample: true
            workspaces:
              description: Whether it may read every workspace of this organization; null where the server did not say.
              type: bool
              returned: always
              sample: true
            # end scripts/returns/reads.yml
    limits:
      description: What the server takes, as far as it tells.
      type: dict
      returned: always
      contains:
        requests_per_minute:
          description:
            - How many requests it takes in a minute for one path, of one user, or before Coder 2.32 of one address.
              Null where it tells no limit.
          type: int
          returned: always
          sample: 512
        prompt_bytes:
          description:
            - Longest prompt of a chat in bytes. Null where it is not told, as before Coder 2.38 and to those who may
              not read the deployment's settings.
          type: int
          returned: always
          sample: 131072
        queued_messages:
          description: How many messages of a chat may wait for their turn; null as RV(server.limits.prompt_bytes).
          type: int
          returned: always
          sample: 20
        attachments:
          description: How many files a chat may have; null as RV(server.limits.prompt_bytes).
          type: int
          returned: always
          sample: 20
        steps_per_turn:
          description: How many steps an agent may take in one turn; null as RV(server.limits.prompt_bytes).
          type: int
          returned: always
          sample: 1200
    retention:
      description: How long the server keeps chats. It deletes none that is not archived.
      type: dict
      returned: always
      contains:
        retention_days:
          description:
            - Days after its last change after which an archived chat is deleted; V(0) is never, null where it is not
              known.
          type: int
          returned: always
          sample: 30
        auto_archive_days:
          description:
            - Days without a message after which a chat is archived; V(0) is never, null where it is not known.
          type: int
          returned: always
          sample: 0
    features:
      description: Which of the things that not every server can do this one can, by name.
      type: dict
      returned: always
      contains:
        tasks:
          description:
            - Of tasks, V(update_input), to change the prompt of a paused one, V(display_name), to give it a title, and
              V(snapshots), to read the log of a paused one. Empty where the server has no tasks.
          type: dict
          returned: always
          sample: {display_name: true, snapshots: true, update_input: true}
        chats:
          description:
            - Of chats, V(cost), to tell what one costs. It is null where only its use would show whether the server has
              it. Empty where the server has no chats.
          type: dict
          returned: always
          sample: {cost: true}
# begin scripts/returns/failure.yml {path: /api/v2/users/me}
failure:
  description: What went wrong, for playbooks to branch on.
  type: dict
  returned: failure
  contains:
    # begin scripts/returns/failure_keys.yml {path: /api/v2/users/me}
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
      sample: /api/v2/users/me
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
from ansible_collections.coder.tasks.plugins.module_utils.operations import server_info


def main() -> None:
    run_module(server_info)


if __name__ == "__main__":
    main()
