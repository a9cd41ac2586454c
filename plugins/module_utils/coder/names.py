# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Coder's rules for names, checked before anything is sent. Pure functions."""

from __future__ import annotations

import re
import secrets
import uuid

from .errors import CoderError, invalid

MAX_NAME_BYTES = 32
MAX_DISPLAY_NAME_BYTES = 64
# The prompt reaches the provisioner as CODER_TASK_PROMPT=<prompt> in its environment, and Linux caps one such
# string at 131,072 bytes with its final NUL: a longer prompt makes a task that can only fail.
MAX_PROMPT_BYTES = 131072 - len("CODER_TASK_PROMPT=") - 1

_NAME = re.compile(r"[a-zA-Z0-9]+(-[a-zA-Z0-9]+)*")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def is_uuid(text: str) -> bool:
    """Whether the text is a UUID in its usual form; 32 digits without hyphens are also a legal name."""
    return _UUID.fullmatch(text) is not None


def reads_as_uuid(name: str) -> bool:
    """Whether a server takes this legal name for a UUID in a path."""
    return re.fullmatch(r"[0-9a-fA-F]{32}", name) is not None


def name_problem(name: str) -> str | None:
    """Why the server would refuse this task name, in its own order of checks; None if it would not."""
    if len(name.encode("utf-8", "surrogatepass")) > MAX_NAME_BYTES:
        return f"it is longer than {MAX_NAME_BYTES} characters"
    if not name:
        return "it is empty"
    if name in ("new", "create"):
        return "the word is reserved"
    if not _NAME.fullmatch(name):
        return "only letters, digits and single hyphens between them are allowed"
    return None


def check_name(name: str, noun: str = "task") -> None:
    """:raises CoderError: the server would refuse this name for a new one. :param noun: task or workspace."""
    problem = name_problem(name)
    if problem:
        raise invalid(
            f"{name!r} cannot be the name of a {noun}: {problem}",
            "Use up to 32 of the letters a to z and A to Z, digits and hyphens, such as fix-login.",
        )


def check_owner(owner: str) -> None:
    """:raises CoderError: the owner is empty, which must not be taken for all of them."""
    if not owner:
        raise invalid("'owner' is empty", "Give a username or a UUID; only all_owners=true means everybody's tasks.")


def check_display_name(text: str) -> None:
    """:raises CoderError: longer than the server's limit, which counts bytes, not characters."""
    size = len(text.strip().encode("utf-8", "surrogatepass"))
    if size > MAX_DISPLAY_NAME_BYTES:
        raise invalid(
            f"'display_name' takes {size} bytes in UTF-8", f"Coder allows {MAX_DISPLAY_NAME_BYTES} bytes."
        )


def check_prompt(text: str) -> None:
    """:raises CoderError: a task with this prompt could only fail."""
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > MAX_PROMPT_BYTES:
        raise invalid(
            f"the input takes {size:,} bytes in UTF-8, and a prompt over {MAX_PROMPT_BYTES:,} bytes makes a task whose "
            "build can only fail",
            "Shorten it, or put the material into the repository and name it in the prompt.",
        )
    check_text(text)


def check_text(text: str) -> None:
    """:raises CoderError: text that no server stores: it holds NUL or half of a surrogate pair."""
    if "\x00" in text:
        raise invalid("the input holds a NUL character, which Coder cannot store", "Remove it.")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise invalid("the input is not valid Unicode text", "Save the file as UTF-8.") from None


def make_name(prompt: str) -> str:
    """A name that nobody else has: words of the prompt and eight random hexadecimal digits.

    The server could make one too, but then a retry after a lost answer could not find what the first try made.
    """
    words = re.sub(r"[^a-z0-9]+", "-", prompt[:200].lower()).strip("-")
    stem = words[:23].rsplit("-", 1)[0] if len(words) > 23 else words
    return f"{stem.strip('-') or 'task'}-{secrets.token_hex(4)}"


def _are_two(owner: str, other: str) -> bool:
    """Whether these are certainly two users: a UUID and `me` may be anybody's."""
    open_to_doubt = owner == "me" or other == "me" or is_uuid(owner) or is_uuid(other)
    return not open_to_doubt and owner.lower() != other.lower()


def two_owners(reference: str, owner: str, noun: str = "task") -> CoderError:
    """The error for what is said to be of two users: acting on either could be a mistake."""
    reason = f"the {noun} is given as {reference!r} and its 'owner' as {owner!r}, another user"
    return invalid(reason, "Name its owner once.")


def split_reference(reference: str, owner: str, noun: str = "task") -> tuple[str, str]:
    """(owner, name or UUID) of a task or workspace given as `name`, `owner/name` or UUID.

    :raises CoderError: the text can be neither, or it names another owner than ``owner``, which is the default where
        it is `me`.
    """
    reference = reference.strip()
    head, slash, tail = reference.rpartition("/")
    if slash:
        if not head or not tail or "/" in head:
            raise invalid(f"{reference!r} is not a {noun}", "Give a name, owner/name or a UUID.")
        if _are_two(owner, head):
            raise two_owners(reference, owner, noun)
        owner, reference = head, tail
    if not reference or reference in (".", ".."):
        raise invalid(f"{reference!r} is not a {noun}", "Give a name, owner/name or a UUID.")
    check_owner(owner)
    if is_uuid(reference):
        reference = str(uuid.UUID(reference))
    return owner, reference
