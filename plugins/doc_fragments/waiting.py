# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Options of waiting."""

    DOCUMENTATION = r"""
options:
  wait_timeout:
    description:
      - Longest time to wait in all, in seconds or with units, such as V(90s), V(10m) or V(1h30m).
      - When it ends, the module fails with the last object, the time waited and a diagnosis.
    type: str
    default: 10m
"""

    # For the modules that can wait until an agent is idle.
    IDLE = r"""
options:
  stable_idle:
    description:
      - How long an agent must stay idle without a break before it counts as V(idle), in seconds or with units, such as
        V(30s).
    type: str
    default: 5s
"""
