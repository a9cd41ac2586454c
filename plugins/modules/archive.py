#!/usr/bin/python
# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: archive
short_description: Save, verify and remove the conversations of a deployment
version_added: 1.0.0
description:
  - Saves what every task and its agent said into a folder, as JSON Lines, Markdown and HTML pages, with an index that
    can be searched, a manifest and checksums. Coder 2.38 removes tasks, and its migration deletes their conversations.
  - Saves chats, Coder's successor of tasks, likewise, with the files that they carry, the chats of their sub-agents,
    what waits in their queue and what they cost. A server deletes an archived chat for good some time later, 30 days if
    nobody has changed that, and has no export.
  - With O(state=verified) it proves that the archive still holds what the server holds, task by task.
  - With O(state=evacuated) it deletes from the server the tasks that are proven, and nothing else. A chat is never
    deleted, for no server does that when it is asked to.
  - A proof compares what the server shows of a task now with the bytes that lie on the disk now; every message of the
    first has to be in the second. What cannot be compared is not deleted.
  - A second run costs one request for each task, and writes only what has changed.
  - A task that cannot be read is a failure of its own and does not stop the others. Where files cannot be written, the
    call ends, and its result tells what was saved before.
  - To save a deployment, the token has to be a site owner's, without scopes. The administrator of an organization sees
    its tasks and cannot read their logs.
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
  - coder.tasks.attributes
  - coder.tasks.attributes.api
attributes:
  check_mode:
    support: full
    details:
      - Every task is read, nothing is written and nothing deleted. A task is not resumed.
  diff_mode:
    support: none
  idempotent:
    support: full
options:
  path:
    description:
      - Folder of the archive; made if it is not there. A relative one is the playbook's.
      - One that is there has to be empty or an archive, and keeps its mode.
      - Shards need a folder each; only one run can write to an archive.
    type: path
    required: true
  state:
    description:
      - V(present) saves the tasks and chats.
      - V(verified) hashes every file again, reads every task again and compares; it writes nothing but O(report). It is
        what M(coder.tasks.archive_info) does, but fails as O(fail_on) says.
      - V(evacuated) does the same, and deletes each task right after the reading that proved it safe to delete. A task
        that is not as it was saved is saved again and not deleted. Deletion cannot be undone. As soon as the archive's
        folder is not there any more, or another one is in its place, nothing more is deleted and the call fails.
    type: str
    choices: [present, verified, evacuated]
    default: present
  accounts:
    description:
      - With O(state=present), whether to save the server's own accounts of its chats, too. Those are limits, what the
        chats of each user cost, and pull requests. Servers up to 2.36 have them, and lose them with 2.37.
      - They are files in the folder C(accounts) of the archive. Where a later answer says less, as after a purge, the
        earlier one stays beside it with a number.
      - Those of others are told to a site owner alone. What is not told is no failure; RV(accounts) says so.
    type: bool
    default: false
  on_partial:
    description:
      - What to do about a paused task of which the server has no snapshot, or only the end of the conversation.
      - V(keep) saves what there is.
      - V(resume) saves it, resumes the task, saves the whole conversation and pauses the task again, which costs a
        build of each such workspace and makes a new snapshot. Use it only with agents that keep their conversation
        over a restart (AgentAPI 0.12 or newer with its state file), and try it with one task first. A run that is
        killed leaves running what it had resumed; the next one names those tasks in a warning.
    type: str
    choices: [keep, resume]
    default: keep
  resume_concurrency:
    description:
      - How many tasks may be resumed at the same time.
    type: int
    default: 4
  fail_on:
    description:
      - When to fail, after all was done that could be.
      - V(any) is one failed task, V(percent) more than O(fail_percent) of them, V(none) never.
      - A paused task without a snapshot has no log, which is no failure. Nor is a file of a chat that is gone from the
        server; RV(summary.gone) counts those.
    type: str
    choices: [any, none, percent]
    default: any
  fail_percent:
    description:
      - Share of the chosen tasks that may fail.
    type: float
  report:
    description:
      - File to write with O(state=verified) and O(state=evacuated), outside the archive. It has one line of JSON per
        task, with its verdict, the reasons, these in words, what the archive holds of it, what was done, and, where no
        proof can be had, the command with which a person may delete it knowingly.
    type: path
  concurrency:
    description:
      - How many tasks to read at the same time.
      - What they become is computed in further processes on Linux, one for each processor and at most four, where there
        are more than 50 tasks to save.
    type: int
    default: 16
  wait_timeout:
    description:
      - Longest time to wait for tasks whose log cannot be read in their present state, such as one that starts, or one
        whose AgentAPI does not answer, counted from the start; and for a task to be resumed or paused.
      - In seconds or with units, such as V(5m).
    type: str
    default: 2m
seealso:
  - module: coder.tasks.archive_info
  - module: coder.tasks.task_logs_info
"""

EXAMPLES = r"""
- name: Save every conversation of the deployment
  coder.tasks.archive:
    path: coder-archive
    all_owners: true

- name: Prove that it is whole, and see what could be deleted
  coder.tasks.archive:
    path: coder-archive
    state: verified
    all_owners: true
    expect_scope: deployment
    accept: [snapshot]
    report: coder-archive-proof.jsonl
  register: proof

- name: Delete what is proven, of tasks that nobody has touched for a month
  coder.tasks.archive:
    path: coder-archive
    state: evacuated
    all_owners: true
    older_than: 30d
    accept: [snapshot]

- name: Save everybody's chats and nothing else
  coder.tasks.archive:
    path: coder-chats
    source: chats
    all_owners: true

- name: The second of four machines
  coder.tasks.archive:
    path: coder-archive-2
    all_owners: true
    shard:
      index: 2
      count: 4
    fail_on: percent
    fail_percent: 5
"""

RETURN = r"""
# begin scripts/returns/archive.yml {returned: "success, and on failure once the archive was opened"}
archive:
  description: The archive as it is now.
  type: dict
  returned: success, and on failure once the archive was opened
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
  returned: success, and on failure once the archive was opened
  sample: both
audit_log:
  description:
    - What the audit log named, where everybody's chats were asked for and the token may read it; else null.
    - It begins with the version that writes it, and may be purged by the server's C(audit-logs-retention).
  type: dict
  returned: success, and on failure once the archive was opened
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
  returned: success, and on failure once the archive was opened
  sample: []
# end scripts/returns/archive.yml
# begin scripts/returns/scope.yml {returned: "success, and on failure of single tasks"}
scope:
  description:
    - Whose tasks and chats the chosen ones were taken from, the least of the two. V(deployment) is everybody's,
      V(organization) those of an organization, V(own) one user's or those that were named. V(unproven) is where the
      server did not say what the token may read, so that there may be more.
    - Of chats it is V(deployment) only where the audit log could be read.
  type: str
  returned: success, and on failure of single tasks
  sample: deployment
# end scripts/returns/scope.yml
summary:
  description: What became of the chosen tasks.
  type: dict
  returned: success, and on failure once the archive was opened
  contains:
    selected:
      description: Tasks and chats that were chosen, each sub-agent's chat by itself.
      type: int
      returned: always
      sample: 1200
    created:
      description: Those that were saved for the first time, or would be in check mode.
      type: int
      returned: always
      sample: 12
    changed:
      description: Those that had changed and were saved again, or would be.
      type: int
      returned: always
      sample: 3
    unchanged:
      description: Those that had not.
      type: int
      returned: always
      sample: 1185
    failed:
      description: What could not be read, saved or deleted.
      type: int
      returned: always
      sample: 0
    live:
      description: Of the tasks that were saved or unchanged, those whose log was read from a running agent.
      type: int
      returned: always
      sample: 800
    snapshot:
      description: Those whose log is a snapshot.
      type: int
      returned: always
      sample: 350
    none:
      description: Those that have no log.
      type: int
      returned: always
      sample: 50
    incomplete:
      description: Those whose log is V(partial), V(empty) or V(unreadable).
      type: int
      returned: always
      sample: 120
    gone:
      description: Files of chats that are gone from the server and were never saved. Nobody can have them any more.
      type: int
      returned: always
      sample: 0
    messages:
      description: Their messages.
      type: int
      returned: always
      sample: 18220
    redactions:
      description: Secrets that were taken out of them.
      type: int
      returned: always
      sample: 7
    deleted:
      description: Tasks whose removal was started, or would be in check mode.
      type: int
      returned: always
      sample: 0
    kept:
      description: Chats that are proven with O(state=evacuated), and stay on the server all the same.
      type: int
      returned: always
      sample: 0
accounts:
  description: The server's own accounts of its chats, in the order of asking; none where it has no chats.
  type: list
  elements: dict
  returned: with O(accounts) and O(state=present)
  contains:
    name:
      description: What is accounted for, and the name of its file without C(.json).
      type: str
      returned: always
      sample: cost-users
    state:
      description:
        - V(saved), also where it was saved before and has not changed. V(absent) where this server has none.
        - V(forbidden) where the token may not read it, for which it needs C(role). V(failed) where something else is
          wrong, which is one of RV(failures).
      type: str
      returned: always
      sample: saved
    role:
      description: The role that reading it needs; null where its user may.
      type: str
      returned: always
      sample: site owner
# begin scripts/returns/failures.yml {returned: "success, and on failure once the archive was opened"}
error_kinds:
  description: How often each kind of failure came, by the kinds of RV(failure.kind).
  type: dict
  returned: success, and on failure once the archive was opened
  sample: {"unavailable": 2}
failures:
  description: The first twenty of them.
  type: list
  elements: dict
  returned: success, and on failure once the archive was opened
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
# begin scripts/returns/verification.yml {returned: when O(state) is V(verified) or V(evacuated)}
verification:
  description: How many tasks got which verdict. Each has one.
  type: dict
  returned: when O(state) is V(verified) or V(evacuated)
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
from ansible_collections.coder.tasks.plugins.module_utils.operations.archive import archive


def main() -> None:
    run_module(archive)


if __name__ == "__main__":
    main()
