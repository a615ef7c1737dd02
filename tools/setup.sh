#!/usr/bin/env bash
# Makes .venv: Python 3.12 and the packages in constraints.txt, on a machine that may have only some Python 3.
#
# Safe to run again at any time: with nothing to do it is instant, a change in pyproject.toml, constraints.txt or here
# updates .venv, and an interrupted install starts over (a package half written looks like a whole one).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
unset PYTHONPATH # what lies there is not for the interpreters that this starts

readonly VERSION=3.12
readonly VENV=.venv
readonly BOOTSTRAP=.bootstrap         # a private `uv`, where the machine has none
readonly STAMP=$VENV/.workbench-setup # "unfinished", or the folder and the files that .venv was made from
readonly NEEDED_GB=12                 # uv installs 9.5, pip (which compiles every module) 11

say() { printf 'setup: %s\n' "$*"; }
fail() { say "$*" >&2; exit 1; }

# A command can exist and still not work (a pyenv shim without its version): candidates are run, not looked up.
# Prints the interpreter itself, never a virtual environment's: .venv may be the active one, and about to be replaced.
base_python() {
    "$1" -c "import sys; print(sys._base_executable); sys.exit('%d.%d' % sys.version_info[:2] != '$VERSION')" 2>/dev/null
}

find_python() {
    local candidate path
    for candidate in "python$VERSION" python3 python "$HOME"/.pyenv/versions/"$VERSION".*/bin/python; do
        path=$(base_python "$candidate") && echo "$path" && return
    done
    return 1
}

find_uv() {
    local candidate
    for candidate in uv "$HOME/.local/bin/uv" "$BOOTSTRAP/bin/uv"; do
        "$candidate" --version >/dev/null 2>&1 && echo "$candidate" && return
    done
    return 1
}

bootstrap_uv() {
    local candidate
    for candidate in "$python" python3 python; do
        rm -rf "$BOOTSTRAP"
        if "$candidate" -m venv "$BOOTSTRAP" >/dev/null 2>&1; then
            say "getting uv into $BOOTSTRAP"
            "$BOOTSTRAP/bin/python" -m pip install --quiet --disable-pip-version-check uv
            return
        fi
    done
    return 1
}

download_python() {
    say "getting Python $VERSION with uv"
    "$uv" python install "$VERSION" && python=$("$uv" python find "$VERSION")
}

make_venv() {
    say "making $VENV with $python"
    rm -rf "$VENV"
    mkdir "$VENV"
    echo unfinished >"$STAMP"
    # Some distributions ship Python without its venv module; uv does without.
    "$python" -m venv "$VENV" >/dev/null 2>&1 ||
        { [[ -n $uv ]] && "$uv" venv --quiet --seed --allow-existing --python "$python" "$VENV"; }
}

install_packages() {
    local packages=(--constraint constraints.txt --editable '.[all,dev]')
    if [[ -n $uv ]]; then
        say "installing with uv"
        "$uv" pip install --python "$VENV/bin/python" "${packages[@]}" && return
        say "uv could not install; trying pip, which may be set up for another package index"
    else
        say "installing with pip, which is slower: there is no uv, and it could not be had"
    fi
    "$VENV/bin/python" -m pip install --disable-pip-version-check "${packages[@]}"
}

# ROS sets PYTHONPATH, and a package there called `policy` or `numpy` would come before ours. Python runs the line at
# every start; the name makes it the last of its kind. (For folders that it cannot see: workbench/cli/search_path.py.)
search_pythonpath_last() {
    "$VENV/bin/python" - "$PWD" <<'EOF'
import sys, sysconfig
from pathlib import Path

site = Path(sysconfig.get_path("purelib"))
key = f"{{os.path.abspath(p) for p in (os.environ.get('PYTHONPATH') or os.sep).split(os.pathsep)}} - {{{sys.argv[1]!r}, {str(site)!r}}}"
(site / "zz_pythonpath_last.pth").write_text(f"import os, sys; sys.path.sort(key=({key}).__contains__)\n", "utf-8")
EOF
}

# The folder counts, because scripts in a .venv name its path: one that was moved is made anew.
here="$PWD "
wanted="$here$(cat pyproject.toml constraints.txt tools/setup.sh | cksum)"
venv_works=$(base_python "$VENV/bin/python" || true)
stamp=$(cat "$STAMP" 2>/dev/null || true)
[[ -n $venv_works && $stamp == "$wanted" ]] && exit

remedy="install Python $VERSION and run this again (PYTHON=/path/to/python$VERSION names one that is not found)."
if [[ -n ${PYTHON:-} ]]; then
    python=$(base_python "$PYTHON") || fail "PYTHON=$PYTHON is not a working Python $VERSION."
else
    python=$(find_python || true)
fi
uv=$(find_uv || { bootstrap_uv >&2 && find_uv; } || true)
if [[ -z $python ]]; then
    [[ -n $uv ]] || fail "found neither Python $VERSION nor uv, which could get it: $remedy"
    python=$("$uv" python find "$VERSION" 2>/dev/null) || download_python ||
        fail "uv could not download Python $VERSION: $remedy"
fi

if [[ -n $venv_works && (-z $stamp || $stamp == "$here"*) ]]; then
    say "updating $VENV"
else
    free_gb=$(df -Pk . | awk 'NR == 2 { print int($4 / 1024 / 1024) }')
    ((free_gb >= NEEDED_GB)) || fail "$PWD has $free_gb GB of free disk space and the install needs $NEEDED_GB GB."
    say "Isaac Lab needs PyTorch with its CUDA libraries, on a CPU too: about 4 GB to download, 10 GB on disk"
    make_venv || fail "$python cannot make a virtual environment: install its venv module (Debian: python$VERSION-venv) or uv."
fi
echo unfinished >"$STAMP"
install_packages || fail "the packages could not be installed, for the reason above; running this again starts over."
search_pythonpath_last
echo "$wanted" >"$STAMP"
say "done"
