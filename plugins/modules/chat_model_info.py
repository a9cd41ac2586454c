#!/usr/bin/python
# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: chat_model_info
short_description: Read the models that a chat can be given
version_added: 1.0.0
description:
  - Returns the models of an organization, and why those that cannot be used cannot.
  - Up to Coder 2.36 all organizations share one list.
  - Those who may not configure models may be shown only those that are enabled.
author:
  - the coder.tasks authors (@coder)
extends_documentation_fragment:
  - coder.tasks.connection
  - coder.tasks.connection.timeout
  - coder.tasks.fields
  - coder.tasks.attributes
  - coder.tasks.attributes.info
  - coder.tasks.attributes.api
options:
  organization:
    description:
      - The organization, by name or UUID; V(default) is the default one.
    type: str
    default: default
  usable:
    description:
      - Return only models that can be used, or with V(false) only those that cannot. If not set, all are returned.
    type: bool
seealso:
  - module: coder.tasks.server_info
"""

EXAMPLES = r"""
- name: Which models a chat can be made with
  coder.tasks.chat_model_info:
    usable: true
    fields: brief

- name: Why the others cannot be used
  coder.tasks.chat_model_info:
    usable: false
    fields: [model, provider, reason]
"""

RETURN = r"""
models:
  description:
    - The models, the default one first, the others by provider and name.
  type: list
  elements: dict
  returned: success, and as an empty list on failure
  contains:
    id:
      description: UUID of the model, which a new chat is given.
      type: str
      returned: unless O(fields) leaves it out
      sample: c2b67dd9-d53d-4188-ac99-7d2f5528d628
    model:
      description: Its name, as its provider calls it.
      type: str
      returned: unless O(fields) leaves it out
      sample: claude-sonnet-4-5
    display_name:
      description: Its title.
      type: str
      returned: unless O(fields) leaves it out
      sample: Claude Sonnet
    provider:
      description: Type of its provider; null where the server does not tell.
      type: str
      returned: unless O(fields) leaves it out
      sample: anthropic
    provider_id:
      description: UUID of its provider; null where the server does not tell.
      type: str
      returned: unless O(fields) leaves it out
      sample: eb882630-69c7-41b0-afcf-31805fab1c31
    default:
      description: Whether a new chat gets it if none is named.
      type: bool
      returned: unless O(fields) leaves it out
      sample: true
    enabled:
      description: Whether it is switched on.
      type: bool
      returned: unless O(fields) leaves it out
      sample: true
    usable:
      description: Whether a chat can be made with it now, as far as the server knows without asking its provider.
      type: bool
      returned: unless O(fields) leaves it out
      sample: false
    reason:
      description:
        - Why it cannot be used; null where it can.
        - V(model_disabled) or V(provider_disabled), that is switched off.
        - V(missing_api_key), its provider has no key. V(user_api_key_required), the token's user has to give one.
        - V(fetch_failed), the server could not ask the provider.
        - V(unsupported_provider), chats cannot work with such a provider.
        - V(not_offered), the server does not say why. Up to Coder 2.36 that is also a provider that is switched off
          or has no key.
      type: str
      returned: unless O(fields) leaves it out
      sample: missing_api_key
    context_limit:
      description: How many tokens it can take in; null where the server does not tell.
      type: int
      returned: unless O(fields) leaves it out
      sample: 200000
    reasoning_efforts:
      description: Efforts that a chat may ask of it, the least first; empty where it takes none, or is not told.
      type: list
      elements: str
      returned: unless O(fields) leaves it out
      sample: [low, medium, high]
# begin scripts/returns/failure.yml {path: /api/v2/organizations/default}
failure:
  description: What went wrong, for playbooks to branch on.
  type: dict
  returned: failure
  contains:
    # begin scripts/returns/failure_keys.yml {path: /api/v2/organizations/default}
    kind:
      description:
        - "One of V(auth), V(forbidden), V(not_found), V(unsupported), V(invalid), V(conflict), V(busy),
          V(unavailable), V(rate_limited), V(server), V(network), V(tls), V(timeout), V(protocol), V(build_failed),
          V(wait_timeout), V(library), V(io), V(internal)."
      type: str
      returned: always
      sample: not_found
    status:
      description: HTTP status of the answer.
      type: int
      returned: where the server answered
      sample: 404
    method:
      description: HTTP method of the request.
      type: str
      returned: where a request was made
      sample: GET
    path:
      description: Path of the request.
      type: str
      returned: where a request was made
      sample: /api/v2/organizations/default
    detail:
      description: The server's further words.
      type: str
      returned: where the server gave any
      sample: 'Task status is "paused".'
    validations:
      description: What the server said of single fields.
      type: list
      elements: dict
      returned: where the server gave any
      sample: []
    attempts:
      description: How often the request was tried.
      type: int
      returned: where a request was made
      sample: 1
    # end scripts/returns/failure_keys.yml
# end scripts/returns/failure.yml
"""

from ansible_collections.coder.tasks.plugins.module_utils.adapter import run_module
from ansible_collections.coder.tasks.plugins.module_utils.operations import chat_model_info


def main() -> None:
    run_module(chat_model_info)


if __name__ == "__main__":
    main()
