# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How to reach a server, as the user's options say it, checked before anything is sent."""

from __future__ import annotations

import os
import re
import warnings
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import urlsplit

from ..version import VERSION
from .body import ACCEPTED_ENCODING
from .durations import LONGEST
from .errors import invalid

# A header line (RFC 9110, 5.1 and 5.5); what else a value may hold is cut to what Python's http.client can encode.
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+: [\t -~\x80-\xff]*")


@dataclass(frozen=True)
class Connection:
    """How to reach a server. Hashable, so that sessions can be kept by it. Times are seconds, sizes bytes."""

    url: str
    token: str = field(repr=False)
    validate_certs: bool = True
    ca_path: str | None = None
    client_cert: str | None = None
    client_key: str | None = None
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    proxy: str | None = field(default=None, repr=False)
    connect_timeout: float = 5.0
    timeout: float = 30.0
    deadline: float = 120.0
    retries: int = 3
    max_response_bytes: int = 256 * 1024 * 1024
    # The file of `coder login` that the token comes from; None where the user gave it.
    session_file: str | None = None

    # Why the session of `coder login` is not used, where it is not, as a sentence.
    no_session: str = ""

    @property
    def exposes_token(self) -> str | None:
        """The host to which the token goes unencrypted over a network; None if it does not."""
        parts = urlsplit(self.url.strip())
        host = parts.hostname or ""
        return host if parts.scheme == "http" and not _is_loopback(host) else None


def _is_loopback(host: str) -> bool:
    """This machine itself, by its address or the name that is reserved for it (RFC 6761, 6.3)."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def checked_url(url: str) -> str:
    """The server's root without a slash at its end. :raises CoderError: kind invalid."""
    if not url:
        hint = "Set 'url' or the environment variable CODER_URL, such as https://coder.example.com, or run"
        raise invalid("no server is given", f"{hint} `coder login`.")
    try:
        parts = urlsplit(url.strip())
        parts.port  # noqa: B018  (raises on a port that is no number)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname or re.search(r"\s", url.strip()):
        raise invalid("'url' is not an http or https address", "Give it like https://coder.example.com.")
    if parts.username or parts.password or parts.query or parts.fragment:
        hint = "Give the bare address of the server, and the token in 'token'."
        raise invalid("'url' holds a user, a query or a fragment", hint)
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def check_limits(connection: Connection) -> None:
    """:raises CoderError: kind invalid, for a time or a size that nothing can keep."""
    for name in ("connect_timeout", "timeout", "deadline"):
        if not 0 < getattr(connection, name) <= LONGEST:
            raise invalid(f"{name!r} has to be more than 0 and at most {LONGEST} s", "Give a duration such as 30s.")
    if connection.max_response_bytes <= 0:
        raise invalid("'max_response_bytes' is not more than 0", "Give a number of bytes.")


def request_headers(connection: Connection) -> dict[str, str]:
    """Headers of every request; the token's wins over one that the user gives. :raises CoderError: kind invalid."""
    token = connection.token.strip()
    if not token:
        hint = "Set 'token' or the environment variable CODER_SESSION_TOKEN; `coder tokens create` makes one."
        raise invalid("no session token is given", f"{hint} {connection.no_session}".rstrip())
    if not re.match(r"^[!-~]+$", token):
        raise invalid(
            "'token' holds a character that no session token has", "Check that it was copied whole, on one line."
        )
    headers = {
        "User-Agent": f"coder.tasks/{VERSION} (Ansible)",
        "Accept": "application/json",
        "Accept-Encoding": ACCEPTED_ENCODING,
    }
    for name, value in connection.headers:
        if not _HEADER.fullmatch(f"{name}: {value}"):
            hint = "A name is a word without spaces, a value one line of Latin-1 text."
            raise invalid(f"the header {name!r} in 'headers' cannot be sent", hint)
        headers[name] = value
    headers["Coder-Session-Token"] = token
    return headers


def trusted(connection: Connection) -> bool | str:
    """What requests calls ``verify``: the option wins over the environment, which counts where no option is set."""
    if not connection.validate_certs:
        return False
    path = connection.ca_path or os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
    if not path:
        return True
    if not os.path.exists(path):
        hint = "Correct 'ca_path' or the variable REQUESTS_CA_BUNDLE."
        raise invalid(f"the certificate authority file {path} does not exist", hint)
    return path


def client_certificate(connection: Connection) -> str | tuple[str, str] | None:
    """What requests calls ``cert``. :raises CoderError: kind invalid, a file is missing."""
    for name, path in (("client_cert", connection.client_cert), ("client_key", connection.client_key)):
        if path and not os.path.exists(path):
            raise invalid(f"the file {path} given in {name!r} does not exist", f"Correct {name!r}.")
    if connection.client_cert and connection.client_key:
        return connection.client_cert, connection.client_key
    return connection.client_cert


def expect_unverified(url: str) -> None:
    """The user asked for no verification of this one host: only its warning is silenced."""
    host = re.escape(urlsplit(url).hostname or "")
    warnings.filterwarnings("ignore", message=rf"Unverified HTTPS request is being made to host '{host}'")
