# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Attributes of modules."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in check mode and return what would change, without changing anything.
  diff_mode:
    description: Returns what has changed, or would change in check mode, when in diff mode.
  idempotent:
    description: When run twice in a row, the second run changes nothing.
"""

    INFO = r"""
options: {}
attributes:
  check_mode:
    support: full
    details:
      - This module only reads.
  diff_mode:
    support: N/A
    details:
      - This module only reads.
  idempotent:
    support: full
    details:
      - This module only reads.
"""

    STATE = r"""
options: {}
attributes:
  check_mode:
    support: full
    details:
      - Templates, versions and presets are looked up, so that their mistakes show.
  diff_mode:
    support: full
"""

    SEND = r"""
options: {}
attributes:
  diff_mode:
    support: none
    details:
      - A message is not a state.
  idempotent:
    support: none
    details:
      - Each call sends the input.
"""

    API = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/coder.tasks.api) in C(module_defaults) to set the connection for all modules of this group.
    support: full
    membership:
      - coder.tasks.api
notes:
  - On the controller itself the module runs inside Ansible's worker, without starting a Python for each call.
    It does not when C(become), C(async), C(environment) or another C(ansible_python_interpreter) is set; the result
    is the same.
"""

    WORKSPACE = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/coder.tasks.workspace) in C(module_defaults) to set options for all modules of this group.
    support: full
    membership:
      - coder.tasks.workspace
"""
