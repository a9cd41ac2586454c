# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a wrong token, and that of a member, may do: nothing with what is another user's."""

from __future__ import annotations

from live.case import CHECK, case, step
from live.deployment import Deployment

# Of the right length, and nobody's.
NO_TOKEN = "nobodysid0-nobodyssecretnobodyssecret"
NOWHERE = "http://127.0.0.1:1"


@case("A wrong token and a server that does not answer are told in a sentence")
def refused(deployment: Deployment) -> None:
    module = "task_info" if not deployment.lacks("tasks") else "chat_info"
    options = {"name": f"{deployment.prefix}-nobody"}
    done = deployment.play(
        step("Wrong token", module, {**options, "token": NO_TOKEN}),
        step("Nobody listens", module, {**options, "url": NOWHERE, "retries": 0}),
    )
    done.refused("Wrong token", "auth")
    done.refused("Nobody listens", "network")


@case("A member reaches no task of another user, and proves no deployment", "tasks", "member")
def member(deployment: Deployment) -> None:
    deployment.have("one")
    member = {"token": "{{ lookup('ansible.builtin.env', 'CODER_MEMBER_TOKEN') }}"}
    one = "{{ found.tasks[0].id }}"
    save = {"path": str(deployment.folder / "members"), "name": [one], "expect_scope": "deployment"}
    done = deployment.play(
        step("Task", "task_info", {"name": deployment.name("one")}, register="found"),
        step("Seen", "task_info", {"name": one, **member}),
        step("Told", "task_send", {"task": one, "input": "Say hello.", **member}, **CHECK),
        step("Deployment", "archive", {**save, **member}, **CHECK),
    )
    assert done.ok("Task")["tasks"], "The owner does not see the task"
    assert not done.ok("Seen")["tasks"], "The member sees a task of another user"
    done.refused("Told", "not_found", "forbidden")
    done.refused("Deployment", "forbidden", "invalid", "not_found")
    assert not (deployment.folder / "members").exists(), "The member's archive holds something"
