# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Planted secrets in the places where agents leave them, and innocent text that looks like them.

The secrets are random and put together at run time, so that no scanner of this repository finds one.
"""

from __future__ import annotations

import base64
import random
import string
from typing import NamedTuple

HEX = "0123456789abcdef"
ALNUM = string.ascii_letters + string.digits
URLSAFE = ALNUM + "_-"


class Plant(NamedTuple):
    """A text with a secret in it. `hard`: neither shape nor surroundings give it away, so the rules cannot find it."""

    kind: str
    context: str
    text: str
    secret: str
    hard: bool = False


def _tokens(rng: random.Random) -> dict[str, str]:
    def some(alphabet: str, length: int) -> str:
        return "".join(rng.choices(alphabet, k=length - 2)) + "".join((rng.choice("bdfhk"), rng.choice("2345")))

    def b64(data: str) -> str:
        return base64.urlsafe_b64encode(data.encode()).decode().rstrip("=")

    return {
        "anthropic": "sk-" + "ant-api03-" + some(URLSAFE, 93),
        "openai project": "sk-" + "proj-" + some(URLSAFE, 120),
        "openai": "sk-" + some(ALNUM, 48),
        "openrouter": "sk-" + "or-v1-" + "".join(rng.choices(HEX, k=64)),
        "github": "gh" + "p_" + some(ALNUM, 36),
        "github server": "gh" + "s_" + some(ALNUM, 36),
        "github fine-grained": "github_" + "pat_" + some(ALNUM, 22) + "_" + some(ALNUM, 59),
        "gitlab": "gl" + "pat-" + some(ALNUM, 20),
        "aws id": "AK" + "IA" + "".join(rng.choices(string.ascii_uppercase + "234567", k=16)),
        "google": "AI" + "za" + some(URLSAFE, 35),
        "google oauth": "ya" + "29." + some(URLSAFE, 120),
        "slack": "xo" + "xb-" + some(string.digits, 12) + "-" + some(ALNUM, 24),
        "stripe": "sk" + "_live_" + some(ALNUM, 24),
        "sendgrid": "S" + "G." + some(ALNUM, 22) + "." + some(ALNUM, 43),
        "mailgun": "key" + "-" + "".join(rng.choices(HEX, k=32)),
        "npm": "np" + "m_" + some(ALNUM, 36),
        "pypi": "py" + "pi-AgEI" + some(URLSAFE, 150),
        "docker": "dc" + "kr_pat_" + some(ALNUM, 27),
        "hugging face": "h" + "f_" + some(ALNUM, 34),
        "groq": "gs" + "k_" + some(ALNUM, 52),
        "databricks": "da" + "pi" + "".join(rng.choices(HEX, k=32)),
        "digitalocean": "do" + "p_v1_" + "".join(rng.choices(HEX, k=64)),
        "vault": "hv" + "s." + some(ALNUM, 24),
        "terraform": some(ALNUM, 14) + ".atl" + "asv1." + some(ALNUM, 67),
        "shopify": "sh" + "pat_" + "".join(rng.choices(HEX, k=32)),
        "atlassian": "AT" + "ATT3" + some(URLSAFE, 180),
        "linear": "li" + "n_api_" + some(ALNUM, 40),
        "grafana": "gl" + "sa_" + some(ALNUM, 32) + "_" + "".join(rng.choices(HEX, k=8)),
        "telegram": "".join(rng.choices(string.digits, k=10)) + ":A" + "A" + some(URLSAFE, 33),
        "age": "AGE-" + "SECRET-KEY-1" + "".join(rng.choices(string.ascii_uppercase + string.digits, k=58)),
        "jwt": b64('{"alg":"HS256"}') + "." + b64(f'{{"sub":"{some(ALNUM, 40)}"}}') + "." + some(URLSAFE, 43),
        "coder": some(ALNUM, 10) + "-" + some(ALNUM, 22),
    }


_CONTEXTS = {
    "alone": "{}",
    "sentence": "I used {} to log in, and it worked.",
    "shell": "$ export SERVICE_CREDENTIAL={} && make deploy",
    "json": '{{"user": "alice", "value": "{}", "ttl": 3600}}',
    "yaml": "deploy:\n  value: {}\n  retries: 3",
    "url query": "GET https://api.example.com/v1/items?auth={}&page=2",
    "header": "curl -H 'Authorization: Bearer {}' https://api.example.com",
    "coloured": "value: \x1b[33m{}\x1b[0m set",
}


def _wrapped(text: str, width: int, indent: str = "", border: str = "") -> str:
    lines = [text[at : at + width] for at in range(0, len(text), width)]
    return "\n".join(f"{indent}{line.ljust(width) if border else line}{border}" for line in lines)


def _formless(rng: random.Random) -> list[Plant]:
    """Secrets that only their surroundings give away."""
    plants = []
    for index in range(6):
        word = "".join(rng.choices(ALNUM, k=18)) + "x7"
        uuid = "-".join("".join(rng.choices(HEX, k=size)) for size in (8, 4, 4, 4, 12))
        aws = "".join(rng.choices(ALNUM + "+/", k=38)) + "Qz"
        for context, text, secret in (
            ("env", "DB_PASSWORD={}", word),
            ("env", "export STRIPE_SECRET='{}'", word),
            ("agent token", "CODER_AGENT_TOKEN={}", uuid),
            ("aws config", "aws_secret_access_key = {}", aws),
            ("json", '{{"client_secret": "{}", "id": 4}}', word),
            ("escaped json", '{{\\"api_key\\": \\"{}\\"}}', word),
            ("yaml", "database:\n  password: {}\n", word),
            ("camel case", 'const apiKey = "{}";', word),
            ("header", "X-Api-Key: {}", word),
            ("basic", "Authorization: Basic {}", base64.b64encode(word.encode()).decode().rstrip("=")),
            ("cookie", "Cookie: theme=dark; session={}; lang=en", word),
            ("set-cookie", "< set-cookie: sid={}; Path=/; HttpOnly", word),
            ("url", "postgres://app:{}@db.internal:5432/app", word),
            ("git remote", "https://x-access-token:{}@github.com/o/r.git", word),
            ("flag", "mysqldump --password={} app", word),
            ("flag", "vault login --token {} -no-store", word),
            ("curl user", "curl -u admin:{} https://host/", word),
            ("connection string", "AccountName=x;AccountKey={};EndpointSuffix=y", aws),
        ):
            plants.append(Plant("formless", context, text.format(secret), secret))
        for context, text, secret in (
            ("prose", "the password for the staging box is {}", word),
            ("table", "| admin | {} |", word),
            ("bare aws secret", "{}", aws),
            ("positional", "htpasswd -b users alice {}", word),
        ):
            if index < 3:
                plants.append(Plant("formless", context, text.format(secret), secret, hard=True))
    return plants


def _private_keys(rng: random.Random) -> list[Plant]:
    body = "".join(rng.choices(ALNUM + "+/", k=640))
    lines = [body[at : at + 64] for at in range(0, len(body), 64)]
    plants = []
    for label in ("RSA ", "EC ", "OPENSSH ", ""):
        begin, end = (f"-----{side} {label}PRIVATE" + " KEY-----" for side in ("BEGIN", "END"))
        block = "\n".join([begin, *lines, end])
        for context, text in (
            ("block", f"cat id\n{block}\ndone"),
            ("indented", "\n".join("    " + line for line in block.split("\n"))),
            ("framed", "\n".join(f"│ {line.ljust(70)} │" for line in block.split("\n"))),
            ("json", '{"private_key": "' + block.replace("\n", "\\n") + '"}'),
            ("end cut off", "\n".join([begin, *lines])),
            ("beginning cut off", "\n".join([*lines[3:], end])),
        ):
            plants.append(Plant("private key", context, text, lines[4]))
    return plants


def plants() -> list[Plant]:
    """Every planted text; the same ones on each call."""
    rng = random.Random(20260601)
    result = []
    for _round in range(3):
        for kind, token in _tokens(rng).items():
            result += [Plant(kind, name, template.format(token), token) for name, template in _CONTEXTS.items()]
            for width, indent, border in ((67, "", ""), (80, "  ", ""), (76, "│ ", " │")):
                lead = "value: ".rjust(width - min(len(token) // 2, 40), ".")  # about half of the token fits
                text = _wrapped(lead + token, width, indent, border)
                result.append(Plant(kind, f"wrapped at {width}", f"● Bash(env)\n{text}\n\nDone.", token))
    return result + _formless(rng) + _private_keys(rng)


def leaks(plant: Plant, redacted: str) -> bool:
    """Whether eight characters in a row of the secret are left, also over a wrapped line."""
    flat = "".join(char for char in redacted if char not in " \n│")
    return any(plant.secret[at : at + 8] in text for at in range(len(plant.secret) - 7) for text in (redacted, flat))


INNOCENT = r"""
PASSWORD: must contain at least 12 characters and one digit
The token is stored in the secret named coder-token.
max_tokens: 4096
"max_tokens": 200000, "total_tokens": 18231
input_tokens=1234567890 output_tokens=98765
token: string
secret: required
password: str = Field(min_length=12)
password = os.environ["DB_PASSWORD"]
token = config.auth.access_token
api_key = get_api_key(request)
const token = await fetchToken(session);
self.secret_key = settings.SECRET_KEY
API_KEY=${API_KEY}
API_KEY=$OPENAI_API_KEY
API_KEY=<your-api-key>
export TOKEN="$(cat /run/secrets/token)"
SSH_KEY=~/.ssh/id_ed25519
PRIVATE_KEY=/etc/ssl/private/server.key
TOKEN_FILE=/var/run/secrets/token
password: "********"
password: "{{ vault_db_password }}"
api_key: !vault |
PRIMARY_KEY=id
primary key: user_id
cache-key: linux-node-modules-v2
key: linux-node-20.11.1-package-lock
sort_key=created_at
foreign key (owner_id) references users (id)
keyboard=us layout=dvorak
publicKey: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl alice@laptop
commit 9fceb02d0ae598e95dc970b74767f19372d61af8
index 83db48f..bf2a3d1 100644
sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
sha512-abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/abcdefghijklmnopqrstuv==
"integrity": "sha512-4zhkPbL2xqQ0S7Zz6pX5bqk5mR2xYqUuFQjS7tXjvW7oZcQ1uB7dJ3m1wZ6X=="
workspace 0c3f1f9e-8d53-4c8e-9a53-5f1f0f4a1f6b started
id: 7d9f1c4e-1111-4222-8333-444455556666
task-idle-7f6d5b9c4-x2v8q 1/1 Running 0 4m
gke-cluster-1-default-pool-8a7b6c5d-xk2p
arn:aws:iam::123456789012:role/deploy
https://github.com/coder/coder/pull/21771
https://user@example.com/path
ssh://git@github.com/coder/coder.git
git@github.com:coder/coder.git
http://localhost:3284/status
mailto:alice@example.com
author: Alice <alice@example.com>
-----BEGIN CERTIFICATE-----
-----BEGIN PUBLIC KEY-----
Look for "BEGIN RSA PRIVATE KEY" in the file.
eyJ is how every JWT begins
the sk- prefix means a secret key; ghp_ is for GitHub
sk-learn and sk-image are Python packages
monkey-patching and turkey-shoot
risk-free disk-usage task-list
AKIA is the prefix of an access key id
SKIPPED 12 tests
Cookie: a small text file that a site stores
Set the cookie and reload the page.
Authorization: required for every endpoint
Bearer authentication is described in RFC 6750.
basic authentication with a bearer token
curl -u user https://host/
docker run -u 1000:1000 image
chown -R 1000:1000 /home/coder
ls --color=auto --key value
pytest --tokenizer fast --keyword foo
git log --pretty=format:%h --author=alice
npm_config_cache=/home/coder/.npm
hf_hub_download is imported
dapi is short for data API
hvs. is not a word
kubernetes-deployment-manifests-generator
AbstractSingletonProxyFactoryBean-configuration
internationalization-ImplementationDetailsX
def test_password_is_hashed(self):
assert response.json()["token"] is not None
if (password !== confirmPassword) { return; }
password_hash: bcrypt
passwordless: true
Enter passphrase (empty for no passphrase):
sudo: a password is required
pass: 12 fail: 0 skip: 3
tests pass=118 fail=2
compass: north
bypass=false
pwd: /home/coder/project
PWD=/home/coder/project
OLDPWD=/home/coder
SECRET_NAME=database-credentials
secretName: tls-certificate
credentials: include
monkey: banana
x = {"key": "value"}
for key, value in items.items():
| key | token | secret |
next_token = tokens[index + 1]
token = tokens.pop()
csrf_token = request.form["csrf_token"]
""".strip().split("\n")
"""Lines of which not one character may change."""
