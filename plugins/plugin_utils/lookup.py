# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the lookups share: the options of a call, the session, and errors in words."""

from __future__ import annotations

import time
from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible.utils.display import Display

from ansible_collections.coder.tasks.plugins.module_utils.coder.errors import CoderError
from ansible_collections.coder.tasks.plugins.module_utils.coder.session import Session, Sessions
from ansible_collections.coder.tasks.plugins.module_utils.operations.connection import connection_spec, kept_session
from ansible_collections.coder.tasks.plugins.module_utils.operations.context import Context
from ansible_collections.coder.tasks.plugins.plugin_utils.in_process import plain

display = Display()
_sessions = Sessions()


class SessionLookup(LookupBase):
    """Base of the lookups; a subclass says what is found of each term."""

    def run(self, terms: list[Any], variables: Any = None, **options: Any) -> list[Any]:
        """One item per term. :raises AnsibleLookupError: one cannot be had, in a sentence."""
        self.set_options(var_options=variables, direct=options)
        try:
            session = self._session()
            return [self.found(session, str(plain(term))) for term in terms]
        except CoderError as error:
            raise AnsibleLookupError(error.message) from None

    def found(self, session: Session, term: str) -> Any:
        """What a term stands for. :raises CoderError: it cannot be had."""
        raise NotImplementedError

    def _session(self) -> Session:
        params = {name: plain(self.get_option(name)) for name in connection_spec()}
        # A template asks nothing of the server that could change it, so every write is refused.
        context = Context(params=params, check_mode=True, warn=display.warning, clock=time)
        return kept_session(context, _sessions)
