# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Options that say which template is meant, beside its name."""

    DOCUMENTATION = r"""
options:
  organization:
    description:
      - Organization of the template, by name or UUID. Needed only if several have a template of this name.
    type: str
  template_version:
    description:
      - Version of the template, by name or UUID. If not set, its active version is used.
    type: str
    aliases: [version]
"""
