# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter C(redact): text without the secrets in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.coder.tasks.plugins.module_utils.archive import scanner as scanners
from ansible_collections.coder.tasks.plugins.module_utils.archive.redact import Redactor
from ansible_collections.coder.tasks.plugins.module_utils.archive.redaction_key import redaction_key
from ansible_collections.coder.tasks.plugins.module_utils.archive.user_rules import UserRules, load
from ansible_collections.coder.tasks.plugins.module_utils.coder.errors import CoderError


def redact(
    data: Any,
    values: Sequence[str] = (),
    rules_file: str | None = None,
    key: str | None = None,
    scanner: str = "none",
) -> Any:
    """A string, or plain data with strings anywhere in it, without its secrets.

    :param values: exact secrets.
    :param rules_file: path of a file with rules of the user's.
    :param key: behind the marks; None for the one in the user's configuration folder.
    :param scanner: one of `scanner.CHOICES`.
    :raises AnsibleFilterError: an argument or the file cannot be used.
    """
    try:
        user = load(rules_file) if rules_file else UserRules()
        redactor = Redactor(
            redaction_key(key), values=(*map(str, values), *user.values), rules=user.rules, allow=user.allow,
            scanner=scanners.load(scanner),
        )  # fmt: skip
        return redactor.redact_data(data)
    except (CoderError, ValueError) as error:
        raise AnsibleFilterError(f"Could not redact: {error}") from error


class FilterModule:
    """Tells Ansible the filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"redact": redact}
