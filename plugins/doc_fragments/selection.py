# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Options that choose tasks."""

    DOCUMENTATION = r"""
options:
  name:
    description:
      - Tasks to read, each by its name, as C(owner/name), or by its UUID.
      - If not set, all tasks are chosen that the other options leave.
    type: list
    elements: str
    aliases: [task, tasks]
  owner:
    description:
      - User whose tasks are meant, by username or UUID; V(me) is the user of the token.
      - An empty text is an error; only O(all_owners) means all users. So is another user than O(name) names as
        C(owner/name).
    type: str
    default: me
"""

    # Apart from the rest, because the inventory has no names to choose by.
    FILTERS = r"""
options:
  all_owners:
    description:
      - Whether to choose from the tasks of all users that the token may see, instead of those of O(owner).
    type: bool
    default: false
  organization:
    description:
      - Choose only tasks of this organization, by name or UUID; V(default) is the default one.
    type: str
  status:
    description:
      - Choose only tasks with this status.
    type: str
    choices: [pending, initializing, active, paused, unknown, error]
  select:
    description:
      - Choose only tasks for which this JMESPath expression is true, such as V(template_name == 'ai').
      - It is asked of each task, with the fields that the modules return.
      - Needs the Python library C(jmespath).
    type: str
"""

    CHATS = r"""
options:
  name:
    description:
      - Chats to look at, each by its UUID, one's own also by the name in its label C(coder.tasks/name).
      - If not set, all chats are chosen that the other options leave.
    type: list
    elements: str
    aliases: [chat, chats]
  all_owners:
    description:
      - Whether to choose from the chats of all users, which the server's audit log names to the token of a site owner,
        instead of one's own.
    type: bool
    default: false
  organization:
    description:
      - Choose only chats of this organization, by name or UUID; V(default) is the default one.
    type: str
"""
