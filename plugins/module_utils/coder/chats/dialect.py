# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a server has its chats, as data. It is found by asking: self-built servers carry any version."""

from __future__ import annotations

from typing import NamedTuple

from ..backend import SERVER_INFO, Feature
from ..errors import CoderError
from ..server_version import Version

STABLE = "/api/v2/chats"
EXPERIMENTAL = "/api/experimental/chats"
_OWN_MCP = "/api/v2/organizations/{organization}/mcp-servers"
# Between the two: servers built from sources of before 2.37.
_OWN_MCP_EARLY = "/api/experimental/organizations/{organization}/mcp-servers"
_ALL_MCP = "/api/experimental/mcp/servers"


class ChatsDialect(NamedTuple):
    """How one kind of server speaks of chats.

    :param prefix: of the routes.
    :param organization_models: the models that can be used are those of an organization; else one list is for all.
    :param mcp_servers: where its MCP servers are listed, the likeliest first; with ``{organization}`` those of one.
    :param sure: features that every such server has; of the others only their use shows it.
    """

    prefix: str
    organization_models: bool
    mcp_servers: tuple[str, ...]
    sure: frozenset[str] = frozenset()

    @property
    def form(self) -> str:
        """The form of the API, as people call it."""
        return "v2" if self.prefix == STABLE else "experimental"


# Since Coder 2.37, and from 2.33 to 2.36.
GENERAL = ChatsDialect(STABLE, True, (_OWN_MCP, _OWN_MCP_EARLY, _ALL_MCP), sure=frozenset({"cost"}))
EARLY = ChatsDialect(EXPERIMENTAL, False, (_ALL_MCP, _OWN_MCP_EARLY))

# What only some servers can, as far as anybody above asks for it.
FEATURES = {
    "cost": Feature("does not tell what a chat costs", "That needs Coder 2.36."),
}

MCP_LIST = Feature("does not list its MCP servers", "Give them by their UUIDs.")


def no_chats(version: Version) -> CoderError:
    """Why this server has no chats, by its version."""
    name = version.text or "of unknown version"
    if version.numbers != (0, 0, 0) and version.numbers < (2, 33, 0):
        hint = "Chats need Coder 2.33 or newer, better 2.37."
    else:
        hint = "Check 'url' and any proxy before the server."
    return CoderError(f"this server ({name}) has no chats", "unsupported", hint=f"{hint} {SERVER_INFO}")
