# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Start of the hook, wherever its folder lies.

Both work: ``python3 -I -S .../snapshot/main.py capture`` and ``python3 -m PACKAGE.snapshot.main capture``. Not
__main__.py, a name that Galaxy refuses.
"""

from __future__ import annotations

import os
import sys

if not __package__:
    # Started by its path: make the folder a package, so that its parts find each other (PEP 366).
    _folder = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [os.path.dirname(_folder), *(path for path in sys.path if os.path.abspath(path) != _folder)]
    __package__ = os.path.basename(_folder)
    __spec__ = None  # type: ignore[assignment]

from .cli import main

if __name__ == "__main__":
    # Not sys.exit: nothing is buffered, and a look-up in the resolver that hangs must not hold up the end.
    os._exit(main(sys.argv[1:], os.environ))
