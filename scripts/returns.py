# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write what several modules return alike, once, into the RETURN of each of them: ``returns.py [--check]``.

A text of scripts/returns/ stands in a module between two marks, indented as they are::

    # begin scripts/returns/task.yml {returned: always}
    # end scripts/returns/task.yml

The values behind the name, a YAML mapping in one line, stand in the text for ``$returned`` and so on. A text may hold
the marks of another one. With ``--check`` nothing is written; the exit code is 1 if a module is stale.

Doc fragments cannot do this: ansible-core has them for RETURN since 2.20, and before that ansible-doc fails on them.
"""

from __future__ import annotations

import re
import string
import sys
import textwrap
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
FOLDER = "scripts/returns"
SHARED = re.compile(
    rf"^(?P<indent> *)# begin {FOLDER}/(?P<name>\w+)\.yml(?: (?P<values>.*))?\n"
    rf"(?:(?!(?P=indent)# begin {FOLDER}/(?P=name)\.yml).*\n)*?"
    rf"(?P<end>(?P=indent)# end {FOLDER}/(?P=name)\.yml\n)",
    re.M,
)
MARK = re.compile(rf"^ *# (?:begin|end) {FOLDER}.*$", re.M)


def main(arguments: list[str]) -> int:
    check = "--check" in arguments
    try:
        changed = {path: text for path in modules() if (text := written(path)) != path.read_text()}
    except ValueError as error:
        print(f"returns: {error}", file=sys.stderr)
        return 1
    for path, text in changed.items():
        if check:
            print(f"{path.relative_to(ROOT)} is stale. Edit what is shared in {FOLDER}/, then run `make returns`.")
        else:
            path.write_text(text)
            print(f"{path.relative_to(ROOT)}: written")
    return 1 if check and changed else 0


def modules() -> list[Path]:
    return sorted((ROOT / "plugins" / "modules").glob("*.py"))


def written(module: Path) -> str:
    """What the file of a module has to be.

    :raises ValueError: a mark that names no text, lacks its other end, or gives other values than the text has.
    """
    try:
        return expanded(module.read_text())
    except ValueError as error:
        raise ValueError(f"{module.relative_to(ROOT)}: {error}") from None


def expanded(text: str) -> str:
    """``text`` with the shared texts between its marks.

    :raises ValueError: as written().
    """
    if lone := MARK.search(SHARED.sub("", text)):
        raise ValueError(f"the mark `{lone[0].strip()}` has no other end that is indented alike and names the same")
    return SHARED.sub(_between_marks, text)


def _between_marks(found: re.Match[str]) -> str:
    begin = found[0].partition("\n")[0]
    body = expanded(shared(found["name"], found["values"] or "{}"))
    return f"{begin}\n{textwrap.indent(body, found['indent'])}{found['end']}"


def shared(name: str, values: str) -> str:
    """The text ``name`` with its values.

    :param values: YAML mapping of a text by each name that stands behind a dollar sign there.
    :raises ValueError: there is no such text, or it has other values.
    """
    texts = {path.stem: path for path in (ROOT / FOLDER).glob("*.yml")}
    if name not in texts:
        raise ValueError(f"there is no {FOLDER}/{name}.yml: choose one of {', '.join(sorted(texts))}")
    _header, _start, body = texts[name].read_text().partition("---\n")
    template = string.Template(body)
    if not template.is_valid():
        raise ValueError(f"{FOLDER}/{name}.yml has a dollar sign without a name behind it: write it as $$")
    given, wanted = _mapping(values), sorted(template.get_identifiers())
    if sorted(given) != wanted:
        names = ", ".join(f"{each}: ..." for each in wanted)
        raise ValueError(f"{FOLDER}/{name}.yml has the values {{{names}}}, and the mark gives {values}")
    return template.substitute(given)


def _mapping(values: str) -> dict[str, str]:
    try:
        given = yaml.safe_load(values)
    except yaml.YAMLError:
        given = None
    if not isinstance(given, dict) or not all(isinstance(text, str) for text in given.values()):
        raise ValueError(f"the values of a mark are texts by name, such as {{returned: always}}, not {values}")
    return given


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
