# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-in for a model and its provider: what a prompt says in double brackets is what happens.

    [[slow 5]]                 five seconds of streaming, a word every quarter of a second
    [[wait 4]]                 four seconds before the first byte
    [[long 300]]               an answer of 300 words, at once
    [[think]]                  reasoning before the answer
    [[empty]]                  an answer without any text; tools are called without a word, too
    [[cut]]                    the stream ends in the middle of the answer
    [[err 400]]                the provider answers with this status, always
    [[errn 500 2]]             the provider answers with this status twice, then well
    [[dead]]                   the provider refuses connections
    [[tool NAME {"a": 1}]]     the model calls a tool once, and then answers; of several, one after the other

Without any of them the answer comes at once. What :attr:`Chats.walk <emulator.chats.Chats.walk>` holds is added to
every prompt. Times are those that were recorded, in world seconds.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

FIRST_BYTE = 0.04
CHUNK = 0.25  # between two words of a slow stream
LAST_BYTE = 0.025
HELLO = "Hello from the fake model."
AFTER_TOOL = "The tool answered."
BEFORE_TOOL = "Calling the tool."
THOUGHT = "Let me think about it."

MAX_ATTEMPTS = 25
# A gateway keeps a key that was told to slow down out of use for this long.
RATE_LIMIT_DELAY = 60.0
_RETRIED = (408, 429, 500, 502, 503, 504, 529)
_LABELS = {
    "openai-compat": "OpenAI Compatible",
    "openai": "OpenAI",
    "anthropic": "Anthropic",
    "copilot": "GitHub Copilot",
}


@dataclass(frozen=True)
class Failure:
    """How the provider failed: the chat's last_error, and whether the server tries again by itself."""

    kind: str
    message: str
    detail: str
    provider: str
    status: int
    retried: bool = False
    revokes_key: bool = False

    def as_error(self) -> dict[str, Any]:
        """The object that Coder stores as last_error."""
        error: dict[str, Any] = {"message": self.message, "detail": self.detail, "kind": self.kind}
        if self.provider:
            error["provider"] = self.provider
        error["retryable"] = self.retried
        if self.status:
            error["status_code"] = self.status
        return error


@dataclass
class Reply:
    """One answer of the model: parts with the seconds after the previous one, then its end."""

    parts: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    wait: float = 0.0  # before the first part, or the failure
    tool: tuple[str, Any] | None = None
    failure: Failure | None = None
    complete: bool = True  # False: the stream was cut, nothing was counted


def reply(prompt: str, provider: str, attempt: int, *, results: int = 0, slow_unit: float = 1.0) -> Reply:
    """What the model answers.

    :param prompt: the text of the user's message, with what it says in double brackets.
    :param provider: the type of the provider, such as openai-compat.
    :param attempt: which try this is, from 1.
    :param results: how many of its tool calls were answered.
    :param slow_unit: seconds that a unit of [[slow ...]] lasts.
    """
    prompt, calls = _tool_calls(prompt)
    wait = FIRST_BYTE + float(_directive(prompt, r"wait ([\d.]+)") or 0)
    failure = _failure(prompt, provider, attempt)
    if failure is not None:
        return Reply(wait=wait, failure=failure)
    is_silent = "[[empty]]" in prompt
    if results < len(calls):
        name, arguments = calls[results]
        # A provider's client library leaves a call out whose arguments are no JSON.
        tool = None if arguments is None else (name, arguments)
        return Reply([] if is_silent else _chunks(BEFORE_TOOL), wait, tool)
    if is_silent:
        return Reply(wait=wait)
    if results:
        return Reply(_chunks(AFTER_TOOL), wait)
    if "[[cut]]" in prompt:
        return Reply(_chunks("Hello from"), wait, complete=False)
    thought = [(0.0, {"type": "reasoning", "text": THOUGHT})] if "[[think]]" in prompt else []
    slow, words = _directive(prompt, r"slow ([\d.]+)"), _directive(prompt, r"long (\d+)")
    if slow:
        count = max(1, round(float(slow) * slow_unit / CHUNK))
        return Reply([*thought, *_chunks(_words(count), CHUNK)], wait)
    return Reply([*thought, *_chunks(_words(int(words)) if words else HELLO)], wait)


def backoff(failure: Failure, attempt: int) -> float:
    """Seconds until the server tries again after so many failed attempts."""
    return RATE_LIMIT_DELAY if failure.status == 429 else min(2.0 ** (attempt - 1), 60.0)


def refused(provider: str) -> Failure:
    """The provider takes no connection."""
    problem = 'unknown stream error: Post "http://127.0.0.1:9/v1/chat/completions": dial tcp 127.0.0.1:9: connect: '
    message = f"{label(provider)} is temporarily unavailable."
    return Failure("timeout", message, f"{problem}connection refused", provider, 502, retried=True)


def unauthorized(provider: str) -> Failure:
    """Every key of the provider was refused, now or before."""
    message = f"Authentication with {label(provider)} failed. Check the API key and permissions."
    detail = "all configured keys failed authentication"
    return Failure("auth", message, detail, provider, 502, revokes_key=True)


def impossible(detail: str) -> Failure:
    """The server finds no model to ask."""
    return Failure("generic", "The chat request failed unexpectedly.", detail, "", 0)


def label(provider: str) -> str:
    """How Coder calls a type of provider."""
    return _LABELS.get(provider, provider)


def _failure(prompt: str, provider: str, attempt: int) -> Failure | None:
    if "[[dead]]" in prompt:
        return refused(provider)
    always, counted = re.search(r"\[\[err (\d+)\]\]", prompt), re.search(r"\[\[errn (\d+) (\d+)\]\]", prompt)
    if always:
        return _failed_with(int(always[1]), provider)
    if counted and attempt <= int(counted[2]):
        return _failed_with(int(counted[1]), provider)
    return None


def _failed_with(status: int, provider: str) -> Failure:
    name, detail = label(provider), f"fake provider says {status}"
    if status in (401, 403):
        return unauthorized(provider)
    if status == 402:
        advice = "Check the billing and quota settings for the provider account."
        message = f"The usage quota for {name} has been exceeded. {advice}"
        return Failure("usage_limit", message, detail, provider, status)
    if status == 429:
        return Failure("rate_limit", f"{name} is rate limiting requests.", detail, provider, status, retried=True)
    if status == 529:
        return Failure("overloaded", f"{name} is currently overloaded.", detail, provider, status, retried=True)
    if status in _RETRIED:
        return Failure("timeout", f"{name} is temporarily unavailable.", detail, provider, status, retried=True)
    return Failure("generic", f"{name} returned an unexpected error.", detail, provider, status)


def _directive(prompt: str, pattern: str) -> str:
    found = re.search(rf"\[\[{pattern}\]\]", prompt)
    return found[1] if found else ""


def _tool_calls(prompt: str) -> tuple[str, list[tuple[str, Any]]]:
    """The prompt without its tool calls, whose arguments may hold brackets of their own, and the calls."""
    calls: list[tuple[str, Any]] = []
    while found := re.search(r"\[\[tool (\w+) ", prompt):
        try:
            arguments, end = json.JSONDecoder().raw_decode(prompt, found.end())
        except ValueError:
            arguments, end = None, max(prompt.find("]]", found.end()), found.end())
        calls.append((found[1], arguments))
        prompt = prompt[: found.start()] + prompt[end + 2 :]
    return prompt, calls


def _words(count: int) -> str:
    return " ".join(f"word{number}" for number in range(count))


def _chunks(text: str, pause: float = 0.0) -> list[tuple[float, dict[str, Any]]]:
    """A text as a provider streams it: each word with the blank before it; the first one comes at once."""
    words = re.findall(r"\s*\S+", text)
    return [(pause if number else 0.0, {"type": "text", "text": word}) for number, word in enumerate(words)]
