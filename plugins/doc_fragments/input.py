# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """What is said to an agent, from a file."""

    DOCUMENTATION = r"""
options:
  input_file:
    description:
      - File on the controller to read O(input) from. A relative path is looked for beside the playbook. It may be a
        vault.
    type: path
"""
