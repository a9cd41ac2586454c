# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask AgentAPI to save its state, and stop it: only a process that is AgentAPI without a doubt."""

from __future__ import annotations

import os
import signal
import time

from .foreign import read_regular

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .deadline import Deadline

_NAME = "agentapi"
_POLL_SECONDS = 0.02


class NotAgentAPI(Exception):
    """The pid file leads to no running AgentAPI; the text says what is there."""


def find_agentapi(pid_file: str, port: int) -> int:
    """The pid in the file, if that process listens on AgentAPI's port, or on none that we see and is called agentapi.

    A pid file outlives its process, and the number may be a stranger's by now.

    :raises NotAgentAPI: the file cannot be read, or leads to no running AgentAPI.
    """
    try:
        text = read_regular(pid_file, 64)[0].decode("ascii", "replace").strip()
    except OSError as error:
        raise NotAgentAPI(f"the pid file {pid_file} cannot be read ({error.strerror or error})") from error
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 1):
        raise NotAgentAPI(f"the pid file {pid_file} holds no pid but {text[:40]!r}")
    pid = int(text)
    if not is_running(pid):
        raise NotAgentAPI(f"no process {pid} is running")
    ports = _listens_on(pid)
    is_agentapi = port in ports if ports else _is_called_agentapi(pid)
    if pid in (os.getpid(), os.getppid()) or not is_agentapi:
        raise NotAgentAPI(f"process {pid} is not AgentAPI")
    return pid


def send(pid: int, number: signal.Signals) -> bool:
    """Send a signal.

    :returns: False if the process is gone or not ours.
    """
    try:
        os.kill(pid, number)
    except OSError:
        return False
    return True


def wait_for_exit(pid: int, deadline: Deadline) -> bool:
    """Wait until the process has ended.

    :returns: False if it still runs at the deadline.
    """
    while is_running(pid):
        left = deadline.left()
        if not left:
            return False
        time.sleep(min(_POLL_SECONDS, left))
    return True


def is_running(pid: int) -> bool:
    """A process that has ended but was not yet collected by its parent does not run."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    try:
        # pid (command) state ...; the command may hold brackets itself.
        stat = read_regular(f"/proc/{pid}/stat", 4096)[0]
    except OSError:
        return not os.path.isdir("/proc/self")
    return stat.rpartition(b")")[2].split()[:1] not in ([b"Z"], [b"X"])


def _is_called_agentapi(pid: int) -> bool:
    try:
        # An upgrade replaces the file of a process that runs.
        if os.path.basename(os.readlink(f"/proc/{pid}/exe")) in (_NAME, f"{_NAME} (deleted)"):
            return True
        command = read_regular(f"/proc/{pid}/cmdline", 1024 * 1024)[0]
        return os.path.basename(command.split(b"\0")[0].decode("utf-8", "replace")) == _NAME
    except OSError:
        return not os.path.isdir("/proc/self") and _name_from_ps(pid) == _NAME


def _listens_on(pid: int) -> set[int]:
    """The TCP ports on which the process listens, as far as that can be seen."""
    ports = {}
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = read_regular(table, 64 * 1024 * 1024)[0].decode("ascii", "replace").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            # sl local_address rem_address st ... inode; 0A is LISTEN.
            fields = line.split()
            if len(fields) > 9 and fields[3] == "0A":
                ports[f"socket:[{fields[9]}]"] = int(fields[1].rpartition(":")[2], 16)
    folder = f"/proc/{pid}/fd"
    try:
        links = [_link(os.path.join(folder, name)) for name in os.listdir(folder)]
    except OSError:
        return set()
    return {ports[link] for link in links if link in ports}


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""


def _name_from_ps(pid: int) -> str:
    """For systems without /proc."""
    import subprocess

    try:
        command = ["ps", "-p", str(pid), "-o", "comm="]
        done = subprocess.run(  # pylint: disable=ansible-bad-function # in a workspace there is no AnsibleModule
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=1, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return os.path.basename(done.stdout.decode("utf-8", "replace").strip())
