# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.coder.tasks.plugins.module_utils.operations.archive import archive_join
from ansible_collections.coder.tasks.plugins.plugin_utils.in_process import OperationAction


class ActionModule(OperationAction):
    operation = archive_join
