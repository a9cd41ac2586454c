#!/bin/sh
# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# look.sh FOLDER EXECUTABLE MARK PYTHON... - what the role wants to know of a workspace, one line each: the home; a
# Python that is new enough, or nothing; the user; the user's run-time folder; whether there is a systemd of the user's;
# whose the executable is; our units; then every folder that is not there yet, the inner ones first.
folder=$1 executable=$2 mark=$3
shift 3
home=$HOME
case $folder in \~/*) folder=$home/${folder#??} ;; esac
case $executable in \~/*) executable=$home/${executable#??} ;; esac
echo "$home"

for name in "$@"; do
    found=$("$name" -I -S -c 'import sys; print(sys.executable if sys.version_info >= (3, 8) else "")' 2>/dev/null)
    [ -z "$found" ] || break
done
echo "$found"

id -un
XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-/run/user/$(id -u)}
export XDG_RUNTIME_DIR
echo "$XDG_RUNTIME_DIR"
if systemctl --user show-environment >/dev/null 2>&1; then echo yes; else echo no; fi

if grep -q "$mark" "$executable" 2>/dev/null; then echo ours
elif [ -e "$executable" ]; then echo foreign
else echo missing
fi

units=$home/.config/systemd/user
for path in "$units"/coder-tasks-*.service /etc/systemd/system/coder-tasks-*.service; do
    [ ! -e "$path" ] || printf '%s ' "${path##*/}"
done
echo

for path in "$units/default.target.wants" "$folder" "${XDG_STATE_HOME:-$home/.local/state}/coder-tasks"; do
    while [ "$path" != "$home" ] && [ "$path" != / ] && ! [ -e "$path" ]; do
        echo "$path"
        path=$(dirname "$path")
    done
done | sort -ru
