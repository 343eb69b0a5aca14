# Sourced by the scripts beside it: a scratch directory, numbered checks, a closing line that counts them.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
mcptrust=${MCPTRUST:-${CARGO_TARGET_DIR:-$root/target}/debug/mcptrust}
cache=${MCPTRUST_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/mcptrust-tests} # programs and packages at pinned versions
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
passed=0 failed=0

[ -x "$mcptrust" ] || { echo "$mcptrust is missing: run cargo build first, or name it in MCPTRUST" >&2; exit 2; }

ok() { passed=$((passed + 1)); echo "ok   $*"; }
bad() { failed=$((failed + 1)); echo "FAIL $*"; sed 's/^/     | /' "$scratch/out" | tail -n 30; }

expect() { # STATUS DESCRIPTION COMMAND... ; runs it, its output in $scratch/out, and compares the exit status
  local want=$1 what=$2 got=0; shift 2
  "$@" >"$scratch/out" 2>"$scratch/err" </dev/null || got=$?
  cp "$scratch/out" "$scratch/stdout"; cat "$scratch/err" >>"$scratch/out"
  if [ "$got" = "$want" ]; then ok "$what"; else echo "exit status $got, expected $want: $*" >>"$scratch/out"; bad "$what"; fi
}
fails() { # DESCRIPTION COMMAND... ; any status but 0, for programs that are not ours
  local what=$1 got=0; shift
  "$@" >"$scratch/out" 2>&1 </dev/null || got=$?
  if [ "$got" != 0 ]; then ok "$what"; else echo "succeeded: $*" >>"$scratch/out"; bad "$what"; fi
}
says() { # DESCRIPTION TEXT ; the last command's output holds this text
  if grep -qF -- "$2" "$scratch/out"; then ok "$1"; else echo "does not say: $2" >>"$scratch/out"; bad "$1"; fi
}
summary() { echo "$passed passed, $failed failed"; [ "$failed" = 0 ]; }

venv() { # REQUIREMENTS ; a Python environment with exactly these packages, made once; prints its directory
  local home; home=$cache/python-$(sha256sum "$1" | cut -c1-16)
  if [ ! -e "$home/complete" ]; then
    rm -rf "$home"
    { python3 -m venv "$home" && "$home/bin/pip" install -q -r "$1"; } >&2
    touch "$home/complete"
  fi
  echo "$home"
}
