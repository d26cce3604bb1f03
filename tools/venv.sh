#!/bin/sh
# Makes .venv, or brings it up to date; does nothing when it is.
#
#     tools/venv.sh run    what Strongroom needs to run (requirements.lock)
#     tools/venv.sh dev    that, and what building and testing it needs (requirements-dev.lock)
#
# Every package is a wheel whose hash the lock file knows; nothing is built here. The program itself
# is put into the environment as it lies in src/, without the network.
set -eu
cd "$(dirname "$0")/.."
root=$(pwd -P)

say() { printf '%s\n' "$*" >&2; }

case "${1-}" in
    run) lock=requirements.lock ;;
    dev) lock=requirements-dev.lock ;;
    *) say "usage: tools/venv.sh run|dev"; exit 2 ;;
esac

# 1. Nothing to do? A stamp holds what the environment was made from, and where: it cannot be moved.
key() { { cat "$1" tools/venv.sh; printf '%s\n' "$root"; } | sha256sum | cut -d ' ' -f 1; }
stamped() { [ -x .venv/bin/python ] && [ "$(cat ".venv/$1" 2>/dev/null)" = "$(key "$1")" ]; }
if stamped "$lock"; then exit 0; fi

# 2. A Python that is new enough.
new_enough='import sys; sys.exit(sys.version_info < (3, 11))'
python=
for candidate in "${PYTHON:-python3}" python3.11 python3.12 python3.13 python3.14; do
    if "$candidate" -c "$new_enough" 2>/dev/null; then python=$candidate; break; fi
done
if [ -z "$python" ]; then
    say "Strongroom needs Python 3.11 or newer, and there is none here (looked for python3,"
    say "python3.11 to python3.14; PYTHON=/path/to/python names another)."
    say "On Debian 12 or Ubuntu 24.04: sudo apt-get install python3 python3-venv"
    exit 1
fi

# 3. Debian keeps the parts that make environments in a package of their own.
can_make_environments() { "$python" -c 'import ensurepip, venv; ensurepip.version()' 2>/dev/null; }
if ! can_make_environments; then
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        say "Installing python$version-venv, which Python needs to make an environment ..."
        apt-get update -qq >/dev/null
        DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -qq --no-install-recommends "python$version-venv" >/dev/null
    fi
    if ! can_make_environments; then
        say "This Python cannot make virtual environments: a part of it is not installed."
        say "On Debian or Ubuntu: sudo apt-get install python$version-venv"
        exit 1
    fi
fi

# 4. The environment. One that was moved, or whose Python has gone, is made anew.
if ! { .venv/bin/python -c "$new_enough" && grep -qF "$root/.venv" .venv/bin/activate; } 2>/dev/null
then
    rm -rf .venv
    "$python" -m venv .venv
fi
rm -f .venv/requirements.lock .venv/requirements-dev.lock # until all of it is done

# 5. The libraries.
say "Installing the libraries of $lock into .venv ..."
# -I: no variable and no file of the person who installs decides what Python loads.
.venv/bin/python -I -m pip install --quiet --disable-pip-version-check --no-input \
    --require-hashes --only-binary :all: --requirement "$lock"

# 6. The programs: a line that leads to src/, and their commands.
site=$(.venv/bin/python -I -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
printf '%s\n' "$root/src" >"$site/strongroom.pth"
quoted=$(printf '%s' "$root" | sed "s/'/'\\\\''/g")
launcher() {
    cat >".venv/bin/$1.new" <<LAUNCHER
#!/bin/sh
# -I: neither the folder where it is started nor a variable can slip a module of its own in.
exec '$quoted/.venv/bin/python' -I -m $2 "\$@"
LAUNCHER
    chmod 755 ".venv/bin/$1.new"
    mv ".venv/bin/$1.new" ".venv/bin/$1"
}
launcher strongroom strongroom.cli
launcher strongroom-verify strongroom.verify
launcher strongroom-witness strongroom.witness
.venv/bin/python -I -m compileall -q src

# 7. Both locks name the same versions, so that who has all of dev has all of run.
if [ "$lock" = requirements-dev.lock ]; then key requirements.lock >.venv/requirements.lock; fi
key "$lock" >".venv/$lock"
