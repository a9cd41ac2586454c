# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The life of one chat, which no server lets be deleted: it ends archived."""

from __future__ import annotations

from live.case import CHECK, DIFF, case, step
from live.deployment import PROMPT, RUN_LABEL, Deployment

QUESTION = "Say hello again."


@case("The models that a chat can be given", "chats")
def models(deployment: Deployment) -> None:
    done = deployment.play(step("Models", "chat_model_info", {}), step("Usable", "chat_model_info", {"usable": True}))
    every = {model["id"] for model in done.ok("Models", changed=False)["models"] if model["usable"]}
    assert {model["id"] for model in done.ok("Usable")["models"]} == every, "The usable models are others"


@case("A chat is shown in check mode, made, and left as it is", "chats", "model")
def create(deployment: Deployment) -> None:
    chat = deployment.chat("talk")
    done = deployment.play(
        step("Shown", "chat", chat, **CHECK, **DIFF),
        step("Not there", "chat_info", {"name": chat["name"]}),
        step("Made", "chat", {**chat, "wait_for": "replied"}, **DIFF),
        step("Made again", "chat", chat, **DIFF),
        step("By its label", "chat_info", {"labels": {RUN_LABEL: deployment.prefix}}),
        step("Said", "chat_messages_info", {"name": chat["name"]}),
    )
    done.ok("Shown", changed=True)
    assert done.ok("Not there")["missing"], "Check mode made the chat"
    made = done.ok("Made", changed=True)["chat"]
    assert made["name"] == chat["name"] and made["labels"].get(RUN_LABEL) == deployment.prefix, "This is not the chat"
    assert done.ok("Made again", changed=False)["chat"]["id"] == made["id"], "There is a second chat"
    assert [found["id"] for found in done.ok("By its label")["chats"]] == [made["id"]], "The label finds other chats"
    (said,) = done.ok("Said", changed=False)["conversations"]
    inputs = [message["text"] for message in said["messages"] if message["input"]]
    assert inputs == [PROMPT], "It was told something else"
    assert said["last_answer"], "It has not answered"


@case("A chat is told something, and its answer is read", "chats", "model")
def send(deployment: Deployment) -> None:
    deployment.have_chat("talk")
    said = {"chat": deployment.chat_name("talk"), "input": QUESTION}
    done = deployment.play(
        step("Shown", "chat_send", said, **CHECK),
        step("Sent", "chat_send", said),
        step("Said", "chat_messages_info", {"name": said["chat"]}),
        step("Nobody", "chat_send", {**said, "chat": f"{deployment.prefix}-nobody"}),
    )
    shown = done.ok("Shown", changed=True)
    assert (shown["delivered"], shown["would_send"]) == ("no", QUESTION), "Check mode does not tell what it would send"
    sent = done.ok("Sent", changed=True)
    assert sent["delivered"] == "yes" and (sent["reply"] or sent["note"]), "There is neither a reply nor a note"
    inputs = [message["text"] for message in done.ok("Said")["conversations"][0]["messages"] if message["input"]]
    assert inputs.count(QUESTION) == 1, "The conversation has not just one such message"
    done.refused("Nobody", "not_found")


@case("A chat is stopped, archived and brought back", "chats", "model")
def states(deployment: Deployment) -> None:
    deployment.have_chat("talk")
    name = {"name": deployment.chat_name("talk")}
    done = deployment.play(
        step("Stopped", "chat", {**name, "state": "idle"}),
        step("Shown", "chat", {**name, "state": "archived"}, **CHECK, **DIFF),
        step("Archived", "chat", {**name, "state": "archived"}, **DIFF),
        step("Archived again", "chat", {**name, "state": "archived"}),
        step("Not brought back", "chat", deployment.chat("talk")),
        step("Brought back", "chat", deployment.chat("talk", unarchive=True)),
        step("Deleted", "chat", {**name, "state": "absent"}),
    )
    done.ok("Stopped")
    done.ok("Shown", changed=True)
    assert done.ok("Archived", changed=True)["chat"]["archived"], "The chat is not archived"
    done.ok("Archived again", changed=False)
    done.refused("Not brought back", "conflict", "invalid")
    assert not done.ok("Brought back", changed=True)["chat"]["archived"], "The chat is still archived"
    done.refused("Deleted", "unsupported", "invalid")


@case("Chats are made together, and all of this run are archived at once", "chats", "model")
def together(deployment: Deployment) -> None:
    chats = [deployment.chat("first"), deployment.chat("second")]
    options = {"chats": chats, "wait_for": "idle"}
    every = {"scope": "own", "labels": {RUN_LABEL: deployment.prefix}, "state": "archived"}
    # This reaches every chat that it is not kept from; it is begun only where it was seen to keep to what is ours.
    ours = f"stop.chats | rejectattr('name', 'match', '{deployment.prefix}-') | list | length == 0"
    done = deployment.play(
        step("Shown", "chat_fleet", options, **CHECK, **DIFF),
        step("Made", "chat_fleet", options),
        step("Made again", "chat_fleet", options),
        step("Stop shown", "chat_fleet", every, **CHECK, register="stop"),
        step("Archived", "chat_fleet", every, when=ours),
        step("Left", "chat_info", {"labels": {RUN_LABEL: deployment.prefix}}),
    )
    done.ok("Shown", changed=True)
    assert len(done.ok("Made", changed=True)["chats"]) == 2, "Not both chats were made"
    done.ok("Made again", changed=False)
    names = {chat["name"] for chat in done.ok("Stop shown", changed=True)["chats"]}
    assert {chat["name"] for chat in chats} <= names <= deployment.chats, "It would reach other chats"
    done.ok("Archived", changed=True)
    assert not done.ok("Left")["chats"], "A chat of this run is not archived"


@case("What a chat cost so far", "chats:cost", "model")
def cost(deployment: Deployment) -> None:
    deployment.have_chat("talk")
    done = deployment.play(step("Cost", "chat_info", {"name": deployment.chat_name("talk"), "cost": True}))
    (chat,) = done.ok("Cost", changed=False)["chats"]
    assert "cost" in chat, "The cost is not told"
