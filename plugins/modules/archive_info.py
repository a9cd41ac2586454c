#!/usr/bin/python
# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: archive_info
short_description: Say what an archive holds of the server's tasks, and what could be deleted
version_added: 1.0.0
description:
  - Hashes every file of an archive again, reads every chosen task again and compares the two, as M(coder.tasks.archive)
    does with O(coder.tasks.archive#module:state=verified); whatever it finds is a result and no failure.
author:
  - the coder.tasks authors (@coder)
extends_documentation_fragment:
  - coder.tasks.connection
  - coder.tasks.connection.timeout
  - coder.tasks.selection
  - coder.tasks.selection.filters
  - coder.tasks.archive
  - coder.tasks.archive.proof
  - coder.tasks.archive.source
  - coder.tasks.fields
  - coder.tasks.attributes
  - coder.tasks.attributes.info
  - coder.tasks.attributes.api
seealso:
  - module: coder.tasks.archive
"""

EXAMPLES = r"""
- name: See what could be deleted
  coder.tasks.archive_info:
    path: coder-archive
    all_owners: true
    accept: [snapshot]
  register: proof

- name: Say GO, or why not
  ansible.builtin.debug:
    msg: "{{ 'GO' if proof.verification.go else proof.verification.no_go | join(' ') }}"
"""

RETURN = r"""
tasks:
  description: What was found of each chosen task or chat, by name.
  type: list
  elements: dict
  returned: success
  contains:
    id:
      description: Its UUID.
      type: str
      returned: unless O(fields) leaves it out
      sample: 3fa85f64-5717-4562-b3fc-2c963f66afa6
    kind:
      description: V(task) or V(chat).
      type: str
      returned: unless O(fields) leaves it out
      sample: task
    task:
      description: Owner and name.
      type: str
      returned: unless O(fields) leaves it out
      sample: alice/fix-login
    verdict:
      description: One of the keys of RV(verification) that count tasks.
      type: str
      returned: unless O(fields) leaves it out
      sample: incomplete
    reasons:
      description: Classes that O(accept) does not name, or what stands in the way.
      type: list
      elements: str
      returned: unless O(fields) leaves it out
      sample: [restarted]
    why:
      description: The reasons in words.
      type: str
      returned: unless O(fields) leaves it out
      sample: its agent was started more than once, and nothing shows that it remembers what was said before
    action:
      description: Nothing is done, so null.
      type: str
      returned: unless O(fields) leaves it out
      sample: null
    scope:
      description: As RV(scope).
      type: str
      returned: unless O(fields) leaves it out
      sample: deployment
    held:
      description: What the archive holds of it; null where it holds nothing.
      type: dict
      returned: unless O(fields) leaves it out
      contains:
        messages:
          description: Messages of the newest log that was saved.
          type: int
          returned: always
          sample: 12
        source:
          description: V(live), V(snapshot) or V(none).
          type: str
          returned: always
          sample: live
        log:
          description: How whole it is, V(complete), V(partial), V(empty) or V(unreadable).
          type: str
          returned: always
          sample: partial
        lacks:
          description: In which of the classes of O(accept) it is less than its original, or V(gone).
          type: list
          elements: str
          returned: always
          sample: [restarted]
        gone:
          description: Files of a chat that are gone from the server and were never saved.
          type: list
          elements: dict
          returned: always
          contains:
            id:
              description: UUID of the file.
              type: str
              returned: always
              sample: 49f78da7-bbd9-4e87-9902-13817dac57ad
            name:
              description: As it was uploaded.
              type: str
              returned: always
              sample: notes.txt
            since:
              description: When that was first seen, in UTC.
              type: str
              returned: always
              sample: "2026-06-01T12:00:00Z"
            said:
              description: The server's words.
              type: str
              returned: always
              sample: Resource not found or you do not have access to this resource
        last_time:
          description: Time of its last message, in UTC; null where none has a time.
          type: str
          returned: always
          sample: "2026-06-01T12:00:00Z"
        folder:
          description: Its folder below C(tasks) in the archive, of a chat below C(chats).
          type: str
          returned: always
          sample: alice_fix-login_3fa85f64-5717-4562-b3fc-2c963f66afa6
    command:
      description:
        - The command with which a person may delete the task knowingly, where no proof can be had of it; null where it
          can be had.
      type: str
      returned: unless O(fields) leaves it out
      sample: null
    purge_after:
      description:
        - When the server may delete an archived chat for good, in UTC; null of a task, of a chat that is not archived,
          and where the server never does so or does not say.
      type: str
      returned: unless O(fields) leaves it out
      sample: "2026-07-01T12:00:00Z"
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
summary:
  description: What became of the chosen tasks.
  type: dict
  returned: success
  contains:
    selected:
      description: Tasks that were chosen.
      type: int
      returned: always
      sample: 1200
    created:
      description: Nothing is saved, so always 0.
      type: int
      returned: always
      sample: 0
    changed:
      description: Nothing is saved, so always 0.
      type: int
      returned: always
      sample: 0
    unchanged:
      description: Nothing is saved, so always 0.
      type: int
      returned: always
      sample: 0
    failed:
      description: What could not be read or proven.
      type: int
      returned: always
      sample: 0
    live:
      description: Nothing is saved, so always 0.
      type: int
      returned: always
      sample: 0
    snapshot:
      description: Nothing is saved, so always 0.
      type: int
      returned: always
      sample: 0
    none:
      description: Nothing is saved, so always 0.
      type: int
      returned: always
      sample: 0
    incomplete:
      description: Nothing is saved, so always 0.
      type: int
      returned: always
      sample: 0
    gone:
      description: Nothing is saved, so always 0.
      type: int
      returned: always
      sample: 0
    messages:
      description: Nothing is saved, so always 0.
      type: int
      returned: always
      sample: 0
    redactions:
      description: Nothing is saved, so always 0.
      type: int
      returned: always
      sample: 0
    deleted:
      description: Nothing is deleted, so always 0.
      type: int
      returned: always
      sample: 0
    kept:
      description: Nothing is deleted, so always 0.
      type: int
      returned: always
      sample: 0
# begin scripts/returns/failures.yml {returned: success}
error_kinds:
  description: How often each kind of failure came, by the kinds of RV(failure.kind).
  type: dict
  returned: success
  sample: {"unavailable": 2}
failures:
  description: The first twenty of them.
  type: list
  elements: dict
  returned: success
  contains:
    task:
      description: Owner and name of the task; the archive's folder for what is wrong with its files.
      type: str
      returned: always
      sample: alice/fix-login
    kind:
      description: One of the kinds of RV(failure.kind).
      type: str
      returned: always
      sample: unavailable
    msg:
      description: What was attempted, what was wrong, what to do.
      type: str
      returned: always
      sample: "Could not read the log of the task alice/fix-login: the workspace's agent cannot be reached."
# end scripts/returns/failures.yml
# begin scripts/returns/verification.yml {returned: success}
verification:
  description: How many tasks got which verdict. Each has one.
  type: dict
  returned: success
  contains:
    safe_to_delete:
      description: Their files are intact, every message that the server shows now is in them, and O(accept) allows it.
      type: int
      returned: always
      sample: 1140
    missing:
      description: They are not in the archive.
      type: int
      returned: always
      sample: 0
    damaged:
      description: Their files are not what the manifest says.
      type: int
      returned: always
      sample: 0
    drifted:
      description: The server shows messages that the archive does not hold.
      type: int
      returned: always
      sample: 4
    incomplete:
      description: The archive holds less of them than there was, and O(accept) does not say that this is good enough.
      type: int
      returned: always
      sample: 56
    unprovable:
      description:
        - Nothing can be compared, because they were saved with another redaction key, by other rules or values, or by
          an older version of this collection. Collect again.
      type: int
      returned: always
      sample: 0
    unreadable:
      description: They could not be read again. No O(accept) changes that.
      type: int
      returned: always
      sample: 0
    first:
      description: Owner and name of the first hundred tasks by verdict.
      type: dict
      returned: always
      sample: {"drifted": ["alice/fix-login"]}
    reasons:
      description: How often which class of O(accept), or which kind of failure, spoke against it.
      type: dict
      returned: always
      sample: {"none": 50, "redacted": 6}
    gone:
      description: >-
        Files of chats that are gone from the server and were never saved. Nobody can have them any more,
        so that they speak against nothing. The line of each chat names them.
      type: int
      returned: always
      sample: 0
    accept:
      description: Classes that would make every incomplete task safe to delete, if O(accept) named them too.
      type: list
      elements: str
      returned: always
      sample: [none, redacted]
    seal:
      description:
        - V(intact), or V(broken) where somebody without the key has changed the archive. V(other_key) is where it was
          written with another key, V(absent) where it has no seal or a run was ended before it was made; then nobody
          can tell.
      type: str
      returned: always
      sample: intact
    go:
      description: Whether every task of a proven scope is safe to delete, one at least, and every file is intact.
      type: bool
      returned: always
      sample: false
    no_go:
      description: Why not, in sentences.
      type: list
      elements: str
      returned: always
      sample: ["56 of 1200 tasks are not safe to delete.", "Of these, some would be with accept=none,redacted."]
    files:
      description: What hashing every file of the archive found, also those of tasks that were not chosen.
      type: dict
      returned: always
      contains:
        intact:
          description: Whether every file is what the manifest and the checksums say, and there is no other.
          type: bool
          returned: always
          sample: true
        damaged:
          description: The first twenty files of tasks that are missing or differ.
          type: list
          elements: str
          returned: always
          sample: []
        top:
          description: Files at the top that are missing or differ.
          type: list
          elements: str
          returned: always
          sample: []
        stray:
          description: The first twenty files that nothing accounts for.
          type: list
          elements: str
          returned: always
          sample: []
# end scripts/returns/verification.yml
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
from ansible_collections.coder.tasks.plugins.module_utils.operations.archive import archive_info


def main() -> None:
    run_module(archive_info)


if __name__ == "__main__":
    main()
