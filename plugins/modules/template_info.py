#!/usr/bin/python
# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: template_info
short_description: Read the templates that can run tasks
version_added: 1.0.0
description:
  - Returns templates that can run tasks, with the presets and parameters of their active versions.
  - What O(fields) leaves out is not asked for; V(brief) makes one request for all templates.
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
  name:
    description:
      - Template to read, by name or UUID. If not set, all are read.
    type: str
    aliases: [template]
  organization:
    description:
      - Read only templates of this organization, by name or UUID; V(default) is the default one.
    type: str
  versions:
    description:
      - Whether to list each template's versions too.
    type: bool
    default: false
seealso:
  - module: coder.tasks.task
"""

EXAMPLES = r"""
- name: Everything that a task can be made from
  coder.tasks.template_info:
  register: offer

- name: One template with its versions
  coder.tasks.template_info:
    name: ai
    versions: true

- name: What there is, for a person
  coder.tasks.template_info:
    fields: brief
"""

RETURN = r"""
templates:
  description:
    - The templates.
  type: list
  elements: dict
  returned: success, and as an empty list on failure
  contains:
    id:
      description: UUID of the template.
      type: str
      returned: unless O(fields) leaves it out
      sample: a294f866-cf9e-4179-9317-10220fe5e10b
    name:
      description: Its name.
      type: str
      returned: unless O(fields) leaves it out
      sample: ai
    display_name:
      description: Its title.
      type: str
      returned: unless O(fields) leaves it out
      sample: AI agent
    description:
      description: What it is for.
      type: str
      returned: unless O(fields) leaves it out
      sample: An agent in a container
    icon:
      description: Its icon.
      type: str
      returned: unless O(fields) leaves it out
      sample: /emojis/26a1.png
    organization_id:
      description: UUID of its organization.
      type: str
      returned: unless O(fields) leaves it out
      sample: efe617ed-15e3-49b4-ba48-a368e3a528f4
    organization_name:
      description: Name of its organization.
      type: str
      returned: unless O(fields) leaves it out
      sample: coder
    active_version_id:
      description: UUID of the version that new tasks get.
      type: str
      returned: unless O(fields) leaves it out
      sample: 564ecab1-14ee-4abd-9435-095e1057c12c
    deprecated:
      description: Whether no new task can be made from it.
      type: bool
      returned: unless O(fields) leaves it out
      sample: false
    deprecation_message:
      description: Why it is deprecated.
      type: str
      returned: unless O(fields) leaves it out
      sample: ""
    created_at:
      description: When it was created.
      type: str
      returned: unless O(fields) leaves it out
      sample: "2026-11-21T11:09:45.695138Z"
    updated_at:
      description: When it was changed last.
      type: str
      returned: unless O(fields) leaves it out
      sample: "2026-11-21T11:09:45.697492Z"
    presets:
      description: Presets of the active version.
      type: list
      elements: dict
      returned: unless O(fields) leaves it out
      contains:
        id:
          description: UUID of the preset.
          type: str
          returned: always
          sample: ceabeb97-27c5-4079-95d0-4181d32cecde
        name:
          description: Its name.
          type: str
          returned: always
          sample: Fast
        default:
          description: Whether it is the template's default one.
          type: bool
          returned: always
          sample: true
        description:
          description: What it is for.
          type: str
          returned: always
          sample: Quick start
        icon:
          description: Its icon.
          type: str
          returned: always
          sample: /emojis/26a1.png
        parameters:
          description: Parameters that it sets, values by name.
          type: dict
          returned: always
          sample: {region: eu}
    parameters:
      description: Parameters of the active version.
      type: list
      elements: dict
      returned: unless O(fields) leaves it out
      contains:
        name:
          description: Its name.
          type: str
          returned: always
          sample: region
        display_name:
          description: Its title.
          type: str
          returned: always
          sample: Region
        description:
          description: What it is for.
          type: str
          returned: always
          sample: Where to run
        type:
          description: Type of its value.
          type: str
          returned: always
          sample: string
        default:
          description: Its default value.
          type: str
          returned: always
          sample: eu
        required:
          description: Whether a preset must give it, or the call that makes a workspace.
          type: bool
          returned: always
          sample: false
        mutable:
          description: Whether its value can be another one later.
          type: bool
          returned: always
          sample: true
        ephemeral:
          description: Whether a value holds for one build only.
          type: bool
          returned: always
          sample: false
        options:
          description: Values to choose from; empty if any is allowed.
          type: list
          elements: str
          returned: always
          sample: [eu, us]
    versions:
      description: Versions of the template; empty unless O(versions=true).
      type: list
      elements: dict
      returned: unless O(fields) leaves it out
      contains:
        id:
          description: UUID of the version.
          type: str
          returned: always
          sample: 564ecab1-14ee-4abd-9435-095e1057c12c
        name:
          description: Its name.
          type: str
          returned: always
          sample: v1
        message:
          description: What its author wrote.
          type: str
          returned: always
          sample: Newer agent
        active:
          description: Whether new tasks get it.
          type: bool
          returned: always
          sample: true
        archived:
          description: Whether it is archived.
          type: bool
          returned: always
          sample: false
        import_status:
          description: Status of its import; null where the server does not tell it.
          type: str
          returned: always
          sample: succeeded
        created_at:
          description: When it was made.
          type: str
          returned: always
          sample: "2026-11-21T11:09:43.587287Z"
# begin scripts/returns/failure.yml {path: /api/v2/tasks/me/fix-login}
failure:
  description: What went wrong, for playbooks to branch on.
  type: dict
  returned: failure
  contains:
    # begin scripts/returns/failure_keys.yml {path: /api/v2/tasks/me/fix-login}
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
      sample: /api/v2/tasks/me/fix-login
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
from ansible_collections.coder.tasks.plugins.module_utils.operations import template_info


def main() -> None:
    run_module(template_info)


if __name__ == "__main__":
    main()
