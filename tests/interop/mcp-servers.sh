#!/usr/bin/env bash
# Real MCP servers at pinned versions: lock, sign, verify, diff and relock them; then drift between published versions.
#
#   tests/interop/mcp-servers.sh      needs node, npm, python3 and a built mcptrust
#
# With COSIGN set to cosign's path it also has cosign check the local-key bundle.
. "$(dirname "$0")/lib.sh"

node_home=$cache/npm-$(sha256sum "$here/mcp/package-lock.json" | cut -c1-16)
if [ ! -e "$node_home/complete" ]; then
  rm -rf "$node_home"; mkdir -p "$node_home"
  cp "$here/mcp/package.json" "$here/mcp/package-lock.json" "$node_home"
  npm ci --prefix "$node_home" --ignore-scripts --no-audit --no-fund --loglevel=error >&2
  touch "$node_home/complete"
fi
python1=$(venv "$here/mcp/python-1.txt") python2=$(venv "$here/mcp/python-2.txt")

# a project as a user has it: the servers are named by relative paths, so that the lockfile holds no place of ours
project=$scratch/project; mkdir -p "$project/files"; cd "$project"
ln -s "$node_home/node_modules" node_modules
ln -s "$python1" python1; ln -s "$python2" python2
cp "$here/mcp/weather.py" .
bin=node_modules/.bin

servers=(
  "everything $bin/mcp-server-everything"
  "filesystem $bin/mcp-server-filesystem files"
  "memory $bin/mcp-server-memory"
  "thinking $bin/mcp-server-sequential-thinking"
  "weather-1 ./python1/bin/python weather.py"
  "weather-2 ./python2/bin/python weather.py"
)
expect 0 "keygen" "$mcptrust" keygen
for server in "${servers[@]}"; do
  read -ra words <<<"$server"; name=${words[0]}
  expect 0 "$name: lock" "$mcptrust" lock --name "$name" --lockfile "$name.json" -- "${words[@]:1}"
  [ -s "$name.json" ] || continue
  expect 0 "$name: sign" "$mcptrust" sign --key mcptrust.key --lockfile "$name.json"
  expect 0 "$name: verify" "$mcptrust" verify --key mcptrust.pub --lockfile "$name.json"
  expect 0 "$name: no drift against itself" "$mcptrust" diff "$name" --key mcptrust.pub --lockfile "$name.json"
  cp "$name.json" "$name.before"
  expect 0 "$name: relock" "$mcptrust" lock --name "$name" --lockfile "$name.json" -- "${words[@]:1}"
  expect 0 "$name: the relock is the same to the byte" cmp "$name.before" "$name.json"
  expect 0 "$name: a fresh lock is the same to the byte" bash -c \
    '"$0" lock --name "$1" --lockfile fresh.json -- "${@:2}" && cmp fresh.json "$1.json" && rm fresh.json' "$mcptrust" "${words[@]}"
  expect 0 "$name: nothing of this machine is in the lockfile" bash -c \
    '! grep -nF -e "$0" -e "$1" -e "$HOME/" "$2"' "$project" "$node_home" "$name.json"
done

# all of them at once, from the project's .mcp.json
python3 - "${servers[@]}" <<'PY'
import json, sys
split = [s.split() for s in sys.argv[1:]]
json.dump({"mcpServers": {name: {"command": cmd, "args": args} for name, cmd, *args in split}}, open(".mcp.json", "w"))
PY
expect 0 "all: lock from .mcp.json" "$mcptrust" lock
expect 0 "all: sign" "$mcptrust" sign --key mcptrust.key
expect 0 "all: verify" "$mcptrust" verify --key mcptrust.pub
expect 0 "all: no drift" "$mcptrust" diff --key mcptrust.pub
cp mcp-lock.json mcp-lock.before
expect 0 "all: relock" "$mcptrust" lock
expect 0 "all: the relock is the same to the byte" cmp mcp-lock.before mcp-lock.json
expect 0 "all: each server is as it was when locked alone" python3 -c '
import json, sys
together = json.load(open("mcp-lock.json"))["servers"]
for name in (s.split()[0] for s in sys.argv[1:]):
    assert together[name] == json.load(open(name + ".json"))["servers"][name], name
assert len(together) == len(sys.argv) - 1' "${servers[@]}"

# the modern era was spoken where the server has it
expect 0 "protocol eras: legacy for SDK 1 and the npm servers, modern for SDK 2" python3 -c '
import json
servers = json.load(open("mcp-lock.json"))["servers"]
for name, server in servers.items():
    want = "2026-07-28" if name == "weather-2" else "2025-11-25"
    assert server["protocolVersion"] == want, (name, server["protocolVersion"])'

# drift: what one version declares against what the next one does, as a live diff and as a diff of two lockfiles
findings() { python3 "$here/mcp/findings.py" "$@"; }
drift() { # TITLE NAME BEFORE AFTER EXPECTED... ; BEFORE and AFTER are commands, EXPECTED is for findings.py
  local title=$1 name=$2 before after; read -ra before <<<"$3"; read -ra after <<<"$4"; shift 4
  rm -f before.json after.json
  expect 0 "$title: lock before" "$mcptrust" lock --name "$name" --lockfile before.json -- "${before[@]}"
  expect 0 "$title: lock after" "$mcptrust" lock --name "$name" --lockfile after.json -- "${after[@]}"
  expect 1 "$title: the live server has drifted" \
    "$mcptrust" diff "$name" --format json --lockfile before.json -- "${after[@]}"
  cp "$scratch/stdout" live.out
  expect 0 "$title: the drift is named" findings expected live.out "$@"
  expect 0 "$title: every difference that a naive walk finds is under a finding" findings cover live.out before.json after.json
  expect 1 "$title: so have the two lockfiles" "$mcptrust" diff before.json after.json --format json
  cp "$scratch/stdout" files.out
  expect 0 "$title: with the same findings, but for the source" findings same live.out files.out
  expect 1 "$title: in words" "$mcptrust" diff "$name" --lockfile before.json -- "${after[@]}"
}
fs1="node node_modules/filesystem-2026-1/dist/index.js files" fs7="node node_modules/filesystem-2026-7/dist/index.js files"
fs8="$bin/mcp-server-filesystem files"
drift "filesystem 2026.1.14 to 2026.7.4" filesystem "$fs1" "$fs7" --exactly \
  "annotation-weakened tool move_file /annotations/destructiveHint"
says "a promise that was taken back is critical" CRITICAL
says "and the tool is named" move_file
drift "filesystem 2026.7.4 back to 2026.1.14" filesystem "$fs7" "$fs1" --exactly \
  "annotation-tightened tool move_file /annotations/destructiveHint"
drift "filesystem 2026.7.4 to 2026.8.31" filesystem "$fs7" "$fs8" \
  "description-changed tool read_media_file /description" \
  "annotation-tightened tool write_file /annotations/openWorldHint" \
  "* tool read_media_file /outputSchema/properties/content/items*"
drift "memory 2026.1.26 to 2026.8.31" memory "node node_modules/memory-2026-1/dist/index.js" "$bin/mcp-server-memory" \
  "resource-added resource memory://knowledge-graph *" \
  "capability-added capabilities - /capabilities/resources" \
  "annotation-tightened tool read_graph /annotations*"
for sdk in 1 2; do
  drift "weather on SDK $sdk, changed" weather "./python$sdk/bin/python weather.py" "./python$sdk/bin/python weather.py changed" --exactly \
    "description-changed tool forecast /description" \
    "enum-widened tool forecast /inputSchema/properties/unit/enum" \
    "tool-added tool forget *"
done

# drift is approved by its digest, and only by its digest
rm -f before.json
changed=(--name weather --lockfile before.json -- ./python2/bin/python weather.py changed)
expect 0 "approval: lock" "$mcptrust" lock --name weather --lockfile before.json -- ./python2/bin/python weather.py
cp before.json kept.json
expect 1 "approval: a relock that changes something needs it" "$mcptrust" lock --format json "${changed[@]}"
changes=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["lock"]["changes"])' "$scratch/stdout")
expect 0 "approval: the lockfile is as it was" cmp kept.json before.json
expect 1 "approval: another digest is none" "$mcptrust" accept --changes "sha256:$(printf '0%.0s' {1..64})" "${changed[@]}"
expect 0 "approval: the lockfile is still as it was" cmp kept.json before.json
expect 0 "approval: the digest that was printed is one" "$mcptrust" accept --changes "$changes" "${changed[@]}"
expect 0 "approval: no drift any more" "$mcptrust" diff weather --lockfile before.json

# another program checks the local-key bundle
if [ -n "${COSIGN:-}" ]; then
  type=https://mcptrust.dev/lockfile/v1
  by_cosign() { # KEY TYPE FILE
    "$COSIGN" verify-blob-attestation --key "$1" --insecure-ignore-tlog --type "$2" --bundle mcp-lock.json.sigstore.json "$3"
  }
  mkdir other; (cd other && "$mcptrust" keygen >/dev/null 2>&1)
  sed 's/"description": "Ask/"description": "Task/; s/Forecast/Forecasts/' mcp-lock.json >tampered.json
  expect 0 "cosign verifies the local-key bundle" by_cosign mcptrust.pub $type mcp-lock.json
  fails "cosign refuses it for a tampered lockfile" by_cosign mcptrust.pub $type tampered.json
  fails "cosign refuses it for another key" by_cosign other/mcptrust.pub $type mcp-lock.json
  fails "cosign refuses it for another predicate type" by_cosign mcptrust.pub https://mcptrust.dev/lockfile/v2 mcp-lock.json
else
  echo "COSIGN is not set: the local-key bundle is not checked by cosign in this run"
fi
summary
