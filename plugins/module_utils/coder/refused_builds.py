# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the server's refusals of workspaces and their builds mean."""

from __future__ import annotations

from .errors import CoderError

# Two creators of one name at once meet a unique index, and the loser gets a 500 that names it.
_UNIQUE = ("tasks_owner_id_name_unique_idx", "workspaces_owner_id_lower_idx")


def is_name_taken(error: CoderError) -> bool:
    """Whether a create was refused because the name is in use: 409, but for a race."""
    return error.status == 409 or any(index in (error.detail or "") for index in _UNIQUE)


def is_build_active(error: CoderError) -> bool:
    """Whether a write was refused because the workspace is being built just now."""
    return error.status == 409 and "build" in error.server_message.lower()


def is_not_active_version(error: CoderError) -> bool:
    """Whether a start was refused because the template requires another version than the workspace's."""
    return "non-active version" in (error.detail or "")
