# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """How much of what was found is returned."""

    DOCUMENTATION = r"""
options:
  fields:
    description:
      - Fields to return of each object, by name.
      - V(full) is all of them, V(brief) the few that a person looks for first.
    type: list
    elements: str
    default: [full]
"""
