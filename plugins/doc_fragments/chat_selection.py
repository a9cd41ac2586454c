# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Options that choose chats."""

    DOCUMENTATION = r"""
options:
  id:
    description:
      - Chats by UUID, of whomever, as far as the token may see them.
    type: list
    elements: str
    aliases: [ids]
  ids_file:
    description:
      - File with one UUID per line, instead of O(id); what follows a C(#) is a comment.
    type: path
  name:
    description:
      - One's own chats by their name, which is the label C(coder.tasks/name).
    type: list
    elements: str
    aliases: [chat, chats]
  labels:
    description:
      - Choose only chats that have all of these labels with these values.
    type: dict
  archived:
    description:
      - Whether chats that are archived are left out (V(exclude)), taken as well (V(include)), or alone (V(only)).
      - If not set, a list leaves them out, and those that O(id) and O(name) name are taken in either case.
    type: str
    choices: [exclude, include, only]
  status:
    description:
      - Choose only chats with this status.
      - V(pending), V(paused) and V(completed) are those of servers up to Coder 2.34.
    type: str
    choices: [waiting, running, interrupting, requires_action, error, pending, paused, completed, unknown]
  organization:
    description:
      - Choose only chats of this organization, by name or UUID; V(default) is the default one.
    type: str
  select:
    description:
      - Choose only chats for which this JMESPath expression is true, such as V(last_error.kind == 'auth').
      - It is asked of each chat, with the fields that the modules return.
      - Needs the Python library C(jmespath).
    type: str
  scope:
    description:
      - Whose chats are chosen from, where neither O(id) nor O(name) names them.
      - With V(own), those of the token's user. A list of the server shows nobody else's, also to a site owner.
      - With V(deployment), everybody's, also those of users who were suspended or deleted. It reads the audit log,
        which alone names them, and then each chat by its id. Only a site owner may do so, and the log goes as far
        back as the deployment keeps it.
    type: str
    choices: [own, deployment]
    default: own
  concurrency:
    description:
      - Requests under way at the same time, where each chat has to be asked for.
    type: int
    default: 8
"""
