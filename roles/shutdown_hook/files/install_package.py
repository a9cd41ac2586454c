# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make a folder hold exactly the files that stdin describes: install_package.py FOLDER [check].

stdin is JSON, {file name: content}. Prints the name of each file that was written or removed, and compiles the folder.
One program instead of one copy task per file, each of which would cost a connection.
"""

from __future__ import annotations

import compileall
import json
import os
import sys


def read(path):
    try:
        with open(path, encoding="utf-8") as stream:
            return stream.read()
    except OSError:
        return None


def write(path, content):
    # As snapshot/atomic.py does, which cannot be imported: this program runs before the package is there.
    descriptor = os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(content)
    os.replace(path + ".new", path)


def main():
    folder, checking = sys.argv[1], "check" in sys.argv[2:]
    wanted = json.load(sys.stdin)
    present = os.listdir(folder) if os.path.isdir(folder) else []
    differing = [name for name, content in sorted(wanted.items()) if read(os.path.join(folder, name)) != content]
    stale = sorted(name for name in present if name.endswith((".py", ".new")) and name not in wanted)
    for name in differing + stale:
        sys.stdout.write(name + "\n")
    if checking:
        return
    for name in differing:
        write(os.path.join(folder, name), wanted[name])
    for name in stale:
        os.remove(os.path.join(folder, name))
    compileall.compile_dir(folder, quiet=1)


main()
