#!/usr/bin/python
# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: archive_retention
short_description: Say which archived chats the server deletes soon without a saved copy, and hold them
version_added: 1.0.0
description:
  - A Coder server deletes an archived chat for good some days after its last change, 30 if nobody has changed that. No
    server has an export.
  - Compares the archived chats with an archive, as M(coder.tasks.archive_info) does, and says which of them are purged
    within some days and have no proven copy.
  - With O(report) it also says what was purged since the last run.
  - Each chat ages by itself, also that of a sub-agent, which can be purged before the one that it belongs to.
author:
  - the coder.tasks authors (@coder)
extends_documentation_fragment:
  - coder.tasks.connection
  - coder.tasks.connection.timeout
  - coder.tasks.selection.chats
  - coder.tasks.archive
  - coder.tasks.archive.proof
  - coder.tasks.attributes
  - coder.tasks.attributes.api
attributes:
  check_mode:
    support: full
    details:
      - Every chat is read and compared; nothing is held, and the report is not written.
  diff_mode:
    support: none
  idempotent:
    support: partial
    details:
      - With O(hold) a chat that is due is labelled, after which it is due no more.
options:
  within:
    description:
      - How far to look ahead, in seconds or with units, such as V(7d).
    type: str
    default: 7d
  hold:
    description:
      - Whether to keep what is due for another term, by a label of the chat, C(coder.tasks/held), that says when this
        was done. A change of its labels counts as a change of an archived chat; nothing else of it is changed.
      - A server takes the labels as a whole. Whoever labels the same chat in the same moment may be overwritten.
    type: bool
    default: false
  report:
    description:
      - File outside the archive, with one line of JSON per archived chat. What was in the last one and is gone by now
        was purged since.
    type: path
seealso:
  - module: coder.tasks.archive
  - module: coder.tasks.archive_info
"""

EXAMPLES = r"""
- name: See which archived chats are purged within a week and are not saved
  coder.tasks.archive_retention:
    path: coder-archive
    all_owners: true
    accept: [redacted]
    report: coder-retention.jsonl
  register: retention

- name: Say GO, or why not
  ansible.builtin.debug:
    msg: "{{ 'GO' if retention.go else retention.no_go | join(' ') }}"

- name: Keep them for another term
  coder.tasks.archive_retention:
    path: coder-archive
    all_owners: true
    hold: true
"""

RETURN = r"""
due:
  description: Archived chats that are purged within O(within) and have no proven copy.
  type: list
  elements: dict
  returned: success
  contains:
    chat:
      description: Owner and name.
      type: str
      returned: always
      sample: alice/fix-login
    id:
      description: Its UUID.
      type: str
      returned: always
      sample: 3fa85f64-5717-4562-b3fc-2c963f66afa6
    purge_after:
      description: When the server may delete it, in UTC.
      type: str
      returned: always
      sample: "2026-07-01T12:00:00Z"
    # begin scripts/returns/proof.yml {verdict: missing, why: it is not in the archive}
    verdict:
      description: What the comparison says, as in M(coder.tasks.archive_info).
      type: str
      returned: always
      sample: missing
    reasons:
      description: Classes that O(accept) does not name, or what stands in the way.
      type: list
      elements: str
      returned: always
      sample: []
    why:
      description: The reasons in words.
      type: str
      returned: always
      sample: it is not in the archive
    # end scripts/returns/proof.yml
purged:
  description: Chats of the last report that the server has no more, or that this token may not see any more.
  type: list
  elements: dict
  returned: success
  contains:
    chat:
      description: Owner and name.
      type: str
      returned: always
      sample: alice/fix-login
    id:
      description: Its UUID.
      type: str
      returned: always
      sample: 3fa85f64-5717-4562-b3fc-2c963f66afa6
    purge_after:
      description: When the server could delete it, as of the last report.
      type: str
      returned: always
      sample: "2026-07-01T12:00:00Z"
    verdict:
      description: What the comparison said then; V(safe_to_delete) is one with a proven copy.
      type: str
      returned: always
      sample: safe_to_delete
held:
  description: Owner and name of the chats that were labelled, or would be in check mode.
  type: list
  elements: str
  returned: success
  sample: []
archived:
  description: How many archived chats have a day on which they may be purged.
  type: int
  returned: success
  sample: 42
go:
  description: Whether nothing is due that is not held, and nothing was purged without a proven copy.
  type: bool
  returned: success
  sample: false
no_go:
  description: Why not, in sentences.
  type: list
  elements: str
  returned: success
  sample: ["1 archived chats are purged soon and have no proven copy, such as alice/fix-login."]
# begin scripts/returns/archive.yml {returned: success}
archive:
  description: The archive as it is now.
  type: dict
  returned: success
  contains:
    path:
      description: Its folder.
      type: str
      returned: always
      sample: /srv/coder-archive
    manifest:
      description: File with one line of JSON for each saved task.
      type: str
      returned: always
      sample: /srv/coder-archive/manifest.jsonl
    checksums:
      description: File that C(sha256sum -c) takes.
      type: str
      returned: always
      sample: /srv/coder-archive/SHA256SUMS
    index:
      description: Page about all tasks.
      type: str
      returned: always
      sample: /srv/coder-archive/index.html
    search:
      description: Database for full-text search; null if there is none, as where Python has no SQLite with FTS5.
      type: str
      returned: always
      sample: /srv/coder-archive/index.sqlite
    tasks:
      description: Tasks in it, those of earlier runs too.
      type: int
      returned: always
      sample: 1204
    chats:
      description: Chats in it, those of sub-agents and of earlier runs too.
      type: int
      returned: always
      sample: 310
    bytes:
      description: Size of their files.
      type: int
      returned: always
      sample: 48210331
    scanner:
      description: The secret scanner that is asked beside the collection's rules; null if there is none.
      type: dict
      returned: always
      contains:
        name:
          description: The scanner.
          type: str
          returned: always
          sample: kingfisher
        version:
          description: Its version.
          type: str
          returned: always
          sample: 1.5.0
        rules:
          description: How many rules it has.
          type: int
          returned: always
          sample: 488
    logs:
      description: How whole the logs in it are, each by one word. The pages and the report use the same.
      type: dict
      returned: always
      contains:
        complete:
          description: Everything that was said until it was read is there.
          type: int
          returned: always
          sample: 1080
        partial:
          description: Something that was said is missing, or may be missing; its classes say why.
          type: int
          returned: always
          sample: 70
        empty:
          description: There is no message of it.
          type: int
          returned: always
          sample: 50
        unreadable:
          description: It could not be read yet.
          type: int
          returned: always
          sample: 4
source:
  description: Where conversations were taken from, V(tasks), V(chats) or V(both).
  type: str
  returned: success
  sample: both
audit_log:
  description:
    - What the audit log named, where everybody's chats were asked for and the token may read it; else null.
    - It begins with the version that writes it, and may be purged by the server's C(audit-logs-retention).
  type: dict
  returned: success
  contains:
    named:
      description: Root chats that it names.
      type: int
      returned: always
      sample: 120
    read:
      description: Those of them that could be read.
      type: int
      returned: always
      sample: 100
    gone:
      description: Those that the server does not have any more.
      type: int
      returned: always
      sample: 20
missing_names:
  description: Names from O(name) that nothing has, or nothing that the token may see.
  type: list
  elements: str
  returned: success
  sample: []
# end scripts/returns/archive.yml
# begin scripts/returns/scope.yml {returned: success}
scope:
  description:
    - Whose tasks and chats the chosen ones were taken from, the least of the two. V(deployment) is everybody's,
      V(organization) those of an organization, V(own) one user's or those that were named. V(unproven) is where the
      server did not say what the token may read, so that there may be more.
    - Of chats it is V(deployment) only where the audit log could be read.
  type: str
  returned: success
  sample: deployment
# end scripts/returns/scope.yml
# begin scripts/returns/failure.yml {path: /api/v2/chats}
failure:
  description: What went wrong, for playbooks to branch on.
  type: dict
  returned: failure
  contains:
    # begin scripts/returns/failure_keys.yml {path: /api/v2/chats}
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
      sample: /api/v2/chats
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
from ansible_collections.coder.tasks.plugins.module_utils.operations.archive import archive_retention


def main() -> None:
    run_module(archive_retention)


if __name__ == "__main__":
    main()
