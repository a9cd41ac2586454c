# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the Galaxy tarball in ``build/`` and check what is in it."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MADE_BY_GALAXY = {"MANIFEST.json", "FILES.json"}
DEMANDED = {
    "README.md", "CHANGELOG.md", "COPYING", "changelogs/changelog.yaml", "meta/runtime.yml",
    "meta/execution-environment.yml",
}  # fmt: skip
# What a user of the collection runs; all of it must be packed.
SHIPPED = ("plugins/", "roles/", "playbooks/", "extensions/", "meta/")


def main() -> int:
    output = ROOT / "build"
    for old in output.glob("coder-tasks-*.tar.gz"):
        old.unlink()
    command = ["ansible-galaxy", "collection", "build", "--force", "--output-path", str(output)]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    (tarball,) = output.glob("coder-tasks-*.tar.gz")
    with tarfile.open(tarball) as archive:
        packed = {member.name for member in archive if not member.isdir()}
    known = git_files()
    problems = [f"{name} is packed, but git does not know it" for name in packed - known - MADE_BY_GALAXY]
    problems += [f"{name} is not packed" for name in known - packed if name.startswith(SHIPPED)]
    problems += [f"{name} is not packed" for name in DEMANDED - packed]
    for problem in sorted(problems)[:10]:
        print(f"FAILED: {problem}")
    size = f"{len(packed)} files, {tarball.stat().st_size:,} bytes"
    print(f"build: {tarball.relative_to(ROOT)}, {size}, {len(problems)} problems")
    return 1 if problems else 0


def git_files() -> set[str]:
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    return {name for name in names if name and (ROOT / name).exists()}


if __name__ == "__main__":
    sys.exit(main())
