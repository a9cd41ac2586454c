# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """The option of every module that speaks to AgentAPI directly."""

    DOCUMENTATION = r"""
options:
  agentapi_url:
    description:
      - Base URL of the AgentAPI server, as seen from the host that the module runs on. No proxy is used.
      - By default AgentAPI refuses requests for other hosts than V(localhost) and V(127.0.0.1).
    type: str
    default: http://localhost:3284
"""
