#!/bin/sh
# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# look.sh FOLDER EXECUTABLE RECORD MARK PYTHON... - what the role wants to know of a workspace, one line each: the home;
# a Python that is new enough, or nothing; the user; the user's run-time folder; whether there is a systemd of the
# user's; what is at the executable's place; our units; the folder of the registry's agentapi module, or nothing; what is
# at the place of the executable that was installed. Then lines `missing=PATH`, one per folder that is not there yet, the
# inner ones first, and lines `record:KEY=VALUE`, which say what the role has made and moved before.
home=$HOME
in_home() { case $1 in \~/*) echo "$home/${1#??}" ;; *) echo "$1" ;; esac; }
folder=$(in_home "$1") executable=$(in_home "$2") record=$(in_home "$3") mark=$4
shift 4
echo "$home"

for name in "$@"; do
    found=$("$name" -I -S -c 'import sys; print(sys.executable if sys.version_info >= (3, 8) else "")' 2>/dev/null)
    # Whatever else answers to that name answers with something else.
    [ -f "$found" ] && [ -x "$found" ] && break
    found=
done
echo "$found"

id -un
XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-/run/user/$(id -u)}
export XDG_RUNTIME_DIR
echo "$XDG_RUNTIME_DIR"
if systemctl --user show-environment >/dev/null 2>&1; then echo yes; else echo no; fi

what_is() {
    if [ -z "$1" ]; then echo
    elif [ -d "$1" ] && [ ! -L "$1" ]; then echo folder
    elif grep -q "$mark" "$1" 2>/dev/null; then echo ours
    elif [ -e "$1" ] || [ -L "$1" ]; then echo foreign
    elif [ -d "$(dirname "$1")" ] || [ "$(dirname "$1")" = "$folder" ]; then echo missing
    else echo nowhere
    fi
}
what_is "$executable"

units=$home/.config/systemd/user
for path in "$units"/coder-tasks-*.service /etc/systemd/system/coder-tasks-*.service; do
    [ ! -e "$path" ] || printf '%s ' "${path##*/}"
done
echo

# Every version of the module, and of those that are made of it, unpacks this script there at each start.
module=
for path in "$home"/*/ "$home"/.[!.]*/ "$home"/.coder-modules/*/*/; do
    [ ! -e "$path/scripts/agentapi-wait-for-start.sh" ] || { module=${path#"$home"/} && break; }
done
echo "${module%/}"

what_is "$(sed -n 's/^executable=//p' "$record" 2>/dev/null)"

for path in "$units/default.target.wants" "$folder" "$(dirname "$record")" \
    "${XDG_STATE_HOME:-$home/.local/state}/coder-tasks"; do
    while [ "$path" != "$home" ] && [ "$path" != / ] && ! [ -e "$path" ]; do
        echo "missing=$path"
        path=$(dirname "$path")
    done
done | sort -ru
sed 's/^/record:/' "$record" 2>/dev/null
exit 0
