# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deliver what an earlier stop could only spool."""

from __future__ import annotations

import os

from .capture import missing_setting, send_now
from .deadline import Deadline
from .spool import Spool

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .deliver import Delivery
    from .reporter import Reporter
    from .settings import Settings


def flush(settings: Settings, report: Reporter) -> int:
    """Deliver the spooled captures (of the task in the environment, or of all) and return 0 when none is left."""
    spool = Spool(settings.environ)
    deadline = Deadline(settings.deadline)
    task_ids = [settings.task_id] if settings.task_id else spool.task_ids()
    left = [task_id for task_id in task_ids if spool.get(task_id) is not None]
    if not left:
        report.say("nothing", "No log snapshot is waiting to be delivered")
        return 0
    missing = missing_setting(settings)
    if missing is not None:
        report.error("not_delivered", f"{missing} not set, cannot deliver log snapshot")
        return 1
    for task_id in left:
        flush_task(settings, task_id, spool, report, deadline)
    return 1 if any(spool.get(task_id) for task_id in left) else 0


def flush_task(settings: Settings, task_id: str, spool: Spool, report: Reporter, deadline: Deadline) -> Delivery | None:
    """Deliver what the spool has of one task.

    :returns: how that ended; None: it has nothing, or not any more.
    """
    lock = spool.lock_delivery(task_id, deadline)
    try:
        # Only now: while we waited another one may have delivered it, or something newer.
        captured = spool.get(task_id)
        if captured is None:
            return None
        report.say("posting", f"Posting spooled log snapshot of task {task_id} to Coder instance", task_id=task_id)
        return send_now(settings, captured, spool, report, deadline, kept=spool.folder)[1]
    finally:
        if lock is not None:
            os.close(lock)
