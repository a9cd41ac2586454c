# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the checks of Galaxy and Automation Hub (galaxy-importer) on the tarball in build/. A warning is a failure."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# What Automation Hub demands beyond Galaxy. Its ansible-test needs a container and is what `make sanity` runs.
SETTINGS = {"CHECK_REQUIRED_TAGS": "true", "REQUIRE_V1_OR_GREATER": "true", "RUN_ANSIBLE_TEST": "false"}
DONE = "Importer processing completed successfully"


def main() -> int:
    (tarball,) = (ROOT / "build").glob("coder-tasks-*.tar.gz")
    with tempfile.TemporaryDirectory(prefix="importer-") as folder:
        said = run_importer(tarball, Path(folder))
    failures = re.findall(r"^(?:WARNING|ERROR|CRITICAL): .*", said, re.M)
    if DONE not in said and not failures:
        failures = [f"galaxy-importer did not come to its end:\n{said}"]
    for failure in failures:
        print(f"FAILED: {failure}")
    checked = len(re.findall(r"^Loading ", said, re.M))
    print(f"importer: {tarball.relative_to(ROOT)}, {checked} plugins, roles and playbooks, {len(failures)} problems")
    return 1 if failures else 0


def run_importer(tarball: Path, folder: Path) -> str:
    """What it says of the tarball. It writes into HOME and the working directory, so both are a folder that goes."""
    environment = {
        **os.environ,
        **{f"GALAXY_IMPORTER_{name}": value for name, value in SETTINGS.items()},
        "HOME": str(folder),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    # The tarball is the collection; the checkout must not be found beside it.
    environment.pop("ANSIBLE_COLLECTIONS_PATH", None)
    done = subprocess.run(
        [sys.executable, "-m", "galaxy_importer.main", tarball],
        cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
