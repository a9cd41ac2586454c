# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Options of every module that calls Coder with a user's token."""

    DOCUMENTATION = r"""
options:
  url:
    description:
      - Address of the Coder server, such as V(https://coder.example.com).
      - If not set, the environment variable E(CODER_URL) is used, else the server of C(coder login).
      - With V(http://) the token is sent unencrypted; that is warned of unless the server is on the same machine.
    type: str
  token:
    description:
      - Session token of the user on whose behalf Coder is called; C(coder tokens create) makes one.
      - If not set, the environment variable E(CODER_SESSION_TOKEN) is used, else the session that C(coder login) left
        in its configuration folder, E(CODER_CONFIG_DIR), on the machine where the module runs. It is sent only to the
        server that it was made for. A session in the keyring of the operating system is not read.
      - It is sent to O(url) only; a redirect is never followed.
    type: str
  validate_certs:
    description:
      - Whether the server's TLS certificate is verified.
    type: bool
    default: true
  ca_path:
    description:
      - File or folder with the certificate authorities to trust.
      - It wins over E(REQUESTS_CA_BUNDLE) and E(CURL_CA_BUNDLE), which are used if it is not set.
    type: path
  client_cert:
    description:
      - File with a TLS client certificate in PEM form, and its key if O(client_key) is not set.
    type: path
  client_key:
    description:
      - File with the key of O(client_cert).
    type: path
  headers:
    description:
      - Further headers for every request, for example for a proxy in front of Coder that authenticates.
      - Values of eight characters or more are kept out of every output.
    type: dict
  proxy:
    description:
      - Address of the HTTP proxy to use.
      - If not set, E(HTTPS_PROXY), E(HTTP_PROXY) and E(NO_PROXY) are honoured.
    type: str
  connect_timeout:
    description:
      - Longest time to wait for a connection, in seconds or with units, such as V(10s).
    type: str
    default: 5s
  deadline:
    description:
      - Longest time that one request may take in all, from the look-up of the server's name to the last byte, with its
        retries, the pauses between them and waits for the server's rate limit.
      - In seconds or with units, such as V(5m).
      - The pages of a list count as one request.
    type: str
    default: 2m
  retries:
    description:
      - How often a failed request is tried again.
      - A request whose repetition could do something twice is tried again only if the server cannot have processed
        it.
      - A request that only reads is tried again after a lost connection and after the statuses 500, 502, 503 and 504,
        until O(deadline).
    type: int
    default: 3
  max_response_bytes:
    description:
      - Most bytes that the server's answer to one request may have, unpacked. A longer one is not read to its end.
      - It bounds the memory that a server, or whatever answers in its place, can take.
      - The pages of a list count as one answer.
    type: int
    default: 268435456
requirements:
  - requests
notes:
  - What is about tasks works with Coder 2.27 to 2.37, what is about chats with Coder 2.33 and newer.
  - Tasks end with Coder. From 2.36 on the server hides them unless E(CODER_ENABLE_AI_TASKS) is true there, and 2.38
    removes them for chats; its migration deletes every conversation, so save them before with M(coder.tasks.archive).
    This collection will therefore end the support of tasks with the last Coder release that has them, and say so at
    least one major version before; nothing is deprecated yet.
"""

    # Apart from the rest, because a send has a longer default.
    TIMEOUT = r"""
options:
  timeout:
    description:
      - Longest time to wait for the next part of an answer, in seconds or with units, such as V(1m).
    type: str
    default: 30s
"""

    # Of plugins that find the two themselves in the environment. Listed in front of the rest, which it wins over.
    ENVIRONMENT = r"""
options:
  url:
    description:
      - Address of the Coder server, such as V(https://coder.example.com).
    env:
      - name: CODER_URL
  token:
    description:
      - Session token of the user on whose behalf Coder is called. It is not put into any variable.
    env:
      - name: CODER_SESSION_TOKEN
"""
