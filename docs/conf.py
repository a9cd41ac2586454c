# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sphinx settings of the docsite that ``make docs`` builds from the plugins' own documents."""

from __future__ import annotations

project = title = html_short_title = "coder.tasks"
copyright = "2026, the coder.tasks authors"
extensions = ["sphinx_antsibull_ext"]
html_theme = "sphinx_ansible_theme"
html_show_sphinx = False
html_use_index = False
html_copy_source = False
pygments_style = "ansible"
highlight_language = "YAML+Jinja"
default_role = "any"
# A broken reference is an error. Pages of Ansible itself are not looked up, so that the build needs no network.
nitpicky = True
nitpick_ignore = [
    ("std:ref", "action_plugins"),
    ("std:ref", "ansible_configuration_settings"),
    ("std:ref", "common_return_values"),
    *(("envvar", "ANSIBLE_CACHE_PLUGIN" + end) for end in ("", "_CONNECTION", "_PREFIX", "_TIMEOUT")),
]
