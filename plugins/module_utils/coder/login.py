# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The session that `coder login` left on this machine: two files in the command's configuration folder."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from urllib.parse import urlsplit

# No address and no token is longer; what is, is another file.
_MOST_BYTES = 8192
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Login:
    """What `coder login` stored. ``token`` is empty where the command keeps it in a keyring, or nobody is logged in."""

    folder: str
    url: str = ""
    token: str = field(default="", repr=False)

    @property
    def session_file(self) -> str:
        return os.path.join(self.folder, "session")

    def is_for(self, url: str) -> bool:
        """Whether the session belongs to this server: a session is sent nowhere else."""
        return _place(url) is not None and _place(url) == _place(self.url)


def stored_login() -> Login:
    """What is stored on this machine; empty where nothing is, or nothing that can be read."""
    folder = _folder()
    return Login(folder, _content(os.path.join(folder, "url")), _content(os.path.join(folder, "session")))


def _folder() -> str:
    """The configuration folder of the command `coder`."""
    given = os.environ.get("CODER_CONFIG_DIR")
    if given:
        return os.path.expanduser(given)
    if sys.platform == "darwin":
        return os.path.expanduser("~/Library/Application Support/coderv2")
    return os.path.join(os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config"), "coderv2")


def _content(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as stream:
            return stream.read(_MOST_BYTES).strip()
    except (OSError, ValueError):
        return ""


def _place(url: str) -> tuple[str, str, int, str] | None:
    """Scheme, host, port and path of an address, however it is written; None for one that is none."""
    try:
        parts = urlsplit(url.strip())
        port = parts.port or _DEFAULT_PORTS[parts.scheme]
    except (ValueError, KeyError):
        return None
    return (parts.scheme, parts.hostname, port, parts.path.rstrip("/")) if parts.hostname else None
