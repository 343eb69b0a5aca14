#!/usr/bin/env bash
# Records the bundles beside it, on a private Sigstore made of the real services. Run it in a network namespace:
#
#   unshare -n tests/interop/netns.py testdata/signing/private/record.sh
#
# Programs: $SIGSTORE_BIN (see tests/interop/sigstore/build.sh), target/debug/mcptrust and its example `conformance`.
# All keys are made for this and thrown away. Two instances are run, so that there is a second log with other keys.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd) root=$(cd "$(dirname "$0")/../../.." && pwd)
bin=${CARGO_TARGET_DIR:-$root/target}/debug cosign=${SIGSTORE_BIN:?}/cosign
scratch=$(mktemp -d)
services=$root/tests/interop/sigstore/real-sigstore.sh
trap '"$services" stop "$scratch/a" || true; rm -rf "$scratch"' EXIT
lockfile=$root/testdata/signing/mcp-lock.json
cp "$lockfile" "$scratch/mcp-lock.json"; cd "$scratch"

statement() { # SEQUENCE [PREVIOUS] ; what `mcptrust sign` signs
  python3 - "$@" <<'PY'
import base64, json, subprocess, sys, os
payload = json.loads(base64.b64decode(json.load(open("local.json"))["dsseEnvelope"]["payload"]))
payload["predicate"]["sequence"] = int(sys.argv[1])
if len(sys.argv) > 2: payload["predicate"]["previous"] = {"sha256": sys.argv[2]}
sys.stdout.write(json.dumps(payload, separators=(",", ":"), sort_keys=True, ensure_ascii=False))
PY
}
token() { curl -sf "http://localhost:5556/$1"; }
"$bin/mcptrust" keygen >/dev/null
"$bin/mcptrust" sign --key mcptrust.key --bundle local.json >/dev/null
statement 7 >s7.json; statement 8 "$(sha256sum mcp-lock.json | cut -c1-64)" >s8.json

"$services" start "$scratch/a" >/dev/null
roots=(--trusted-root a/trusted_root.json --signing-config a/signing_config.json)
github='github/token?repository=acme/agents&workflow=lock.yml'
ours() { # BUNDLE TOKEN STATEMENT
  "$bin/examples/conformance" sign-bundle --in-toto --identity-token "$2" --bundle "$here/$1" "${roots[@]}" "$3"
}
export COSIGN_PASSWORD=
flags=(--signing-config a/signing_config.json --trusted-root a/trusted_root.json -y)
ours email.json "$(token email/token?email=lead@example.com)" s7.json
ours github.json "$(token "$github")" s7.json
ours github-8.json "$(token "$github")" s8.json
ours github-fork.json "$(token 'github/token?repository=mallory/agents&workflow=lock.yml')" s7.json
"$cosign" attest-blob "${flags[@]}" --identity-token "$(token "$github")" --statement s7.json --bundle "$here/cosign-statement.json"
"$cosign" sign-blob "${flags[@]}" --identity-token "$(token "$github")" --bundle "$here/cosign-blob.json" mcp-lock.json
"$cosign" sign-blob "${flags[@]}" --identity-token "$(token "$github")" --signing-algorithm ecdsa-sha2-384-nistp384 \
  --bundle "$here/cosign-blob-p384.json" mcp-lock.json
for curve in P-256 P-384; do
  name=p${curve#P-}
  openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:$curve -out $name.pem
  openssl pkey -in $name.pem -pubout -out "$here/$name.pub"
  "$cosign" import-key-pair -y --key $name.pem --output-key-prefix $name >/dev/null 2>&1
  "$cosign" attest-blob "${flags[@]}" --key $name.key --statement s7.json --bundle "$here/cosign-key-$name.json"
done
cp a/trusted_root.json "$here/trusted_root.json"
"$services" stop "$scratch/a"

"$services" start "$scratch/b" >/dev/null
trap '"$services" stop "$scratch/b" || true; rm -rf "$scratch"' EXIT
roots=(--trusted-root b/trusted_root.json --signing-config b/signing_config.json)
ours other-instance.json "$(token "$github")" s7.json
cp b/trusted_root.json "$here/other_trusted_root.json"
"$services" stop "$scratch/b"
