# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every case runs twice, inside Ansible's worker and as an ordinary module, and the results are the same JSON.

All cases of one way are one playbook, and the two playbooks run side by side, each against a server of its own that
holds the same tasks.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import documents
import pytest
from returned import check_return

from emulator import Emulator
from playbooks import Ansible, Run

SECRETS = {
    "header": "sentinel-of-a-header",
    "password": "sentinel-of-a-proxy",
    "bad_token": "sentineltok-sentineloftokensentinel",
    "redaction_key": "sentinel-of-the-redaction",
    "two_lines": "sentinel-of-the-first-line\nsentinel-of-the-second-line",
}
VAULT_PASSWORD = "sentinel-of-a-vault"
# Braces in a file are text, not a template.
PROMPT = "Bitte prüfe 日本語 🚀 «quotes» {{ no template }}\n"
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")
# A dead port of loopback: refused at once.
NOWHERE = "http://127.0.0.1:1"
# What Ansible adds to a result beside the module.
OF_THE_EXECUTOR = ("ansible_loop_var", "attempts", "changed_when_result", "failed_when_result", "item")
FAST = {"wait_timeout": 20, "stable_idle": 0.5}


@dataclass
class Case:
    """One task of the playbook. Cases run in order, so a later one finds what an earlier one made."""

    name: str
    module: str
    arguments: dict[str, Any] = field(default_factory=dict)
    keywords: dict[str, Any] = field(default_factory=dict)
    fails: bool = False
    changed: bool = False
    says: str = ""

    def task(self) -> dict[str, Any]:
        return {"name": self.name, f"coder.tasks.{self.module}": self.arguments, "ignore_errors": True, **self.keywords}


CHECK = {"check_mode": True}
DIFF = {"diff": True}
NONE_LEFT = "00000000-0000-4000-8000-000000000000"


def refused(name: str, module: str, says: str, arguments: dict[str, Any], **keywords: Any) -> Case:
    return Case(name, module, arguments, keywords, fails=True, says=says)


ENDED = {"name": "made", "state": "archived"}
CHATS = {"path": "saved-chats", "redaction_key": "{{ redaction_key }}"}
ARCHIVED = {"path": "saved", "name": ["idle-one", "paused-one"], "redaction_key": "{{ redaction_key }}"}
SHARD = {**ARCHIVED, "path": "saved-shard", "shard": {"index": 1, "count": 1}}
READING = [
    # Reading
    Case("info of all", "task_info"),
    Case("info by name", "task_info", {"name": ["idle-one", "nobody-has-this"]}),
    Case("info of a colleague", "task_info", {"owner": "bob"}),
    Case("chats", "chat_info"),
    Case("a chat by name", "chat_info", {"name": ["fix-login", "nobody"], "cost": True, "queue": True}),
    Case("chats by labels", "chat_info", {"labels": {"coder.tasks/name": "fix-login"}, "fields": "brief"}),
    Case("everybody's chats", "chat_info", {"scope": "deployment", "archived": "include"}),
    Case("a chat in check mode", "chat_info", {"name": "fix-login"}, CHECK),
    Case("a chat by what is no id", "chat_info", {"id": ["x"]}, fails=True, says="is not the id of a chat"),
    Case("messages of chats", "chat_messages_info", {"name": "fix-login", "tail": 1}),
    Case("messages of a loop", "chat_messages_info", {"name": "{{ item }}"}, {"loop": ["fix-login", "nobody"]}),
    Case("info with select", "task_info", {"select": "status == 'paused' && owner_name == 'alice'"}),
    Case("info in check mode", "task_info", {"status": "active"}, CHECK),
    Case("logs live", "task_logs_info", {"name": "idle-one"}),
    Case("logs of many, with snapshots", "task_logs_info", {"status": "paused", "tail": 1}),
    Case("logs of nothing", "task_logs_info", {"name": "nobody-has-this"}),
    Case("prompts of an unknown build", "task_prompts_info", {"build_ids": [NONE_LEFT]}),
    Case("templates", "template_info"),
    Case("one template with versions", "template_info", {"name": "ai", "versions": True}),
    Case("templates in short", "template_info", {"fields": "brief"}),
    Case("logs in short", "task_logs_info", {"name": "idle-one", "fields": ["name", "messages"]}),
    Case("what the server is", "server_info"),
    Case("what the server is, in check mode", "server_info", {}, CHECK),
    Case("models of chats", "chat_model_info"),
    Case("models that can be used", "chat_model_info", {"usable": True, "organization": "coder", "fields": "brief"}),
    refused("models of no organization", "chat_model_info", "does not exist", {"organization": "nope"}),
    refused("a field that no model has", "chat_model_info", "Did you mean 'usable'", {"fields": ["usabel"]}),
    refused("a token that nobody has", "server_info", "HTTP 401", {"token": "{{ bad_token }}"}),
    # Defaults, the environment, templates
    Case("defaults of the action group", "task_info", {"name": "idle-one"},
         {"module_defaults": {"group/coder.tasks.api": {"timeout": 7.5, "headers": {"X-Proxy": "{{ header }}"}}}}),
    Case("task over module over group", "task_info", {"name": "idle-one", "retries": 2},
         {"module_defaults": {"group/coder.tasks.api": {"retries": 0, "timeout": 7, "connect_timeout": 3},
                              "coder.tasks.task_info": {"timeout": 8, "retries": 1}}}),
    refused("a group's bad token", "template_info", "HTTP 401", {},
            module_defaults={"group/coder.tasks.api": {"token": "{{ bad_token }}"}}),
    refused("a group's default that the module lacks", "template_info", "Unsupported parameters", {},
            module_defaults={"group/coder.tasks.api": {"no_such_option": 1}}),
    Case("templated values", "task_info",
         {"name": "{{ names }}", "status": "{{ omit }}", "retries": "{{ 1 + 1 }}", "timeout": "{{ '12.5' }}",
          "validate_certs": "{{ 'no' }}", "headers": {"X-One": "{{ 1 }}", "X-Text": "{{ names[0] }}"}}),
    Case("values of strings", "task_info", {"name": "idle-one,paused-one", "retries": "2", "validate_certs": "yes"}),
    Case("a key=value string", "task_logs_info", {"name": "idle-one", "tail": "1", "fail_on_unavailable": "true"}),
    Case("arguments from a variable", "task_info", {}, {"args": "{{ arguments }}"}),
    Case("delegated to localhost", "task_info", {"name": "idle-one"}, {"delegate_to": "localhost"}),
    Case("a loop", "task_info", {"name": "{{ item }}"}, {"loop": ["idle-one", "paused-one", "nobody-has-this"]}),
    refused("a loop with failures", "task_info", "One or more items failed", {"status": "{{ item }}"},
            loop=["active", "wrong"]),
    Case("until", "task_info", {"name": "idle-one"},
         {"register": "seen", "until": "seen.tasks | length == 1", "retries": 2, "delay": 0}),
    Case("failed_when and changed_when", "task_info", {"name": "idle-one"},
         {"changed_when": True, "failed_when": False}, changed=True),
    Case("no_log", "task_info", {"name": "idle-one"}, {"no_log": True}),
    # Arguments that cannot be right: the same words
    refused("unknown option", "task_info", "Unsupported parameters for (coder.tasks.task_info) module: nme",
            {"nme": "x", "headers": {"X-Proxy": "{{ header }}"}}),
    refused("wrong type", "task_info", "retries", {"retries": "many"}),
    refused("wrong type of a dictionary", "task_info", "headers", {"headers": "{{ header }}"}),
    refused("wrong type of a token", "task_info", "'token' holds a character", {"token": {"value": "{{ bad_token }}"}}),
    refused("wrong choice", "task_info", "value of status must be one of", {"status": "working"}),
    refused("missing required", "task_send", "missing required arguments: task", {"input": "x"}),
    refused("required if", "task", "state is absent but all of the following are missing: name", {"state": "absent"}),
    refused("one of", "task_send", "one of the following is required: input, input_file", {"task": "idle-one"}),
    refused("mutually exclusive", "task_info", "mutually exclusive: name|all_owners",
            {"name": "x", "all_owners": True}),
    refused("mutually exclusive files", "task_send", "mutually exclusive: input|input_file",
            {"task": "x", "input": "x", "input_file": "prompt.txt"}),
    Case("null is unset", "task_info", {"name": "idle-one", "select": None, "ca_path": None}),
]  # fmt: skip
CHANGING = [
    # A task's life
    Case("create, predicted", "task", {"name": "made", "template": "ai", "preset": "Fast", "input": "{{ prompt }}"},
         {**CHECK, **DIFF}, changed=True),
    Case("create", "task", {"name": "made", "template": "ai", "preset": "Fast", "input": "{{ prompt }}", **FAST},
         DIFF, changed=True),
    Case("create again", "task", {"name": "made", "template": "ai", "preset": "Fast", "input": "{{ prompt }}", **FAST},
         DIFF),
    Case("create with a warning", "task", {"name": "made", "input": "something else", **FAST},
         says="The input differs from the prompt"),
    Case("create without a name", "task", {"template": "ai", "input": "name it yourself", **FAST}, changed=True),
    Case("pause, predicted", "task", {"name": "made", "state": "paused"}, {**CHECK, **DIFF}, changed=True),
    Case("pause", "task", {"name": "made", "state": "paused", **FAST}, DIFF, changed=True),
    Case("change the prompt", "task", {"name": "made", "input": "new", "on_input_change": "update", **FAST},
         DIFF, changed=True),
    Case("resume", "task", {"name": "alice/made", "state": "active", **FAST}, changed=True),
    Case("delete, predicted", "task", {"name": "made", "state": "absent"}, {**CHECK, **DIFF}, changed=True),
    Case("delete", "task", {"name": "made", "state": "absent", **FAST}, DIFF, changed=True),
    Case("delete again", "task", {"name": "made", "state": "absent", **FAST}),
    # A workspace
    Case("workspace, predicted", "workspace", {"name": "box", "template": "plain"}, {**CHECK, **DIFF}, changed=True),
    Case("workspace", "workspace", {"name": "box", "template": "plain", "parameters": {"region": "us"}}, DIFF,
         changed=True),
    Case("workspace again", "workspace", {"name": "box", "parameters": {"region": "eu"}}, says="(region)"),
    refused("workspace of a task", "workspace", "coder.tasks.task", {"name": "idle-one", "state": "absent"}),
    Case("workspace restarted", "workspace", {"name": "box", "parameters": {"region": "eu"}, "allow_restart": True,
                                              "on_parameter_change": "update"}, DIFF, changed=True),
    Case("delete the workspace", "workspace", {"name": "box", "state": "absent"}, DIFF, changed=True),
    # A fleet
    Case("fleet, predicted", "fleet", {"tasks": "{{ fleet }}"}, {**CHECK, **DIFF}, changed=True),
    Case("fleet", "fleet", {"tasks": "{{ fleet }}", **FAST}, DIFF, changed=True),
    Case("fleet again", "fleet", {"tasks": "{{ fleet }}", **FAST}, DIFF),
    # Chats
    Case("chat, predicted", "chat", {"name": "made", "prompt": "{{ prompt }}"}, {**CHECK, **DIFF}, changed=True),
    Case("chat", "chat", {"name": "made", "prompt": "{{ prompt }}", "labels": {"team": "web"}, "wait_for": "replied"},
         changed=True),
    Case("chat again", "chat", {"name": "made", "prompt_file": "prompt.txt", "title": "Made"}, DIFF, changed=True),
    Case("say something, predicted", "chat_send", {"chat": "made", "input": "hello"}, CHECK, changed=True),
    Case("say something", "chat_send", {"chat": "made", "input_file": "prompt.txt"}, changed=True),
    Case("say something with a file", "chat_send",
         {"chat": "made", "input": "Look", "files": ["prompt.txt"]}, changed=True),
    refused("say something with no such file", "chat_send", "No such file or directory",
            {"chat": "made", "input": "Look", "files": ["missing.txt"]}),
    refused("say something to nobody", "chat_send", "no chat", {"chat": "nobody", "input": "x"}),
    Case("chat stopped", "chat", {"name": "made", "state": "idle"}),
    Case("fleet of chats", "chat_fleet", {"chats": "{{ chats }}", "wait_for": "replied"}, DIFF, changed=True),
    Case("all chats stopped", "chat_fleet", {"scope": "own"}),
    refused("a fleet of chats with mistakes", "chat_fleet", "item 1 (a)",
            {"chats": [{"name": "a", "state": "absent"}]}),
    refused("chat that is not saved", "chat", "have no proven copy",
            {**ENDED, "require_collected": "saved-chats", "redaction_key": "{{ redaction_key }}"}),
    Case("chat archived", "chat", {"name": "made", "state": "archived"}, DIFF, changed=True),
    refused("chat that is archived", "chat", "unarchive=true", {"name": "made", "prompt": "x"}),
    refused("chat deleted", "chat", "no server lets a chat be deleted", {"name": "made", "state": "absent"}),
    # An archive
    Case("archive, predicted", "archive", ARCHIVED, CHECK, changed=True),
    Case("archive", "archive", ARCHIVED, changed=True),
    Case("archive again", "archive", ARCHIVED),
    Case("archive, verified", "archive", {**ARCHIVED, "state": "verified", "accept": ["snapshot"]}),
    Case("an archive as a question", "archive_info", {**ARCHIVED, "accept": ["snapshot"]}),
    Case("chats, archived", "archive", {**CHATS, "source": "chats"}, changed=True),
    Case("chats, verified", "archive", {**CHATS, "source": "chats", "state": "verified"}),
    Case("archived chats, guarded", "archive_retention", {**CHATS, "report": "retention.jsonl", "hold": True}),
    refused("chats of a template", "archive", "'template' chooses tasks only",
            {**CHATS, "source": "chats", "template": "ai"}),
    Case("a shard", "archive", SHARD, changed=True),
    refused("a shard that is none", "archive", "no shard 3 of 2", {**ARCHIVED, "shard": {"index": 3, "count": 2}}),
    refused("a fleet with a failure", "fleet", "nope", {"tasks": [{"name": "fleet-x", "template": "nope"}], **FAST}),
    refused("a fleet with a wrong option", "fleet", "statee", {"tasks": [{"name": "fleet-x", "statee": "absent"}]}),
    # Sending
    Case("send, predicted", "task_send", {"task": "idle-one", "input": "hello"}, CHECK, changed=True),
    Case("send", "task_send", {"task": "idle-one", "input": "{{ prompt | trim }}", **FAST}, changed=True),
    Case("send and resume", "task_send", {"task": "paused-two", "input": "go", "resume": True, **FAST}, changed=True),
    # Files: relative ones belong to the playbook, and the command runs in another folder
    Case("input from a relative file", "task_send", {"task": "idle-one", "input_file": "prompt.txt", **FAST},
         changed=True),
    Case("input from a file under files/", "task_send", {"task": "idle-one", "input_file": "other.txt", **FAST},
         changed=True),
    Case("input from a vault", "task", {"name": "vaulted", "template": "ai", "input_file": "vault.txt", **FAST},
         DIFF, changed=True),
    refused("no such input file", "task_send", "There is no file missing.txt",
            {"task": "idle-one", "input_file": "missing.txt"}),
    refused("an input file that is a folder", "task_send", "'files' in 'input_file' is a folder",
            {"task": "idle-one", "input_file": "files"}),
    refused("an input file that is no text", "task", "is not UTF-8 text", {"template": "ai", "input_file": "bad.bin"}),
    refused("a vault with another password", "task", "could not be read",
            {"template": "ai", "input_file": "locked.txt"}),
    Case("relative certificates", "task_info", {"ca_path": "ca.pem", "name": "idle-one"}),
    refused("no such certificates", "task_info", "does not exist", {"ca_path": "none.pem"}),
    # Operations that fail
    refused("bad select", "task_info", "JMESPath", {"select": "[?"}),
    refused("unknown owner", "task_info", "does not exist", {"owner": "mallory"}),
    refused("unknown preset", "task", "has no preset", {"name": "x", "template": "ai", "preset": "nope"}),
    Case("failed build", "task", {"name": "broken", "template": "ai-fail", "input": "x", **FAST},
         fails=True, changed=True, says="the build of its workspace failed"),
    refused("send to a paused task", "task_send", "it is paused", {"task": "paused-one", "input": "x"}),
    refused("send to nobody", "task_send", "no task", {"task": "nobody", "input": "x"}),
    refused("bad build id", "task_prompts_info", "is not a UUID", {"build_ids": ["7"]}),
    refused("no log and that is bad", "task_logs_info", "no task",
            {"name": "nobody", "fail_on_unavailable": True}),
    refused("no server", "task_info", "No server is given", {"url": ""}),
    refused("a url with a password", "task_info", "holds a user",
            {"url": "http://x:{{ password }}@127.0.0.1"}),
    refused("nobody listens", "task_info", "no connection to", {"url": NOWHERE, "retries": 0}),
    refused("no proxy", "task_info", "did not connect: Connection refused. ",
            {"proxy": "http://user:{{ password }}@127.0.0.1:1", "retries": 0}),
    refused("bad token", "task_info", "HTTP 401", {"token": "{{ bad_token }}"}),
    refused("a token of two lines", "task_info", "'token' holds a character", {"token": "{{ two_lines }}"}),
]  # fmt: skip
# A decrypted vault must not lie in Ansible's folder for temporary files while the playbook goes on.
LEFT_BEHIND = {
    "name": "left behind",
    "ansible.builtin.command": {"argv": ["grep", "-rl", "no template", "{{ playbook_dir }}/.ansible"]},
    "failed_when": False,
    "changed_when": False,
}
CASES = {"reading": READING, "changing": CHANGING}
EACH_CASE = [pytest.param(group, case, id=case.name) for group, cases in CASES.items() for case in cases]
WAYS: dict[str, dict[str, Any]] = {"in-process": {}, "ordinary": {"environment": {"ANYTHING": "1"}}}


class Way:
    """A group of cases on one of the two ways: a server, a folder for the playbook, and what its run returned."""

    def __init__(self, folder: Path, play: dict[str, Any], cases: list[Case]) -> None:
        self.server = Emulator("2.34", chats="chats-2.35", time_factor=0.02).start()
        self.folder = folder
        self._play = play
        self._cases = cases
        self._ended: Run | None = None

    @property
    def run(self) -> Run:
        assert self._ended
        return self._ended

    def prepare(self) -> None:
        for name, state in (("idle-one", "active"), ("paused-one", "paused"), ("paused-two", "paused")):
            self.server.create_task(name, state=state)
        self.server.create_task("bobs", owner="bob")
        self.server.create_chat("Fix the login", labels={"coder.tasks/name": "fix-login"}, answer="It is fixed.")
        (self.folder / "elsewhere").mkdir(parents=True)
        (self.folder / "files").mkdir()
        (self.folder / "prompt.txt").write_text(PROMPT, encoding="utf-8")
        (self.folder / "files" / "other.txt").write_text("from files/", encoding="utf-8")
        # Ansible quotes the playbook where it tells of errors, so secrets do not stand there.
        (self.folder / "secrets.json").write_text(json.dumps(SECRETS))
        (self.folder / "bad.bin").write_bytes(b"\xff\xfe\x00")
        (self.folder / "ca.pem").write_text("")
        (self.folder / "password").write_text(VAULT_PASSWORD)
        (self.folder / "other-password").write_text("another")
        for file, password in (("vault.txt", "password"), ("locked.txt", "other-password")):
            (self.folder / file).write_text(PROMPT, encoding="utf-8")
            vault = str(Path(sys.executable).with_name("ansible-vault"))
            command = [vault, "encrypt", "--vault-password-file", str(self.folder / password), str(self.folder / file)]
            subprocess.run(command, check=True, capture_output=True, timeout=30)

    def play(self) -> None:
        play = {
            **self._play,
            "vars": {
                "names": ["idle-one", "paused-one"],
                "fleet": [
                    {"name": "fleet-a", "template": "ai", "input_file": "prompt.txt"},
                    {"name": "fleet-b", "template": "ai", "state": "active", "input": "b"},
                    {"name": "fleet-c", "state": "absent"},
                ],
                "arguments": {"name": "idle-one"},
                "chats": [{"name": "chat-a", "prompt_file": "prompt.txt"}, {"name": "made", "labels": {"a": "1"}}],
                "prompt": "{{ lookup('file', playbook_dir ~ '/prompt.txt', rstrip=false) }}",
            },
            "tasks": [*(case.task() for case in self._cases), LEFT_BEHIND],
        }
        ansible = Ansible(self.folder, {**self.server.environment, "ANSIBLE_INJECT_INVOCATION": "true"})
        self._ended = ansible.playbook(
            [play], "-vvvvv", "--vault-password-file", str(self.folder / "password"),
            "--extra-vars", f"@{self.folder / 'secrets.json'}", cwd=self.folder / "elsewhere",
            timeout=600,
        )  # fmt: skip

    def result(self, case: Case) -> Any:
        """The result with what cannot be the same twice replaced: ids, times, ports and folders."""
        address = self.server.url.removeprefix("http://")
        return comparable(self.run.result(case.name), {address: "ADDRESS", str(self.folder): "FOLDER"})


def comparable(result: dict[str, Any], replaced: dict[str, str]) -> Any:
    text = json.dumps(result, sort_keys=True, ensure_ascii=False)
    for old, new in replaced.items():
        text = text.replace(old, new)
    seen: dict[str, str] = {}
    text = UUID.sub(lambda match: seen.setdefault(match.group(), f"<id {len(seen)}>"), text)
    text = TIME.sub("<time>", text)
    text = re.sub(r"name-it-yourself-\w+", "<made name>", text)
    text = re.sub(r'"coder.tasks/call": "\w+"', '"coder.tasks/call": "<call>"', text)
    # How long it took, and the size of messages in which a time has more or fewer digits.
    text = re.sub(r'"(waited|bytes)": [\d.]+', r'"\1": "<number>"', text)
    return json.loads(text)


@pytest.fixture(scope="module")
def ways(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[tuple[str, str], Way]]:
    """Every way by its name and its group of cases."""
    folder = tmp_path_factory.mktemp("ways")
    every = {
        (name, group): Way(folder / name / group, play, cases)
        for name, play in WAYS.items()
        for group, cases in CASES.items()
    }
    try:
        for way in every.values():
            way.prepare()
        with ThreadPoolExecutor() as pool:
            list(pool.map(Way.play, every.values()))
        yield every
    finally:
        for way in every.values():
            way.server.stop()


def test_each_module_has_cases() -> None:
    in_process = {path.stem for path in (documents.ROOT / "plugins" / "action").glob("*.py")}
    assert {case.module for cases in CASES.values() for case in cases} == in_process


@pytest.mark.parametrize(("group", "case"), EACH_CASE)
def test_both_ways_return_the_same(ways: dict[tuple[str, str], Way], group: str, case: Case) -> None:
    assert ways["in-process", group].result(case) == ways["ordinary", group].result(case)


@pytest.mark.parametrize(("group", "case"), EACH_CASE)
def test_it_is_what_the_case_is_for(ways: dict[tuple[str, str], Way], group: str, case: Case) -> None:
    result = ways["in-process", group].run.result(case.name)
    for one in result.get("results", [result]):
        if "censored" not in one:
            own = {key: value for key, value in one.items() if key not in OF_THE_EXECUTOR}
            check_return(case.module, {**own, "failed": "failure" in one})
    assert bool(result.get("failed")) == case.fails, result
    assert ("failure" in result or "results" in result) or not case.fails
    assert result["changed"] == case.changed
    said = json.dumps([result.get("msg"), result.get("warnings"), result.get("results")])
    assert case.says in said
    assert "Traceback" not in said


@pytest.mark.parametrize("group", CASES)
@pytest.mark.parametrize("name", WAYS)
def test_no_secret_is_written(ways: dict[tuple[str, str], Way], name: str, group: str) -> None:
    way = ways[name, group]
    written = way.run.output + json.dumps(way.run.records)
    secrets = (*" ".join(SECRETS.values()).split(), VAULT_PASSWORD, *way.server.tokens.values())
    assert [secret for secret in secrets if secret in written] == []


@pytest.mark.parametrize("group", CASES)
def test_each_ran_its_own_way(ways: dict[tuple[str, str], Way], group: str) -> None:
    here, ordinary = ways["in-process", group].run, ways["ordinary", group].run
    assert (here.rc, ordinary.rc) == (0, 0)
    assert "runs in the worker's own process" in here.stdout
    assert "so the ordinary module runs" not in here.stdout
    assert "runs in the worker's own process" not in ordinary.stdout
    assert "an environment is set, so the ordinary module runs" in ordinary.stdout


@pytest.mark.parametrize("name", WAYS)
def test_no_decrypted_file_is_left_behind(ways: dict[tuple[str, str], Way], name: str) -> None:
    result = ways[name, "changing"].run.result("left behind")
    assert (result["rc"], result["stdout"]) == (1, "")


@pytest.mark.parametrize("name", WAYS)
def test_check_mode_and_reading_write_nothing(ways: dict[tuple[str, str], Way], name: str) -> None:
    assert ways[name, "reading"].server.writes == []
