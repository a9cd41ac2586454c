# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run ``ansible-test sanity`` on a copy of the checkout and believe it only when every test really ran.

Run it with the Python of the virtual environment whose ansible-core is to be used. Other arguments go to ansible-test.

ansible-test exits 0 when it finds no files, no shellcheck or no target Python. Here finding no files is a failure; what
else is missing is named, and is a failure when ``CI=true``. So is an ansible-core older than the newest supported one.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from pip_bootstrap import lay_stand_ins

ROOT = Path(__file__).resolve().parent.parent
NEWEST_CORE = (2, 21)
OLDEST_PYTHON = (3, 9)  # as in tests/config.yml
# What ansible-core supports beyond this one is used where it is found, but not demanded until it is common.
NEWEST_DEMANDED_PYTHON = (3, 13)
# The tests that every supported ansible-core runs on a collection like this one, not counting one run for each Python.
FEWEST_TESTS = 20


def main() -> int:
    core = numbers(importlib.metadata.version("ansible-core"))
    wanted = target_pythons()
    pythons = real_pythons(wanted)
    missing = [version for version in wanted if version not in pythons and numbers(version) <= NEWEST_DEMANDED_PYTHON]
    problems = []
    if missing:
        problems.append(f"that plugins can be used on Python {', '.join(missing)}: pyenv install {' '.join(missing)}")
    if core < NEWEST_CORE and "--this-core" not in sys.argv:
        problems.append(
            f"ansible-core {dotted(NEWEST_CORE)}, instead of which {dotted(core)} ran; it needs Python 3.12: "
            f"pyenv install 3.12 && make sanity CORE={dotted(NEWEST_CORE)}"
        )
    if not shutil.which("shellcheck"):
        problems.append("shell scripts: sudo apt-get install shellcheck")
    for problem in lay_stand_ins():
        print(f"WARNING: {problem}")
    with tempfile.TemporaryDirectory(prefix="sanity-") as folder:
        tree = copy_tree(Path(folder))
        code, log = run_sanity(tree, pythons, [a for a in sys.argv[1:] if a != "--this-core"])
    failures = silent_greens(log, pythons)
    failures += failed_tests(log)
    if code and not failures:
        failures.append(f"ansible-test exited {code}")
    if os.environ.get("CI") == "true":
        failures += [f"not tested: {problem}" for problem in problems]
    else:
        for problem in problems:
            print(f"NOT TESTED: {problem}")
    for failure in failures:
        print(f"FAILED: {failure}")
    ran = len(re.findall(r"^Running sanity test", log, re.M))
    print(f"sanity: {ran} runs on ansible-core {dotted(core)}, Pythons {', '.join(pythons)}, {len(failures)} failures")
    return 1 if failures else 0


def numbers(version: str) -> tuple[int, ...]:
    """Major and minor number."""
    return tuple(int(part) for part in version.split(".")[:2])


def dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def target_pythons() -> list[str]:
    """The minor versions that both this ansible-core and the collection support."""
    from ansible_test._util.target.common import constants

    known = [*constants.REMOTE_ONLY_PYTHON_VERSIONS, *constants.CONTROLLER_PYTHON_VERSIONS]
    return [version for version in known if numbers(version) >= OLDEST_PYTHON]


def real_pythons(wanted: list[str]) -> dict[str, Path]:
    """Interpreters by minor version. A version manager's shim may exit 127, so each one is run."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    found = {}
    for version in wanted:
        on_path = [Path(folder) / f"python{version}" for folder in os.get_exec_path()]
        for candidate in [*on_path, *sorted(pyenv.glob(f"{version}.*/bin/python{version}"))]:
            if executable := base_executable(candidate, version):
                found[version] = executable
                break
    return found


def base_executable(candidate: Path, version: str) -> Path | None:
    """The interpreter behind a candidate: not a shim, nor a virtual environment's link."""
    code = "import os, sys; print('%d.%d' % sys.version_info[:2], os.path.realpath(sys.executable))"
    try:
        answer = subprocess.run([candidate, "-c", code], capture_output=True, text=True, timeout=30, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    got, executable = answer.split(maxsplit=1)
    path = Path(executable.strip())
    return path if got == version and path.name == f"python{version}" else None


def copy_tree(folder: Path) -> Path:
    """Copy what git tracks or would track. Inside the repository ansible-test would see the outer one, and no files."""
    tree = folder / "ansible_collections" / "coder" / "tasks"
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"]
    for name in subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0"):
        source = ROOT / name
        if name and (source.is_file() or source.is_symlink()):  # not a tracked file that was deleted
            target = tree / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target, follow_symlinks=False)
    return tree


def run_sanity(tree: Path, pythons: dict[str, Path], arguments: list[str]) -> tuple[int, str]:
    own = Path(sys.executable).parent
    others = [folder for folder in os.get_exec_path() if not folder.rstrip("/").endswith("/shims")]
    path = os.pathsep.join(map(str, [own, *(python.parent for python in pythons.values()), *others]))
    command = [str(own / "ansible-test"), "sanity", "--color", "no", *arguments]
    environment = {**os.environ, "PATH": path}
    # The copy is the collection; the development tree's link must not be found beside it.
    environment.pop("ANSIBLE_COLLECTIONS_PATH", None)
    lines = []
    with subprocess.Popen(
        command, cwd=tree, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            sys.stdout.write(line)
            sys.stdout.flush()
            lines.append(line)
    return process.returncode, "".join(lines)


def failed_tests(log: str) -> list[str]:
    """The names in the list that ansible-test ends with."""
    listed = re.search(r"^(?:ERROR: )?The \d+ sanity test\(s\) listed below .* failed\..*\n((?:.+\n)*)", log, re.M)
    return [f"sanity test {name}" for name in listed[1].split("\n") if name] if listed else []


def silent_greens(log: str, pythons: dict[str, Path]) -> list[str]:
    """What ansible-test left out although it exited 0."""
    failures = [line.strip() for line in re.findall(r".*(?:All targets skipped|Required program).*", log)]
    failures = [line for line in failures if "shellcheck" not in line]  # main() tells that it is not here
    ran = re.findall(r'^Running sanity test "([\w-]+)"', log, re.M)
    if len(set(ran)) < FEWEST_TESTS:
        failures.append(f"only {len(set(ran))} different sanity tests ran, at least {FEWEST_TESTS} should")
    for test in ("compile", "import"):
        for version in pythons:
            if f'Running sanity test "{test}" on Python {version}' not in log:
                failures.append(f"the {test} test did not run on Python {version}")
    return failures


if __name__ == "__main__":
    sys.exit(main())
