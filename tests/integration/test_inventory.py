# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory plugin as Ansible runs it: hosts, groups, cache, untrusted text, and SSH through a stand-in `coder`."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from missing import missing
from sshd import ssh_server
from unit.snapshot.servers import FakeAgentAPI, conversation

from emulator import Emulator
from playbooks import ROOT, Ansible

OLDEST = ROOT / ".venvs" / "core-2.16" / "bin" / "python"
HOSTILE = "{{ lookup('pipe', 'id') }}"
GROUPS = {
    "keyed_groups": [
        {"key": "coder_task.status", "prefix": "status"},
        {"key": "coder_task.template_name", "prefix": "template"},
    ],
    "compose": {"prompt": "coder_task.initial_prompt", "shout": "coder_task.initial_prompt | upper"},
}


@pytest.fixture
def server(emulator) -> Emulator:
    return emulator()


@pytest.fixture
def ansible(tmp_path: Path, server: Emulator) -> Ansible:
    return Ansible(tmp_path, server.environment)


def configure(ansible: Ansible, name: str = "fleet.coder.yml", **options: Any) -> str:
    (ansible.folder / name).write_text(yaml.safe_dump({"plugin": "coder.tasks.tasks", **options}))
    return name


def plain(value: Any) -> Any:
    """Without the marks of untrusted text."""
    if isinstance(value, dict):
        return value["__ansible_unsafe"] if "__ansible_unsafe" in value else {k: plain(v) for k, v in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


def inventory(ansible: Ansible, **options: Any) -> dict[str, Any]:
    run = ansible.run("ansible-inventory", "-i", configure(ansible, **options), "--list")
    assert run.rc == 0, run.output
    assert "WARN" not in run.stderr, run.stderr
    return plain(json.loads(run.stdout))


def variables(listed: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return listed["_meta"]["hostvars"]


def test_tasks_are_hosts_in_groups(ansible: Ansible, server: Emulator) -> None:
    server.create_task("fix-login", preset="Fast")
    server.create_task("docs", template="ai-nopreset", state="paused")
    server.create_task("other", owner="bob")
    listed = inventory(ansible, **GROUPS, groups={"resting": "coder_task.status == 'paused'"})
    assert sorted(variables(listed)) == ["docs", "fix-login"]
    assert listed["status_active"]["hosts"] == ["fix-login"]
    assert listed["template_ai_nopreset"]["hosts"] == listed["resting"]["hosts"] == ["docs"]
    assert sorted(listed["coder_tasks"]["hosts"]) == ["docs", "fix-login"]
    host = variables(listed)["fix-login"]
    assert host["ansible_connection"] == "ssh" and host["ansible_host"] == "fix-login.coder.invalid"
    assert "ProxyCommand='coder ssh --stdio --disable-autostart alice/fix-login'" in host["ansible_ssh_common_args"]
    assert host["coder_task"]["workspace_agent_lifecycle"] == "ready"
    assert host["prompt"] == "Do the thing" and host["shout"] == "DO THE THING"
    assert server.token not in json.dumps(listed)


def test_all_owners_and_filters(ansible: Ansible, server: Emulator) -> None:
    server.create_task("same")
    server.create_task("same", owner="bob", state="paused")
    assert sorted(variables(inventory(ansible, all_owners=True))) == ["alice.same", "bob.same"]
    assert list(variables(inventory(ansible, all_owners=True, status="paused"))) == ["bob.same"]
    assert list(variables(inventory(ansible, owner="bob"))) == ["same"]
    assert list(variables(inventory(ansible, all_owners=True, select="owner_name == 'bob'"))) == ["bob.same"]


@pytest.mark.parametrize("name", ["x.coder.yml", "x.coder.yaml"])
def test_names_of_files_that_are_read(ansible: Ansible, server: Emulator, name: str) -> None:
    server.create_task("one")
    run = ansible.run("ansible-inventory", "-i", configure(ansible, name), "--list")
    assert "one" in run.stdout


def test_other_files_are_left_alone(ansible: Ansible, server: Emulator) -> None:
    server.create_task("one")
    run = ansible.run("ansible-inventory", "-i", configure(ansible, "tasks.yml"), "--list")
    assert not json.loads(run.stdout)["_meta"]["hostvars"] and not list(server.journal)


def test_cache_hit_makes_no_request(ansible: Ansible, server: Emulator) -> None:
    server.create_task("one", input=HOSTILE)
    cache = {"cache": True, "cache_plugin": "ansible.builtin.jsonfile", "cache_connection": str(ansible.folder / "c")}
    first = inventory(ansible, **cache)
    server.journal.clear()
    assert inventory(ansible, **cache) == first and not list(server.journal)
    # Another choice, or another user, is not served from it.
    assert not variables(inventory(ansible, **cache, status="paused")) and list(server.journal)
    other = Ansible(ansible.folder, {**server.environment, "CODER_SESSION_TOKEN": server.tokens["bob"]})
    assert not variables(inventory(other, **cache))
    assert server.token not in "".join(path.read_text() for path in (ansible.folder / "c").iterdir())


@pytest.mark.parametrize("core", ["newest", "oldest"])
def test_text_of_a_task_is_never_a_template(ansible: Ansible, server: Emulator, core: str) -> None:
    if core == "oldest":
        if not OLDEST.exists():
            missing("the inventory on ansible-core 2.16", "make smoke-oldest")
        ansible.python = OLDEST
    server.create_task("one", input=HOSTILE)
    cache = {"cache": True, "cache_plugin": "ansible.builtin.jsonfile", "cache_connection": str(ansible.folder / "c")}
    config = configure(ansible, **GROUPS, **cache, groups={"evil": "'uid=' in coder_task.initial_prompt"})
    shown = "{{ coder_task.initial_prompt }}|{{ prompt }}|{{ shout }}|{{ hostvars[inventory_hostname].prompt }}"
    play = {
        "hosts": "coder_tasks",
        "tasks": [{"name": "Show", "ansible.builtin.debug": {"msg": shown}}],
    }
    for _turn in ("from the server", "from the cache"):
        run = ansible.playbook([play], "-i", config)
        assert run.rc == 0, run.output
        assert run.result("Show")["msg"] == "|".join((HOSTILE, HOSTILE, HOSTILE.upper(), HOSTILE))
        assert "uid=" not in run.stdout


def test_names_that_coder_would_not_allow(ansible: Ansible, server: Emulator) -> None:
    for name in ("x'; touch pwned; '", "-oProxyCommand=id", "localhost", "all", "{{ 7 * 7 }}"):
        server.create_task(name)
    hosts = variables(inventory(ansible))
    ids = {task.name: task.id[:8] for task in server.state.visible_tasks()}
    assert sorted(hosts) == sorted(
        ["x___touch_pwned___", "_oProxyCommand_id", f"localhost_{ids['localhost']}", f"all_{ids['all']}",
         "___7___7___"]
    )  # fmt: skip
    proxied = {host for host, known in hosts.items() if "ansible_ssh_common_args" in known}
    assert proxied == {f"localhost_{ids['localhost']}", f"all_{ids['all']}"}
    assert all(known["ansible_host"].endswith(".coder.invalid") for known in hosts.values())
    assert not (ansible.folder / "pwned").exists()


def test_refused_token_is_told_and_not_shown(ansible: Ansible) -> None:
    bad = "sentineltok-sentineloftokensentinel"
    run = ansible.run("ansible-inventory", "-i", configure(ansible, token=bad), "--list", "-vvvv")
    assert "HTTP 401" in run.stderr and bad not in run.output


def test_five_thousand_tasks(ansible: Ansible, server: Emulator) -> None:
    for number in range(5000):
        server.create_task(f"t-{number}")
    config = configure(ansible, **{**GROUPS, "compose": {"prompt": "coder_task.initial_prompt"}})
    began = time.process_time(), os.times().children_user
    run = ansible.run("ansible-inventory", "-i", config, "--graph", "status_active")
    assert run.stdout.count("--t-") == 5000
    assert len(server.journal) <= 4
    # The processor's time of both sides: the clock on the wall also counts what else the machine does.
    assert time.process_time() - began[0] + os.times().children_user - began[1] < 10


# SSH

STAND_IN = """#!{python}
import json, os, selectors, socket, sys
with open({log!r}, "a") as log:
    log.write(json.dumps(sys.argv[1:]) + "\\n")
tunnel = socket.create_connection(("127.0.0.1", {port}))
with selectors.DefaultSelector() as ready:
    ready.register(0, selectors.EVENT_READ, lambda data: tunnel.sendall(data))
    ready.register(tunnel, selectors.EVENT_READ, lambda data: os.write(1, data))
    while True:
        for key, _events in ready.select():
            data = os.read(key.fd, 65536)
            if not data:
                sys.exit()
            key.data(data)
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A real SSH server on loopback and a `coder` that leads to it. Gives what Ansible needs in its environment."""
    (tmp_path / "home").mkdir()
    with ssh_server(tmp_path, tmp_path / "home") as port:
        command = tmp_path / "bin" / "coder"
        command.parent.mkdir()
        command.write_text(STAND_IN.format(python=sys.executable, log=str(tmp_path / "calls"), port=port))
        command.chmod(0o755)
        yield {
            "PATH": f"{command.parent}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "ANSIBLE_PRIVATE_KEY_FILE": str(tmp_path / "user_key"),
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(tmp_path / "cp"),
        }


def test_role_reaches_the_workspace_through_coder_ssh(
    tmp_path: Path, server: Emulator, workspace: dict[str, str]
) -> None:
    server.create_task("fix-login")
    server.create_task("not allowed")
    ansible = Ansible(tmp_path, {**server.environment, **workspace})
    tasks = [{"name": "Whoami", "ansible.builtin.command": "printenv SSH_CONNECTION", "changed_when": False}]
    play = {"hosts": "coder_tasks", "tasks": tasks, "ignore_unreachable": True}
    run = ansible.playbook([{**play, "vars": {"ansible_python_interpreter": sys.executable}}], "-i", configure(ansible))
    assert run.result("Whoami", "fix-login").get("stdout", "").startswith("127.0.0.1 "), run.output
    assert run.result("Whoami", "not_allowed").get("unreachable"), run.output
    calls = set((tmp_path / "calls").read_text().splitlines())
    assert calls == {json.dumps(["ssh", "--stdio", "--disable-autostart", "alice/fix-login"])}


def test_install_hook_goes_into_what_runs(tmp_path: Path, server: Emulator, workspace: dict[str, str]) -> None:
    server.create_task("fix-login")
    server.create_task("resting", state="paused")
    ansible = Ansible(tmp_path, {**server.environment, **workspace})
    options = ("-i", configure(ansible), "-e", f"ansible_python_interpreter={sys.executable}")
    first = ansible.run("ansible-playbook", "coder.tasks.install_hook", *options)
    assert first.rc == 0, first.output
    hook = tmp_path / "home" / ".local" / "share" / "coder-tasks" / "agentapi-shutdown"
    assert os.access(hook, os.X_OK)
    assert {record["host"] for record in first.records} == {"fix-login"}
    again = ansible.run("ansible-playbook", "coder.tasks.install_hook", *options)
    assert again.rc == 0 and "changed=0" in again.stdout, again.output
    assert server.token not in "".join(path.read_text(errors="replace") for path in hook.parent.rglob("*.*"))


def test_log_snapshot_over_ssh(tmp_path: Path, server: Emulator, workspace: dict[str, str]) -> None:
    task = server.create_task("fix-login")
    environment = tmp_path / "home" / "environment"
    environment.touch(0o600)
    environment.write_text(
        f'CODER_AGENT_URL="{server.url}"\nCODER_AGENT_TOKEN="{task.agent.token}"\nARG_TASK_ID="{task.id}"\n'
    )
    ansible = Ansible(tmp_path, {**server.environment, **workspace})
    options = ("-i", configure(ansible), "-e", f"ansible_python_interpreter={sys.executable}")
    with FakeAgentAPI(conversation("Hello", "Fix it", "Fixed over ssh")) as agentapi:
        arguments = f"port={agentapi.port} environment_file=~/environment"
        run = ansible.run("ansible", "fix-login", *options, "-m", "coder.tasks.log_snapshot", "-a", arguments)
    assert run.rc == 0 and '"state": "delivered"' in run.stdout, run.output
    # The agent's token posted it; the user's token, which the inventory used, is not in what the target was told.
    (post,) = server.writes
    assert post.path.endswith("/log-snapshot") and post.body["messages"][-1]["content"] == "Fixed over ssh"
    assert server.token not in run.output


def test_workspaces_of_chats_are_hosts(tmp_path: Path, emulator) -> None:
    server = emulator("2.34", chats="chats-2.35")
    first, second = (server.create_task(name).workspace for name in ("first", "second"))
    server.create_chat("Older", workspace_id=first.id, labels={"team/run": "night"})
    newer = server.create_chat("Newer", workspace_id=first.id, status="error", labels={"team/run": "night"})
    newer.updated += 5
    server.create_chat("Other", workspace_id=second.id)
    server.create_chat("Of no workspace")
    chats = {"source": "chats", "keyed_groups": [{"key": "coder_chat.status", "prefix": "status"}]}
    ansible = Ansible(tmp_path, server.environment)
    listed = inventory(ansible, **chats)
    hosts = variables(listed)
    assert sorted(hosts) == listed["coder_chats"]["hosts"] == ["first", "second"]
    assert hosts["first"]["coder_chat"]["title"] == "Newer" and len(hosts["first"]["coder_chats"]) == 2
    assert hosts["second"]["coder_workspace"] == {
        "id": second.id, "name": "second", "owner_name": "alice", "status": "running"
    }  # fmt: skip
    assert "--disable-autostart alice/first'" in hosts["first"]["ansible_ssh_common_args"]
    assert listed["status_error"]["hosts"] == ["first"] and listed["status_waiting"]["hosts"] == ["second"]
    assert list(variables(inventory(ansible, **chats, labels={"team/run": "night"}))) == ["first"]
    assert sorted(variables(inventory(ansible, **chats, all_owners=True))) == ["alice.first", "alice.second"]
    for wrong, says in (({"status": "active"}, "'status' is of tasks"), ({"owner": "bob"}, "cannot be listed")):
        run = ansible.run("ansible-inventory", "-i", configure(ansible, **chats, **wrong), "--list")
        assert says in run.output, run.output
