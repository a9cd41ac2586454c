# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import stat
from pathlib import Path

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.coder.tasks.plugins.filter.redact import FilterModule
from ansible_collections.coder.tasks.plugins.module_utils.archive import user_rules
from ansible_collections.coder.tasks.plugins.module_utils.archive.redact import Redactor
from ansible_collections.coder.tasks.plugins.module_utils.archive.redaction_key import key_path, redaction_key
from ansible_collections.coder.tasks.plugins.module_utils.coder.errors import CoderError

redact = FilterModule().filters()["redact"]


@pytest.fixture(autouse=True)
def _own_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def rules_file(tmp_path: Path, text: str) -> str:
    path = tmp_path / "rules.yml"
    path.write_text(text)
    return str(path)


def test_rules_values_and_allowed_texts(tmp_path: Path) -> None:
    path = rules_file(tmp_path, """
rules:
  - {name: acme-key, pattern: 'acme_[a-z0-9]{20,64}'}
  - {name: pin, pattern: 'PIN is (?P<secret>\\d{6})'}
values: [battery staple]
allow: [acme_00000000000000000000]
""")
    user = user_rules.load(path)
    redactor = Redactor(b"k" * 16, values=user.values, rules=user.rules, allow=user.allow)
    text = redactor.redact("acme_a1b2c3d4e5f6a7b8c9d0, PIN is 123456, battery staple, acme_00000000000000000000")
    assert text.counts == {"acme-key": 1, "known-value": 1, "pin": 1}
    assert "PIN is [REDACTED:pin:" in text.text
    assert text.text.endswith(" acme_00000000000000000000")


@pytest.mark.parametrize("pattern", ["(", "a{4,99999999999}", "(?P<secret>a)(?P<secret>b)", "[z-a]"])
def test_what_is_no_regular_expression_is_refused(tmp_path: Path, pattern: str) -> None:
    with pytest.raises(CoderError, match=r"the rule bad in .*rules.yml is not a regular expression") as error:
        user_rules.load(rules_file(tmp_path, f"rules:\n  - name: bad\n    pattern: '{pattern}'\n"))
    assert error.value.kind == "invalid"


@pytest.mark.parametrize("pattern", ["a*", "abc", "", "secret-(?P<secret>x?)"])
def test_a_short_match_is_no_secret(tmp_path: Path, pattern: str) -> None:
    rules = user_rules.load(rules_file(tmp_path, f"rules:\n  - name: slip\n    pattern: '{pattern}'\n")).rules
    assert Redactor(b"k" * 16, rules=rules).redact("aaa abc secret-x").counts == {}


@pytest.mark.parametrize("text", [
    "- a", "rule: []", "rules: x", "rules: [{name: x}]", "rules: [{name: X y, pattern: abcdef}]",
    "values: [abc]", "allow: [1]", "{",
])
def test_a_broken_file_is_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(CoderError, match=r"rules\.yml"):
        user_rules.load(rules_file(tmp_path, text))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CoderError, match=r"nowhere\.yml could not be read"):
        user_rules.load(str(tmp_path / "nowhere.yml"))


def test_the_key_is_made_once_and_for_its_owner_alone() -> None:
    key = redaction_key(None)
    assert redaction_key(None) == key and len(key) == 64
    assert stat.S_IMODE(Path(key_path()).stat().st_mode) == 0o600
    assert stat.S_IMODE(Path(key_path()).parent.stat().st_mode) == 0o700
    assert redaction_key("sixteen characters") == b"sixteen characters"
    assert [path.name for path in Path(key_path()).parent.iterdir()] == ["redaction.key"]


def test_a_weak_or_open_key_is_refused() -> None:
    with pytest.raises(CoderError, match="fewer than 16"):
        redaction_key("short")
    redaction_key(None)
    Path(key_path()).chmod(0o640)
    with pytest.raises(CoderError, match="chmod 600"):
        redaction_key(None)


def test_the_filter(tmp_path: Path) -> None:
    path = rules_file(tmp_path, "values: [from the file]")
    data = {"a": ["s3cret-value", "from the file"], "b": 1}
    text = redact(data, ["s3cret-value"], path, key="sixteen characters")
    assert [item[:22] for item in text["a"]] == ["[REDACTED:known-value:"] * 2
    assert text["b"] == 1
    assert redact("PASSWORD=hunter2x") == redact("PASSWORD=hunter2x") != "PASSWORD=hunter2x"


def test_the_filter_says_what_is_wrong() -> None:
    with pytest.raises(AnsibleFilterError, match=r"Could not redact: .*fewer than 16"):
        redact("x", key="short")
    with pytest.raises(AnsibleFilterError, match=r"Could not redact: .*fewer than 4"):
        redact("x", ["abc"])
