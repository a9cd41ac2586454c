# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    # Options of an archive, and of what is compared with it.
    DOCUMENTATION = r"""
options:
  path:
    description:
      - Folder of the archive. A relative one is the playbook's.
    type: path
    required: true
  older_than:
    description:
      - Choose only tasks and chats that were last changed longer ago than this, such as V(14d); units are V(s), V(m),
        V(h), V(d) and V(w).
    type: str
  shard:
    description:
      - Take only a part of the chosen tasks and chats, so that several machines can share them.
      - Each is in one shard, on every machine the same one, by a hash of its id; a chat with all its sub-agents'.
    type: dict
    suboptions:
      index:
        description:
          - Which part, counted from 1.
        type: int
        required: true
      count:
        description:
          - How many parts there are.
        type: int
        required: true
  expect_scope:
    description:
      - Whose tasks and chats have to be seen, at the least. The server is asked what the token may read; where it is
        less, or the server does not say, the call fails before it does anything.
      - V(own) is one user's, V(organization) those of an organization, V(deployment) everybody's.
      - If not set, less is told by RV(scope) and, with O(all_owners), by a warning.
    type: str
    choices: [own, organization, deployment]
  scanner:
    description:
      - A secret scanner to ask beside the rules of the collection. V(kingfisher) is the Python package
        C(kingfisher-secret-scanner), which has to be installed where this runs (CPython 3.10 or newer). It follows the
        formats of providers, and opens no connection.
      - An archive keeps the one it was begun with, V(none) if none was given. If this says otherwise, a warning tells.
    type: str
    choices: [none, kingfisher]
  concurrency:
    description:
      - How many tasks or chats to read at the same time.
    type: int
    default: 16
  wait_timeout:
    description:
      - Longest time to wait for tasks whose log cannot be read in their present state, such as one that starts, or one
        whose AgentAPI does not answer; counted from the start, in seconds or with units, such as V(5m).
    type: str
    default: 2m
requirements:
  - jinja2
  - markdown-it-py, if Markdown is to be rendered in transcripts
"""

    # Apart from the rest, because chats alone have no templates.
    SOURCE = r"""
options:
  source:
    description:
      - Where conversations are taken from, V(tasks), V(chats) or V(both). If not set, from what the server has;
        RV(source) says what that was.
      - A list shows one's own chats only. Everybody's are found with O(all_owners) and the token of a site owner, by
        the server's audit log, see RV(audit_log).
      - O(owner), O(template), O(status) and O(select) choose tasks only. With one of them there are no chats, and
        V(chats) or V(both) is refused.
    type: str
    choices: [tasks, chats, both]
  template:
    description:
      - Choose only tasks of this template, by name or UUID.
    type: str
"""

    # Of each proof, also where the archive is not what it is about.
    PROOF = r"""
options:
  accept:
    description:
      - Tasks that may be deleted, and chats that may be archived, although the archive holds less of them than there
        was.
      - V(snapshot) is a log that was saved from a snapshot, V(cut) one with a message that was cut, V(none) a task of
        which the server itself says that it has no log, V(redacted) a log from which secrets were taken out, of which
        the server has the only original.
      - V(restarted) is the log of an agent that was started more than once, where nothing that was saved before shows
        that it remembers what was said before. V(empty) is a running agent that shows no message. V(gaps) is a log
        whose message ids do not follow each other.
      - V(running) is a chat whose agent was at work while it was read, V(files) one that carries a file that could not
        be read.
      - A task that is several of these needs all of them. A log that could not be read cannot be accepted.
      - A file that is gone from the server need not be accepted, for no better copy of its chat can ever be had.
    type: list
    elements: str
    choices: [snapshot, cut, none, redacted, restarted, empty, gaps, running, files]
    default: []
  redact:
    description:
      - Whether secrets are taken out before anything is written, as best as it can be done.
    type: bool
    default: true
  redaction_key:
    description:
      - Key of the marks that stand in the place of secrets, and of the seal by which a change by somebody without the
        key is known; at least 16 characters. The same secret has the same mark under one key.
      - If not set, one is made once, in the configuration folder of the user who runs this. Where each job has a home
        of its own, as in AWX, give one that is kept.
    type: str
  redaction_rules:
    description:
      - YAML file with rules of your own, with the keys C(rules), C(values) and C(allow).
    type: path
  redact_values:
    description:
      - Secrets to take out wherever they stand, beside O(token) and the values of O(headers), which always are.
    type: list
    elements: str
    default: []
requirements:
  - pyyaml for O(redaction_rules)
"""
