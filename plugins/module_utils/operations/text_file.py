# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is said to an agent, from an option or from the file that another option names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..coder.errors import CoderError


def text_option(params: Mapping[str, Any], option: str) -> str | None:
    """The text of an option, or of the file that ``<option>_file`` names; None where neither is given.

    :raises CoderError: kind io, the file cannot be read.
    """
    path = params.get(f"{option}_file")
    if not path:
        text: str | None = params[option]
        return text
    try:
        with open(path, encoding="utf-8", newline="") as stream:
            return stream.read()
    except UnicodeDecodeError:
        raise CoderError(
            f"the file {path} in '{option}_file' is not UTF-8 text", "io", hint="Save it as UTF-8."
        ) from None
    except OSError as error:
        raise CoderError(
            f"the file {path} in '{option}_file' could not be read: {error.strerror or error}", "io",
            hint="Name a text file that can be read where the module runs.",
        ) from None
