# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said to the agent of a task."""

from __future__ import annotations

from live.case import CHECK, case, step
from live.deployment import Deployment

QUESTION = "Say hello again."


@case("An agent is told something, and its reply is read", "tasks")
def send(deployment: Deployment) -> None:
    deployment.have("one")
    said = {"task": deployment.name("one"), "input": QUESTION}
    done = deployment.play(
        step("Shown", "task_send", said, **CHECK),
        step("Sent", "task_send", said),
        step("Log", "task_logs_info", {"name": deployment.name("one")}),
    )
    shown = done.ok("Shown", changed=True)
    assert (shown["delivered"], shown["would_send"]) == ("no", QUESTION), "Check mode does not tell what it would send"
    sent = done.ok("Sent", changed=True)
    assert sent["delivered"] == "yes", f"It is not known to have been delivered: {sent['delivered']}"
    assert sent["reply"] or sent["note"], "There is neither a reply nor a word about why not"
    inputs = [message for message in done.ok("Log")["logs"][0]["messages"] if message["type"] == "input"]
    assert sum(QUESTION in message["content"] for message in inputs) == 1, "The log has not just one such input"


@case("A paused task is not sent to, unless it may be resumed", "tasks")
def paused(deployment: Deployment) -> None:
    deployment.have("two", paused=True)
    said = {"task": deployment.name("two"), "input": QUESTION}
    done = deployment.play(
        step("Refused", "task_send", said),
        step("Nobody", "task_send", {**said, "task": f"{deployment.prefix}-nobody"}),
        step("Resumed", "task_send", {**said, "resume": True, "wait_for": "accepted"}),
    )
    assert "paused" in done.refused("Refused", "conflict", "unavailable", "invalid"), "It is not told that it is paused"
    done.refused("Nobody", "not_found")
    assert done.ok("Resumed", changed=True)["delivered"] == "yes", "It is not known to have been delivered"
