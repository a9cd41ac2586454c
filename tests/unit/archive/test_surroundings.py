# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each way in which text says that a value is a secret, and text of the same form that says it of none."""

from __future__ import annotations

import string
from random import Random

import pytest

from ansible_collections.coder.tasks.plugins.module_utils.archive.judge import is_generated
from ansible_collections.coder.tasks.plugins.module_utils.archive.redact import Redactor

WORD, RANDOM = "hunter-22", "a1B2c3D4e5F6g7H8i9"
redactor = Redactor(b"a key for the tests only")


@pytest.mark.parametrize("text", [
    f'{{"name": "DB_PASSWORD", "value": "{WORD}"}}',
    f"- name: DB_PASSWORD\n  value: {WORD}\n",
    f'<add key="ApiKey" value="{RANDOM}"/>',
    f"<password>{WORD}</password>",
    f"password: |\n  {WORD}\n",
    f'variable "token" {{\n  type = string\n  default = "{RANDOM}"\n}}',
    f"ALTER ROLE app PASSWORD '{WORD}';",
    "ALTER ROLE app PASSWORD 'hunter22';",
    f"tool --password {WORD} --verbose",
    f"tool --client-secret s3cr3t-{RANDOM}",
    f"tool --api-key={RANDOM}",
    f"set -gx API_TOKEN {RANDOM}",
    f"machine git.example.com login ci password {WORD}",
    f"kind: Secret\ndata:\n  anything: {WORD}\n---\nkind: ConfigMap\n",
    f"kind: ConfigMap\ndata:\n  a: plain-text\n---\nkind: Secret\nstringData:\n  anything: {WORD}\n",
])  # fmt: skip
def test_the_value_goes_and_the_rest_stays(text: str) -> None:
    secret = next(known for known in (WORD, "hunter22", f"s3cr3t-{RANDOM}", RANDOM) if known in text)
    before, _secret, after = text.partition(secret)
    redacted = redactor.redact(text).text
    assert secret not in redacted
    assert redacted.startswith(f"{before}[REDACTED:") and redacted.endswith(f"]{after}")


@pytest.mark.parametrize("text", [
    '{"name": "DB_PASSWORD", "value": "${{ secrets.DB_PASSWORD }}"}',
    '<add key="ApiKey" value="the-name-of-the-key"/>',
    'variable "token" {\n  default = "the-default-token"\n}',
    "kind: ConfigMap\ndata:\n  anything: hunter-22\n",
    "kind: Secret\n---\ndata:\n  anything: hunter-22\n",
    "tool --api-key FILE --client-secret NAME",
    "ALTER ROLE app SECRET 'hunter22';",
    'if password == "swordfish":',
    'if (password === "hunter!!") {',
    "git clone ssh://deploy-user-of-team-01@git.example.com/app.git",
    "login ci password hunter-22 is not a line of a .netrc",
    "token: 1234567890123456789",
])  # fmt: skip
def test_the_same_form_without_a_secret_stays(text: str) -> None:
    assert redactor.redact(text).text == text


@pytest.mark.parametrize("secret", ["hunter22", "Hunter22", "b@d!word"])
def test_what_a_database_is_told_to_know_a_user_by(secret: str) -> None:
    for words in ("by", "WITH mysql_native_password BY", "BY PASSWORD"):
        text = f"CREATE USER app IDENTIFIED {words} '{secret}';"
        assert secret not in redactor.redact(text).text, text
    assert redactor.redact("IDENTIFIED BY 'password'").text == "IDENTIFIED BY 'password'"


def test_a_private_key_that_is_cut_off_ends_where_its_lines_do() -> None:
    begin = "-----BEGIN " + "RSA PRIVATE KEY-----"
    lines = "\n".join(["MIIEowIBAAKCAQEAu1SU1LfVLPHCozMxH2Mo4lgOEePzNm0tRgeLezV6ffAt0gun"] * 3)
    redacted = redactor.redact(f"before\n{begin}\n{lines}\nThis is what was said after it.\n").text
    assert "MIIE" not in redacted
    assert redacted.startswith("before\n") and redacted.endswith("\nThis is what was said after it.\n")


@pytest.mark.parametrize("frame", ["{}", "│ {} │", "> {}", "  {}", "+{}", '"{}\\n"'])
@pytest.mark.parametrize(("kind", "headers"), [
    ("PRIVATE KEY", []),
    ("RSA PRIVATE KEY", ["Proc-Type: 4,ENCRYPTED", "DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF", ""]),
    ("PGP PRIVATE KEY BLOCK", [""]),
    ("PGP PRIVATE KEY BLOCK", ["Version: GnuPG v2", "Comment: of a test", ""]),
])  # fmt: skip
def test_no_line_of_a_key_is_left_wherever_it_is_cut_off(kind: str, headers: list[str], frame: str) -> None:
    """What stands between its headers and its body, an empty line, does not end it; one after its body does."""
    random = Random(7)
    alphabet = string.ascii_letters + string.digits + "+/"
    body = ["".join(random.choices(alphabet, k=64)) for _line in range(3)]
    lines = [frame.format(line) for line in [f"-----BEGIN {kind}-----", *headers, *body]]
    for count in range(1, len(body) + 1):
        shown = "\n".join(["before", *lines[: len(headers) + 1 + count], "", "Done"])
        redacted = redactor.redact(shown).text
        assert not [line for line in body if line[:16] in redacted], redacted
        assert redacted.startswith("before\n") and redacted.endswith("\n\nDone")
    framed = "\n".join([*lines[:-1], "│  │", lines[-1], "", "Done"])
    assert body[-1][:16] not in redactor.redact(framed).text, "a frame around nothing does not end it"
    nothing = "\n".join([*lines[: len(headers) + 1], "", "", "Done"])
    assert redactor.redact(nothing).text.endswith("\n\nDone"), "two empty lines end what has no body"


@pytest.mark.parametrize(("others", "is_key"), [(0, True), (2, True), (3, True), (4, False), (8, False)])
def test_a_block_is_a_key_while_a_quarter_of_its_lines_at_most_are_words(others: int, is_key: bool) -> None:
    words = ["    if this line is of the body: continue"] * others
    lines = [*words, *["MIIEowIBAAKCAQEAu1SU1LfVLPHCozMxH2Mo4lgOEePzNm0tRgeLezV6ffAt0gun"] * (12 - others)]
    text = "\n".join(["-----BEGIN " + "RSA PRIVATE KEY-----", *lines, "-----END " + "RSA PRIVATE KEY-----"])
    redacted = redactor.redact(text).text
    assert (redacted.startswith("[REDACTED:") and redacted.endswith("]") and "MIIE" not in redacted) is is_key


def test_source_code_that_names_both_marks_is_no_key() -> None:
    words = "\n".join(f"    if line {number} is of the body: continue  # as in the format" for number in range(40))
    begin, end = "-----BEGIN " + "PRIVATE KEY-----", "-----END " + "PRIVATE KEY-----"
    text = f'start = "{begin}"\n{words}\nend = "{end}"\n'
    assert words in redactor.redact(text).text


@pytest.mark.parametrize("said", [
    "docker run -p 8080:80 nginx", "podman run -p 127.0.0.1:8080:80/tcp nginx",
    "docker login -u me -p $DOCKER_PASSWORD", "docker login -u me -p ${PASSWORD}",
    "redis-cli -a <password>", "redis-cli -a secret",
])  # fmt: skip
def test_an_argument_that_is_a_port_a_variable_or_a_word_is_no_password(said: str) -> None:
    assert redactor.redact(said).text == said


@pytest.mark.parametrize("text", [
    f"Cookie: theme=dark; session={RANDOM}",
    f"Authorization: Bearer {RANDOM}",
    f"https://app.example/cb?code={RANDOM}",
])  # fmt: skip
def test_letters_that_are_longer_in_lower_case_hide_nothing(text: str) -> None:
    """Where a place in the lowered text is another one in the text itself."""
    assert len("İ".lower()) > len("İ")
    for before in ("", "İ" * 5 + " "):
        redacted = redactor.redact(f"{before}{text} İ").text
        assert RANDOM not in redacted and redacted.startswith(before)


@pytest.mark.parametrize("before", ["", "-", "$ ", "/usr/bin/", "./", "\\n"])
@pytest.mark.parametrize("said", [
    "mysql -u root -p{} app", "docker login -u ci -p {} registry.example", "sshpass -p {} ssh a@b",
])  # fmt: skip
def test_a_command_is_known_behind_its_path_and_the_mark_of_a_diff(said: str, before: str) -> None:
    text = f"{before}{said}"
    redacted = redactor.redact(text.format(RANDOM)).text
    start, end = text.split("{}")
    assert redacted.startswith(f"{start}[REDACTED:") and redacted.endswith(f"]{end}")


def test_how_long_a_plain_word_has_to_be_to_count_as_a_value_of_the_environment() -> None:
    assert redactor.redact("API_TOKEN=correcthorsebat").text == "API_TOKEN=correcthorsebat"
    assert redactor.redact("API_TOKEN=correcthorsebatt").text.startswith("API_TOKEN=[REDACTED:")


@pytest.mark.parametrize(("value", "is_it"), [
    ("t7bvzdpbprxtdhvxcw", False),  # three runs of one sort in 18 characters
    ("t7bvzdpbprxtdhvxc", True),
    ("kfrczbsbhvfsrkbzfb", False),
])  # fmt: skip
def test_what_nobody_could_say_is_drawn_at_random_while_its_sorts_of_characters_change(value: str, is_it: bool) -> None:
    assert is_generated(value) is is_it


@pytest.mark.parametrize("shown", [
    "{number:4}\t{line}", "{number}:{line}", "{number:6}→{line}", "> {line}", "-{line}", "+{line}", "{line}\r",
])  # fmt: skip
@pytest.mark.parametrize("text", [
    f"- name: DB_PASSWORD\n  value: {WORD}",
    f"kind: Secret\ndata:\n  user: admin\n  anything: {WORD}\nmore: text",
    f"password: |\n  {WORD}\nmore: text",
    f'variable "token" {{\n  type = string\n  default = "{RANDOM}"\n}}',
])  # fmt: skip
def test_a_block_is_read_whatever_stands_before_and_behind_its_lines(text: str, shown: str) -> None:
    """As viewers, grep, quotations, diffs and Windows show it."""
    lines = [shown.format(number=number, line=line) for number, line in enumerate(text.split("\n"), 8)]
    redacted = redactor.redact("\n".join(lines)).text.split("\n")
    assert WORD not in str(redacted) and RANDOM not in str(redacted)
    assert [line for line in redacted if "[REDACTED" not in line and "user" not in line] == [
        line for line in lines if WORD not in line and RANDOM not in line and "user" not in line
    ]
