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
from pathlib import Path
from typing import Any

from .role_workspace import FOLDER, NEW_TOKEN, OLD_SCRIPT, USER_TOKEN, Workspace, changed_by, tree


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
    kept: dict[str, Any] = {"cwd": folder, "env": environment, "capture_output": True, "text": True}
    formatted = subprocess.run([terraform, "fmt", "-check", "-diff"], timeout=60, check=False, **kept)
    assert "log_snapshot.tf" not in formatted.stdout, formatted.stdout
    provider = os.environ.get("TERRAFORM_PROVIDER_CODER")
    if provider:
        (folder / ".terraformrc").write_text(
            f'provider_installation {{\n  dev_overrides {{ "coder/coder" = "{provider}" }}\n  direct {{}}\n}}\n'
        )
        environment["TF_CLI_CONFIG_FILE"] = str(folder / ".terraformrc")
    valid = subprocess.run([terraform, "validate", "-json"], timeout=120, check=False, **kept)
    problems = [each["summary"] for each in json.loads(valid.stdout)["diagnostics"] if each["severity"] == "error"]
    assert problems == ([] if provider else ["Missing required provider"]), valid.stdout
