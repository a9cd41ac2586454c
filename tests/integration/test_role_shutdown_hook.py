# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role in a workspace's home: installed, called as a template's scripts call it, and taken away without a trace."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from unit.snapshot.servers import FakeAgentAPI, conversation

from emulator import Emulator
from playbooks import Ansible, Run

# A user's token belongs to the controller: where this turns up in a workspace there is a leak.
USER_TOKEN = "sentineltok-sentineloftokensentinel"
OLD_SCRIPT = "#!/bin/sh\necho the old script\n"
FOLDER = ".local/share/coder-tasks"
NEW_TOKEN = "0b5c9e5e-3f0a-4c58-9d0c-2f6f4f0f6a10"

STAND_IN_SYSTEMCTL = r"""#!/bin/sh
# Keeps the state of units as files, and every call in a journal. Units are started and stopped as their files say.
state=$HOME/.systemctl
mkdir -p "$state"
echo "$*" >>"$state/journal"
[ "$1" = --user ] && shift
verb=$1
unit=
for argument; do case $argument in *.service) unit=$argument ;; esac; done
file=$HOME/.config/systemd/user/$unit
command() { sed -n "s/^$1=-\{0,1\}//p" "$file"; }
case $verb in
    show-environment | daemon-reload) ;;
    show)
        [ -f "$file" ] && load=loaded || load=not-found
        [ -f "$state/$unit.active" ] && active=active || active=inactive
        printf 'Id=%s\nLoadState=%s\nActiveState=%s\n' "$unit" $load $active ;;
    is-enabled) [ -f "$state/$unit.enabled" ] && echo enabled || { echo disabled; exit 1; } ;;
    is-active) [ -f "$state/$unit.active" ] && echo active || { echo inactive; exit 3; } ;;
    enable)
        mkdir -p "$HOME/.config/systemd/user/default.target.wants"
        ln -sf "$file" "$HOME/.config/systemd/user/default.target.wants/$unit"
        touch "$state/$unit.enabled" ;;
    disable) rm -f "$state/$unit.enabled" "$HOME/.config/systemd/user/default.target.wants/$unit" ;;
    start) touch "$state/$unit.active" ;;
    restart) touch "$state/$unit.active" ;;
    stop)
        rm -f "$state/$unit.active"
        stop=$(command ExecStop)
        [ -z "$stop" ] || env -u CODER_AGENT_TOKEN -u CODER_AGENT_URL -u ARG_TASK_ID sh -c "$stop" ;;
    list-unit-files | list-units | cat) ;;
    *) echo "unknown: $verb" >&2; exit 64 ;;
esac
"""


def tree(folder: Path) -> dict[str, tuple[Any, ...]]:
    """Everything below a folder: kind and mode, time of change of a file, content or where a link leads."""
    found: dict[str, tuple[Any, ...]] = {}
    for path in sorted(folder.rglob("*")):
        facts = path.lstat()
        if path.is_symlink():
            found[str(path.relative_to(folder))] = ("link", os.readlink(path))
        elif path.is_dir():
            found[str(path.relative_to(folder))] = (stat.filemode(facts.st_mode),)
        else:
            found[str(path.relative_to(folder))] = (
                stat.filemode(facts.st_mode), facts.st_mtime_ns, path.read_bytes(),
            )  # fmt: skip
    return found


class Workspace:
    """A home, an AgentAPI, and what the agent gives to every process in it. Ansible logs in locally."""

    def __init__(self, server: Emulator, folder: Path, agentapi: FakeAgentAPI) -> None:
        self.server = server
        self.task = server.create_task("fix-login")
        self.agentapi = agentapi
        self.controller = folder / "controller"
        self.home = folder / "home"
        self.bin = folder / "bin"
        for path in (self.controller, self.home, self.bin):
            path.mkdir()
        # Another init system than systemd's, whatever this machine has.
        self.add_command("systemctl", "#!/bin/sh\nexit 1\n")
        self.environment = {
            "HOME": str(self.home),
            "PATH": f"{self.bin}{os.pathsep}{os.environ['PATH']}",
            "CODER_AGENT_URL": server.url,
            "CODER_AGENT_TOKEN": self.task.agent.token,
            "CODER_SESSION_TOKEN": USER_TOKEN,
            "CODER_URL": server.url,
            "ANSIBLE_PIPELINING": "true",
        }

    def add_command(self, name: str, text: str) -> None:
        (self.bin / name).write_text(text)
        (self.bin / name).chmod(0o755)

    def role(self, *options: str, tasks_from: str = "main", **variables: Any) -> Run:
        """Run the role with variables named without their prefix."""
        variables.setdefault("environment", {"ARG_AGENTAPI_PORT": self.agentapi.port})
        task = {
            "name": "Role",
            "ansible.builtin.include_role": {"name": "coder.tasks.shutdown_hook", "tasks_from": tasks_from},
            "vars": {f"shutdown_hook_{name}": value for name, value in variables.items()},
        }
        # Never the place that this machine's own workspaces, and other tests, have in common.
        place = ["-e", json.dumps({"__shutdown_hook_place": str(self.controller / "agentapi-shutdown.sh")})]
        return Ansible(self.controller, self.environment).playbook([{"tasks": [task]}], *place, *options, timeout=180)

    def script(self, *arguments: str, **environment: str | None) -> subprocess.CompletedProcess[str]:
        """Call a script of the hook as the workspace agent does."""
        given = {**self.environment, "ARG_TASK_ID": self.task.id, **environment}
        return subprocess.run(
            [str(self.home / arguments[0]), *arguments[1:]],
            env={name: value for name, value in given.items() if value is not None},
            cwd=self.home, capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip

    def saved(self) -> list[str]:
        """What the messages of the task's snapshot say."""
        snapshot = self.task.snapshot()
        return [message["content"] for message in snapshot.messages] if snapshot else []

    def wait_until_saved(self, *contents: str) -> None:
        end = time.monotonic() + 60
        while self.saved() != list(contents):
            assert time.monotonic() < end, f"the snapshot is {self.saved()}"
            time.sleep(0.1)


@pytest.fixture
def workspace(emulator: Callable[..., Emulator], tmp_path: Path) -> Iterator[Workspace]:
    with FakeAgentAPI(conversation("Hello", "Fix it", "Fixed")) as agentapi:
        yield Workspace(emulator(), tmp_path, agentapi)


def runs(pid: int) -> bool:
    """Whether the process has not ended; one that nobody has collected yet has."""
    try:
        return bool(Path(f"/proc/{pid}/cmdline").read_bytes())
    except OSError:
        return False


def counted(run: Run) -> dict[str, int]:
    """The recap's line."""
    assert run.rc == 0, run.output
    return {name: int(count) for name, count in re.findall(r"(\w+)=(\d+)", run.stdout.rpartition("PLAY RECAP")[2])}


def changed_by(run: Run) -> int:
    return counted(run)["changed"]


def test_script_from_the_first_look_to_the_last_trace(workspace: Workspace, tmp_path: Path) -> None:
    home, hook = workspace.home, f"{FOLDER}/agentapi-shutdown"
    (home / ".local").mkdir(mode=0o755)
    before = tree(home)

    first_look = workspace.role("--check", "--diff", verify=True)
    assert changed_by(first_look) > 0
    assert "[WARNING]" not in first_look.stderr
    assert tree(home) == before

    terraform = tmp_path / "controller" / "hook.tf"
    installed = workspace.role(verify=True, terraform_path=str(terraform), deadline=7.5)
    assert changed_by(installed) > 0
    assert "[WARNING]" not in installed.stderr
    assert (home / FOLDER).stat().st_mode & 0o777 == 0o700
    assert (home / FOLDER / "environment").stat().st_mode & 0o777 == 0o600
    package = home / FOLDER / "snapshot"
    assert {path.stem for path in package.glob("*.py")} == {
        path.name.partition(".")[0] for path in (package / "__pycache__").glob("*.pyc")
    }
    # Nobody has told it the task yet, but the template's scripts will.
    assert "The log snapshot hook would work where the template's scripts set ARG_TASK_ID" in installed.stdout
    assert "not known: ARG_TASK_ID is not set here" in installed.stdout

    written = terraform.read_text()
    assert f'"$HOME"/{hook}' in written
    assert str(home) not in written
    assert "timeout      = 10" in written
    assert "data.coder_task.log_snapshot.enabled ?" in written
    assert not [line for line in written.splitlines() if "id !=" in line and not line.lstrip().startswith("#")]

    started = workspace.script(f"{FOLDER}/agentapi-start")
    assert started.returncode == 0, started.stderr
    verified = workspace.role("--check", tasks_from="verify")
    assert changed_by(verified) == 0
    assert "The log snapshot hook would work." in verified.stdout

    after = tree(home)
    assert changed_by(workspace.role(deadline=7.5, terraform_path=str(terraform))) == 0
    assert tree(home) == after
    assert changed_by(workspace.role("--check", deadline=7.5, terraform_path=str(terraform))) == 0

    stopped = workspace.script(hook)
    assert stopped.returncode == 0, stopped.stderr
    assert stopped.stdout.splitlines()[-2:] == ["Log snapshot posted successfully", "Shutdown complete"]
    assert workspace.saved() == ["Hello", "Fix it", "Fixed"]

    leaks = [path for path in home.rglob("*") if path.is_file() and USER_TOKEN.encode() in path.read_bytes()]
    assert not leaks
    assert USER_TOKEN not in installed.output

    assert changed_by(workspace.role("--check", state="absent", terraform_path=str(terraform))) > 0
    assert terraform.exists()
    assert changed_by(workspace.role(state="absent", terraform_path=str(terraform))) > 0
    assert tree(home) == before
    assert not terraform.exists()
    assert changed_by(workspace.role(state="absent", terraform_path=str(terraform))) == 0


def test_script_that_stood_there_is_the_fallback_and_comes_back(workspace: Workspace) -> None:
    home = workspace.home
    (home / "scripts").mkdir()
    old = home / "scripts" / "shutdown.sh"
    old.write_text(OLD_SCRIPT)
    old.chmod(0o750)
    before = tree(home)
    variables = {"executable": "~/scripts/shutdown.sh"}
    assert changed_by(workspace.role(**variables)) > 0
    assert changed_by(workspace.role(**variables)) == 0
    assert workspace.script("scripts/shutdown.sh").returncode == 0
    assert workspace.saved() == ["Hello", "Fix it", "Fixed"]

    # A workspace whose image has lost its Python: the path that was found is gone, and so is every other one.
    installed = old.read_text()
    lost = re.sub(r"^python=.*", "python=/nowhere/python3", installed, flags=re.M).replace("/usr/", "/nowhere/")
    old.write_text(lost)
    tools = {name: shutil.which(name) for name in ("sh", "cat")}
    bare = workspace.bin / "bare"
    bare.mkdir()
    for name, path in tools.items():
        assert path
        (bare / name).symlink_to(path)
    fallen_back = workspace.script("scripts/shutdown.sh", PATH=str(bare))
    assert fallen_back.stdout == "the old script\n", fallen_back.stderr
    (home / FOLDER / "original").chmod(0o640)
    assert "no Python 3.8" in workspace.script("scripts/shutdown.sh", PATH=str(bare)).stderr
    (home / FOLDER / "original").chmod(0o750)

    assert changed_by(workspace.role(state="absent", **variables)) > 0
    assert tree(home) == before


def test_what_a_stop_could_not_deliver_the_next_start_does(workspace: Workspace) -> None:
    before = tree(workspace.home)
    given = {"ARG_AGENTAPI_PORT": workspace.agentapi.port, "ARG_TASK_ID": workspace.task.id}
    workspace.role(environment={**given, "ARG_TASK_LOG_SNAPSHOT": True})
    assert "export ARG_TASK_LOG_SNAPSHOT=true\n" in (workspace.home / FOLDER / "settings.sh").read_text()
    down = workspace.script(f"{FOLDER}/agentapi-shutdown", CODER_AGENT_URL="http://127.0.0.1:1")
    assert down.returncode == 0
    assert "is kept in" in down.stdout
    assert not workspace.saved()
    # A new build: another token, and its environment replaces what the last one left.
    workspace.script(f"{FOLDER}/agentapi-start", CODER_AGENT_TOKEN=NEW_TOKEN, CODER_AGENT_HEADER='X-A="$b`\\')
    kept = (workspace.home / FOLDER / "environment").read_text()
    assert NEW_TOKEN in kept
    assert workspace.task.agent.token not in kept
    assert 'CODER_AGENT_HEADER="X-A=\\"\\$b\\`\\\\"\n' in kept
    assert not workspace.saved()
    workspace.script(f"{FOLDER}/agentapi-start")
    assert workspace.saved() == ["Hello", "Fix it", "Fixed"]
    # A full disk leaves the file that was there.
    kept = (workspace.home / FOLDER / "environment").read_text()
    (workspace.home / FOLDER / "environment.new").symlink_to("/dev/full")
    assert "cannot be written" in workspace.script(f"{FOLDER}/agentapi-start", no_proxy="localhost").stderr
    assert (workspace.home / FOLDER / "environment").read_text() == kept
    # What the caller does not give is read from the file, and what is not there either from the role.
    kept_apart = {"CODER_AGENT_TOKEN": None, "CODER_AGENT_URL": None, "ARG_TASK_ID": None}
    workspace.agentapi.say("More")
    assert workspace.script(f"{FOLDER}/agentapi-shutdown", **kept_apart).returncode == 0
    assert workspace.saved()[-1] == "More"
    workspace.role(state="absent")
    assert tree(workspace.home) == before


def test_a_host_of_the_inventory_knows_its_task(workspace: Workspace) -> None:
    """So that it works, and says so, before any script of the template has run."""
    given = ["-e", json.dumps({"coder_task": {"id": workspace.task.id}})]
    installed = workspace.role(*given, verify=True)
    assert "The log snapshot hook would work." in installed.stdout
    assert workspace.script(f"{FOLDER}/agentapi-shutdown", ARG_TASK_ID=None).returncode == 0
    assert workspace.saved() == ["Hello", "Fix it", "Fixed"]
    # Given nothing at all, verify finds what was installed, wherever that is.
    workspace.role(*given, folder="~/else where")
    assert "The log snapshot hook would work." in workspace.role(tasks_from="verify").stdout


def user_script(home: Path) -> None:
    (home / "bin").mkdir()
    (home / "bin" / "stop").write_text(OLD_SCRIPT)
    (home / "bin" / "stop").chmod(0o751)
    os.utime(home / "bin" / "stop", (1_600_000_000, 1_600_000_000))


# Each is installed in turn, and then the role takes away what is there, told nothing but that.
MOVES: dict[str, list[dict[str, Any]]] = {
    "a script's place, then nothing": [{"executable": "~/bin/stop"}],
    "a script's place, then the default": [{"executable": "~/bin/stop"}, {}],
    "a folder, then a script's place, then another folder": [
        {"folder": "~/a folder/hook"},
        {"folder": "~/a folder/hook", "executable": "~/bin/stop"},
        {"folder": "~/other", "executable": "~/bin/stop", "trigger": ["script", "follow"]},
    ],
    "systemd and follow, then a script": [{"trigger": ["systemd", "follow"]}, {"trigger": ["script"], "folder": "~/x"}],
}


@pytest.mark.parametrize("case", MOVES)
def test_absent_knows_what_was_made_whatever_it_is_told(workspace: Workspace, tmp_path: Path, case: str) -> None:
    home = workspace.home
    user_script(home)
    if "systemd" in case:
        workspace.add_command("systemctl", STAND_IN_SYSTEMCTL.replace("$HOME/.systemctl", str(tmp_path / "systemctl")))
        (tmp_path / "systemctl").mkdir()
    workspace.environment["ARG_TASK_ID"] = workspace.task.id
    before = tree(home)
    terraform = tmp_path / "controller" / "hook.tf"
    for number, variables in enumerate(MOVES[case]):
        assert changed_by(workspace.role(terraform_path=str(terraform) if number else "", **variables)) > 0
        assert workspace.script(executable_of(home, variables)).returncode == 0
        assert workspace.saved() == ["Hello", "Fix it", "Fixed"]
        # What was installed before is gone, and what it had moved is back.
        if variables.get("executable") != "~/bin/stop":
            assert tree(home)["bin/stop"] == before["bin/stop"]
        assert terraform.exists() == bool(number)
    workspace.role("--check", state="absent")
    assert changed_by(workspace.role(state="absent")) > 0
    assert tree(home) == before
    assert not terraform.exists()
    assert changed_by(workspace.role(state="absent", **MOVES[case][0])) == 0


def executable_of(home: Path, variables: dict[str, Any]) -> str:
    folder = str(variables.get("folder", f"~/{FOLDER}"))
    return str(variables.get("executable", f"{folder}/agentapi-shutdown")).replace("~", str(home))


def test_beside_the_registry_s_module_the_hook_takes_its_place(workspace: Workspace, tmp_path: Path) -> None:
    home, place = workspace.home, tmp_path / "agentapi-shutdown.sh"
    (home / ".aider-module" / "scripts").mkdir(parents=True)
    (home / ".aider-module" / "scripts" / "agentapi-wait-for-start.sh").write_text("")
    place.write_text(OLD_SCRIPT)
    os.utime(place, (1_600_000_000, 1_600_000_000))
    stood_there = place.stat()
    before = tree(home)
    # Root could overwrite it anyway, and so does not try.
    workspace.add_command("id", '#!/bin/sh\n[ "$1" = -u ] && echo 1000 || exec /usr/bin/id "$@"\n')
    where = ["-e", json.dumps({"__shutdown_hook_place": str(place)})]
    installed = workspace.role(*where, task_id=workspace.task.id)
    assert changed_by(installed) > 0
    assert f"is in {home}/.aider-module." in installed.stdout
    assert f"the hook is called in the place of that script, {place}." in installed.stdout
    assert "The conversation is followed." in installed.stdout
    assert "export ARG_MODULE_DIR_NAME=.aider-module\n" in installed.stdout
    assert stat.S_IMODE(place.stat().st_mode) == 0o555
    workspace.wait_until_saved("Hello", "Fix it", "Fixed")
    # As the module's stop script would be run, with its own snapshot switched off.
    workspace.agentapi.say("More")
    assert workspace.script(str(place), ARG_TASK_LOG_SNAPSHOT="false").returncode == 0
    assert workspace.saved()[-1] == "More"
    assert changed_by(workspace.role(*where, task_id=workspace.task.id)) == 0
    assert changed_by(workspace.role(state="absent")) > 0
    assert tree(home) == before
    assert place.read_text() == OLD_SCRIPT
    assert place.stat().st_mtime_ns == stood_there.st_mtime_ns
    # And as root it says so.
    workspace.add_command("id", '#!/bin/sh\n[ "$1" = -u ] && echo 0 || exec /usr/bin/id "$@"\n')
    installed = workspace.role(*where, task_id=workspace.task.id)
    assert "root can overwrite everything" in installed.stdout
    assert place.read_text() == OLD_SCRIPT
    workspace.role(state="absent")


TASK_TEMPLATE = """
terraform {
  required_providers {
    coder = { source = "coder/coder" }
  }
}
data "coder_task" "me" {}
resource "coder_agent" "main" {
  os   = "linux"
  arch = "amd64"
}
"""


def test_terraform_fits_beside_a_task_s_template_and_every_owner(workspace: Workspace, tmp_path: Path) -> None:
    """With TERRAFORM_PROVIDER_CODER=folder, which holds the provider's binary, Terraform knows what the resources take;
    without, it reads the files and finds what is said twice."""
    folder = tmp_path / "template"
    folder.mkdir()
    (folder / "main.tf").write_text(TASK_TEMPLATE)
    home = workspace.home
    given = {"ARG_PID_FILE_PATH": "~/module/agentapi.pid", "AGENTAPI_STATE_FILE": f"{home}/${{x}}/%{{y}}/state.json"}
    printed = workspace.role(environment=given)
    assert changed_by(printed) > 0
    written = workspace.role(environment=given, terraform_path=str(folder / "log_snapshot.tf"))
    text = (folder / "log_snapshot.tf").read_text()
    # As it is printed it can be pasted.
    assert text.strip() in printed.stdout
    assert str(home) not in text
    assert 'export ARG_PID_FILE_PATH="$HOME/module/agentapi.pid"' in text
    assert 'export AGENTAPI_STATE_FILE="$HOME/$${x}/%%{y}/state.json"' in text
    assert written.rc == 0
    check_terraform(folder)
    # A file that the role has not written stays.
    refused = workspace.role(environment=given, terraform_path=str(folder / "main.tf"))
    assert refused.rc == 2
    assert "is a file that this role has not written" in refused.output
    assert (folder / "main.tf").read_text() == TASK_TEMPLATE

    # The workspace of another owner of the template, where the hook is not installed.
    stop = re.search(r"run_on_stop .*?<<-EOT\n(.*?)\n  EOT", text, re.S)
    assert stop
    other = subprocess.run(
        ["/bin/sh", "-c", stop[1].replace("$${", "${")],
        env={"HOME": "/nonexistent"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert other.returncode == 1
    assert "the log snapshot hook is not installed in this workspace" in other.stderr


def check_terraform(folder: Path) -> None:
    text = "\n".join(path.read_text() for path in folder.glob("*.tf"))
    declared = re.findall(r'^(?:data|resource) "\w+" "\w+"', text, re.M)
    assert len(declared) == len(set(declared)) == 5
    terraform = shutil.which("terraform")
    if not terraform:
        print("NOT TESTED: what Terraform itself says, there is none here")
        return
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "CHECKPOINT_DISABLE": "1"}
    kept: dict[str, Any] = {"cwd": folder, "env": environment, "capture_output": True, "text": True, "check": False}
    formatted = subprocess.run([terraform, "fmt", "-check", "-diff"], timeout=60, **kept)
    assert "log_snapshot.tf" not in formatted.stdout, formatted.stdout
    provider = os.environ.get("TERRAFORM_PROVIDER_CODER")
    if provider:
        (folder / ".terraformrc").write_text(
            f'provider_installation {{\n  dev_overrides {{ "coder/coder" = "{provider}" }}\n  direct {{}}\n}}\n'
        )
        environment["TF_CLI_CONFIG_FILE"] = str(folder / ".terraformrc")
    valid = subprocess.run([terraform, "validate", "-json"], timeout=120, **kept)
    problems = [each["summary"] for each in json.loads(valid.stdout)["diagnostics"] if each["severity"] == "error"]
    assert problems == ([] if provider else ["Missing required provider"]), valid.stdout


def test_absent_leaves_what_cannot_be_delivered(workspace: Workspace) -> None:
    workspace.role()
    workspace.script(f"{FOLDER}/agentapi-shutdown", CODER_AGENT_URL="http://127.0.0.1:1")
    workspace.environment["CODER_AGENT_URL"] = "http://127.0.0.1:1"
    assert changed_by(workspace.role(state="absent")) > 0
    left = [name for name in tree(workspace.home) if name.endswith(".json")]
    assert len(left) == 1
    assert not (workspace.home / FOLDER).exists()


def test_follow_without_systemd(workspace: Workspace) -> None:
    home = workspace.home
    workspace.environment["ARG_TASK_ID"] = workspace.task.id
    before = tree(home)
    variables: dict[str, Any] = {"trigger": ["script", "follow"], "min_interval": 0.5}
    assert changed_by(workspace.role(**variables)) > 0
    workspace.wait_until_saved("Hello", "Fix it", "Fixed")
    follower = int((home / FOLDER / "follow.pid").read_text())
    assert runs(follower)
    command = Path(f"/proc/{follower}/cmdline").read_text()
    assert "follow" in command
    assert workspace.task.agent.token not in command
    workspace.agentapi.say("And tested")
    workspace.wait_until_saved("Hello", "Fix it", "Fixed", "And tested")

    assert changed_by(workspace.role(**variables)) == 0
    assert int((home / FOLDER / "follow.pid").read_text()) == follower
    workspace.script(f"{FOLDER}/agentapi-start")
    assert int((home / FOLDER / "follow.pid").read_text()) == follower
    # A new build brings a new token, which only a new follower knows.
    workspace.script(f"{FOLDER}/agentapi-start", CODER_AGENT_TOKEN=NEW_TOKEN)
    end = time.monotonic() + 60
    while int((home / FOLDER / "follow.pid").read_text()) == follower:
        assert time.monotonic() < end
        time.sleep(0.1)
    newer = int((home / FOLDER / "follow.pid").read_text())
    assert not runs(follower)

    assert changed_by(workspace.role(state="absent", **variables)) > 0
    assert not runs(newer)
    assert tree(home) == before


def test_systemd_of_the_user(workspace: Workspace, tmp_path: Path) -> None:
    home, units = workspace.home, workspace.home / ".config/systemd/user"
    workspace.add_command("systemctl", STAND_IN_SYSTEMCTL)
    workspace.environment["ARG_TASK_ID"] = workspace.task.id
    (home / ".systemctl").mkdir()
    before = tree(home)
    variables: dict[str, Any] = {"trigger": ["systemd", "follow"], "systemd_after": ["agentapi.service"]}
    assert changed_by(workspace.role("--check", **variables)) > 0
    assert sorted(tree(home)) == [".systemctl", ".systemctl/journal"]
    assert changed_by(workspace.role(**variables)) > 0
    for name in ("coder-tasks-snapshot.service", "coder-tasks-follow.service"):
        assert (home / ".systemctl" / f"{name}.enabled").exists()
        assert (home / ".systemctl" / f"{name}.active").exists()
        assert "After=agentapi.service" in (units / name).read_text()
        assert workspace.task.agent.token not in (units / name).read_text()
    assert not (home / FOLDER / "follow.pid").exists()
    check_units(tmp_path, *units.glob("*.service"))

    assert changed_by(workspace.role(**variables)) == 0
    journal = home / ".systemctl" / "journal"
    journal.write_text("")
    workspace.script(f"{FOLDER}/agentapi-start", CODER_AGENT_TOKEN=NEW_TOKEN)
    assert "restart coder-tasks-follow.service" in journal.read_text()
    workspace.script(f"{FOLDER}/agentapi-start")

    # The machine stops. The unit knows nothing but its file.
    manager = dict.fromkeys(("CODER_AGENT_TOKEN", "CODER_AGENT_URL", "ARG_TASK_ID", "CODER_SESSION_TOKEN"))
    stop = re.search(r'^ExecStop="(.*)" capture$', (units / "coder-tasks-snapshot.service").read_text(), re.M)
    assert stop
    assert workspace.script(stop[1], "capture", **manager).returncode == 0
    assert workspace.saved() == ["Hello", "Fix it", "Fixed"]

    # Only one of the two is wanted from now on.
    assert changed_by(workspace.role(trigger=["follow"])) > 0
    assert [path.name for path in units.glob("*.service")] == ["coder-tasks-follow.service"]
    assert changed_by(workspace.role(state="absent", trigger=["follow"])) > 0
    left = tree(home)
    shutil.rmtree(home / ".systemctl")
    assert {name for name in left if not name.startswith(".systemctl")} == set(before) - {".systemctl"}
    assert not any(home.iterdir())


def test_unit_of_the_system(workspace: Workspace, tmp_path: Path) -> None:
    """Rendered only: to install it takes root."""
    template = Path(__file__).parents[2] / "roles/shutdown_hook/templates/coder-tasks-snapshot.service.j2"
    variables = {
        "__shutdown_hook_mark": "mark", "__shutdown_hook_user": "coder",
        "__shutdown_hook_executable": "/home/a %b/hook",
        "__shutdown_hook_folder": "/home/a %b", "__shutdown_hook_timeout": 10, "shutdown_hook_systemd_scope": "system",
        "shutdown_hook_systemd_after": ["agentapi.service"],
    }  # fmt: skip
    unit = tmp_path / "coder-tasks-snapshot.service"
    copy = {"name": "Render", "ansible.builtin.template": {"src": str(template), "dest": str(unit)}, "vars": variables}
    assert Ansible(workspace.controller, {}).playbook([{"tasks": [copy]}]).rc == 0
    lines = unit.read_text().splitlines()
    assert "User=coder" in lines
    assert "After=network-online.target coder-agent.service agentapi.service" in lines
    assert 'ExecStop="/home/a %%b/hook" capture' in lines
    assert "WantedBy=multi-user.target" in lines


def check_units(runtime_folder: Path, *units: Path) -> None:
    """Let systemd itself read the units, where it is installed."""
    analyze = shutil.which("systemd-analyze")
    if not analyze:
        return
    done = subprocess.run(
        [analyze, "verify", "--man=no", "--user", *map(str, units)],
        env={**os.environ, "XDG_RUNTIME_DIR": str(runtime_folder)},
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    complaints = [line for line in done.stderr.splitlines() if "coder-tasks" in line]
    assert not complaints


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"environment": {"CODER_AGENT_TOKEN": NEW_TOKEN}}, "has CODER_AGENT_TOKEN, which the hook does not know"),
    ({"environment": {"CODER_SESSION_TOKEN": USER_TOKEN}}, "has CODER_SESSION_TOKEN, which the hook does not know"),
    ({"folder": "/opt/hook"}, "shutdown_hook_folder=/opt/hook is not in the home"),
    ({"executable": "~/none/stop"}, "the folder of shutdown_hook_executable=~/none/stop does not exist"),
    ({"executable": "~/taken"}, "shutdown_hook_executable=~/taken is a folder"),
    ({"trigger": ["systemd"]}, "needs a systemd of the user's"),
    ({"trigger": []}, "shutdown_hook_trigger is empty"),
    ({"trigger": ["cron"]}, "cron"),
    ({"deadline": 0}, "shutdown_hook_deadline=0"),
    ({"max_bytes": 65537}, "shutdown_hook_max_bytes=65537"),
    ({"python": "/nowhere/python3"}, "shutdown_hook_python=/nowhere/python3 is none"),
    ({"python": "/bin/echo"}, "shutdown_hook_python=/bin/echo is none"),
]


@pytest.mark.parametrize(("variables", "says"), REFUSED, ids=[json.dumps(variables) for variables, _says in REFUSED])
def test_what_cannot_work_is_refused_before_anything_is_installed(
    workspace: Workspace, variables: dict[str, Any], says: str
) -> None:
    (workspace.home / "taken").mkdir()
    run = workspace.role(**variables)
    assert run.rc == 2
    assert says in run.output
    assert [path.name for path in workspace.home.iterdir()] == ["taken"]
    assert "Traceback" not in run.output
