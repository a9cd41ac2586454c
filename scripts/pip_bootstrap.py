# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for the script with which ansible-test puts pip into the virtual environments that it makes.

ansible-test downloads that script (get-pip.py) from a file host of the Ansible project unless its cache holds one. The
stand-in carries the wheel of pip in itself, as get-pip.py does, so that only a package index has to be reachable, and
nothing else on the machine has to stay where it is: Debian's Python, for one, has no wheel in ensurepip.
"""

from __future__ import annotations

import base64
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

CACHE = Path.home() / ".ansible" / "test" / "cache"
MARK = "(written by scripts/pip_bootstrap.py of coder.tasks)"
HEAD = f'"""Stand-in for get-pip.py {MARK}."""'
BODY = '''\
import base64, os, subprocess, sys, tempfile
with tempfile.TemporaryDirectory() as folder:
    wheel = os.path.join(folder, "{name}")
    with open(wheel, "wb") as stream:
        stream.write(base64.b85decode(WHEEL))
    arguments = [argument for argument in sys.argv[1:] if argument not in ("--no-setuptools", "--no-wheel")]
    sys.exit(subprocess.call([sys.executable, os.path.join(wheel, "pip"), "install"] + arguments))
'''


def lay_stand_ins(cache: Path = CACHE) -> list[str]:
    """Put a stand-in for each pip that this ansible-core asks for into ansible-test's cache.

    A script that somebody else put there stays. Returns what could not be done, in words: ansible-test then tries its
    own download.
    """
    problems = []
    for version in wanted_versions():
        script = cache / f"get_pip_{version.replace('.', '_')}.py"
        if script.exists() and not is_outdated(script):
            continue
        script.unlink(missing_ok=True)
        try:
            write_stand_in(script, *fetch_wheel(version))
        except (OSError, subprocess.CalledProcessError) as error:
            said = getattr(error, "stderr", "") or str(error)
            problems.append(f"pip {version} could not be fetched from the package index: {last_line(said)}")
    return problems


def wanted_versions() -> list[str]:
    """The versions of pip that ansible-test of this Python's ansible-core installs."""
    import ansible_test

    source = Path(ansible_test.__path__[0]) / "_internal" / "python_requirements.py"
    return sorted(set(re.findall(r"\bpip='([\d.]+)'", source.read_text())))


def is_outdated(script: Path) -> bool:
    """Whether this project wrote it in an earlier form, which took the wheel from where it may not be."""
    text = script.read_text(errors="replace")
    return "coder.tasks" in text and MARK not in text


def fetch_wheel(version: str) -> tuple[str, bytes]:
    """Name and contents of pip's wheel."""
    with tempfile.TemporaryDirectory(prefix="pip-") as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        command += ["--only-binary=:all:", "--dest", folder, f"pip=={version}"]
        subprocess.run(command, check=True, capture_output=True, text=True)
        (wheel,) = Path(folder).glob("pip-*.whl")
        return wheel.name, wheel.read_bytes()


def write_stand_in(script: Path, name: str, wheel: bytes) -> None:
    """Write it whole or not at all: a broken one in the cache would stay there."""
    text = base64.b85encode(wheel).decode()
    lines = "".join(f'    "{text[start:start + 100]}"\n' for start in range(0, len(text), 100))
    script.parent.mkdir(parents=True, exist_ok=True)
    new = script.with_suffix(f".{os.getpid()}")
    new.write_text(f"{HEAD}\nWHEEL = (\n{lines})\n{BODY.replace('{name}', name)}")
    new.replace(script)


def last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no reason given"])[-1]
