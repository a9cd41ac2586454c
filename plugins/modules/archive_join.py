#!/usr/bin/python
# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: archive_join
short_description: Join the shards that several machines have collected into one archive
version_added: 1.0.0
description:
  - Takes a folder that has one archive per shard, as M(coder.tasks.archive) fills them with
    O(coder.tasks.archive#module:shard), and writes at its top what makes them one archive. That is the pages and the
    table about all conversations, a manifest of the manifests with the seal of each shard, and a seal and checksums
    over these. The shards stay as they are.
  - The folder can then be given to all that takes an archive, such as M(coder.tasks.archive) with
    O(coder.tasks.archive#module:state=verified) or V(evacuated). What is saved there later goes to the shard that it
    belongs to. After a collector has written to its shard again, join anew; until then the top is not intact.
  - It fails, writes nothing and names each reason where the shards are not the whole of one deployment. They have to be
    of one number of shards, one server, one key and one choice of conversations. None may be missing, be there twice or
    share a conversation with another. The last run of each has to have ended, and none may be stale.
  - It asks no server.
author:
  - the coder.tasks authors (@coder)
extends_documentation_fragment:
  - coder.tasks.attributes
attributes:
  action_group:
    description: Use C(group/coder.tasks.archive) in C(module_defaults) to set options for all modules of this group.
    support: full
    membership:
      - coder.tasks.archive
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
options:
  path:
    description:
      - Folder with the folders of the shards, whatever these are called.
      - Each folder in it that is an archive counts as a shard. A mounted one or a link to one counts, too.
    type: path
    required: true
  redaction_key:
    description:
      - The key that all shards were collected with. If not set, the one in the configuration folder of the user who
        runs this.
    type: str
  stale_after:
    description:
      - A shard is stale if its last run began so much earlier than that of the newest one, in seconds or with units,
        such as V(6h). Times are those of the server, so that the clocks of the collectors do not matter.
    type: str
    default: 12h
requirements:
  - jinja2
seealso:
  - module: coder.tasks.archive
  - module: coder.tasks.archive_info
"""

EXAMPLES = r"""
- name: Make one archive of what four collectors have saved
  coder.tasks.archive_join:
    path: /srv/coder-archive
    redaction_key: "{{ archive_key }}"

- name: Prove that it is whole
  coder.tasks.archive:
    path: /srv/coder-archive
    state: verified
    all_owners: true
    expect_scope: deployment
    redaction_key: "{{ archive_key }}"
"""

RETURN = r"""
archive:
  description: The whole archive.
  type: dict
  returned: success
  contains:
    path:
      description: Its folder.
      type: str
      returned: always
      sample: /srv/coder-archive
    manifest:
      description: File with one line of JSON for each shard.
      type: str
      returned: always
      sample: /srv/coder-archive/shards.jsonl
    checksums:
      description: File that C(sha256sum -c) takes, for the top and for the checksums of each shard.
      type: str
      returned: always
      sample: /srv/coder-archive/SHA256SUMS
    index:
      description: Page about all conversations.
      type: str
      returned: always
      sample: /srv/coder-archive/index.html
    tasks:
      description: Tasks in it.
      type: int
      returned: always
      sample: 1204
    chats:
      description: Chats in it, those of sub-agents too.
      type: int
      returned: always
      sample: 310
    bytes:
      description: Size of their files.
      type: int
      returned: always
      sample: 48210331
shards:
  description: Each shard, in their order, as the manifest of manifests has it.
  type: list
  elements: dict
  returned: success
  contains:
    folder:
      description: Its folder.
      type: str
      returned: always
      sample: shard-2-of-4
    index:
      description: Which shard, counted from 1.
      type: int
      returned: always
      sample: 2
    count:
      description: How many there are.
      type: int
      returned: always
      sample: 4
    tasks:
      description: Tasks in it.
      type: int
      returned: always
      sample: 301
    chats:
      description: Chats in it.
      type: int
      returned: always
      sample: 77
    bytes:
      description: Size of their files.
      type: int
      returned: always
      sample: 12052582
    checksums:
      description: SHA-256 of its C(SHA256SUMS).
      type: str
      returned: always
      sample: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    manifest:
      description: SHA-256 of its C(manifest.jsonl).
      type: str
      returned: always
      sample: 60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752
    seal:
      description: Its seal, C(digest), and the fingerprint of the key that made it, C(key).
      type: dict
      returned: always
      sample: {"digest": "hmac-sha256:9f86d081", "key": "1b2b0b822cd15d6c"}
objections:
  description: Why the shards are not the whole of one deployment, in sentences.
  type: list
  elements: str
  returned: failure because of that
  sample: ["Shard 3 of 4 is missing."]
# begin scripts/returns/failure.yml {path: /srv/coder-archive}
failure:
  description: What went wrong, for playbooks to branch on.
  type: dict
  returned: failure
  contains:
    # begin scripts/returns/failure_keys.yml {path: /srv/coder-archive}
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
      sample: /srv/coder-archive
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

from ansible_collections.coder.tasks.plugins.module_utils.operation_module import run_operation
from ansible_collections.coder.tasks.plugins.module_utils.operations.archive import archive_join


def main() -> None:
    run_operation(archive_join)


if __name__ == "__main__":
    main()
