# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Install the built tarball for another ansible-core and use it: ``smoke.py VENV``.

The Ansible commands are those of VENV, the emulator runs on this Python. Nothing of the checkout's plugins is found by
Ansible here, so this also shows that the tarball is whole.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from emulator import Emulator

KINDS = ("module", "filter", "inventory", "lookup", "role")


def main(venv: Path) -> None:
    (tarball,) = (ROOT / "build").glob("coder-tasks-*.tar.gz")
    with tempfile.TemporaryDirectory(prefix="smoke-") as folder, Emulator("2.34", time_factor=0.02) as emulator:
        environment = {
            **os.environ,
            **emulator.environment,
            "PATH": f"{venv / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "ANSIBLE_COLLECTIONS_PATH": folder,
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
        }

        def ansible(*command: str | Path) -> str:
            done = subprocess.run(
                command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
            )
            if done.returncode:
                raise SystemExit(f"FAILED: {' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
            return done.stdout

        print(ansible("ansible", "--version").splitlines()[0])
        ansible("ansible-galaxy", "collection", "install", "--offline", "-p", folder, tarball)
        for kind in KINDS:
            names = list(json.loads(ansible("ansible-doc", "--type", kind, "--list", "--json", "coder.tasks")))
            if names:
                ansible("ansible-doc", "--type", kind, "--json", *names)
                print(f"documented, kind {kind}: {', '.join(names)}")
        played = ansible("ansible-playbook", ROOT / "tests" / "smoke" / "smoke.yml")
        print("smoke:", played.strip().splitlines()[-1])


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute())
