#!/usr/bin/env bash
# Offline keyless verification of one bundle with one trusted root: mcptrust beside cosign and beside sigstore-python.
#
#   SIGSTORE_BIN=DIR MCPTRUST=target/release/mcptrust benches/compare.sh
#
# The bundle is signed through the real services on loopback; then they are stopped, and the three take turns.
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
if [ -z "${MCPTRUST_NETNS:-}" ]; then
  . "$top/tests/interop/lib.sh"
  python=$(venv "$top/tests/interop/sigstore/python.txt")
  MCPTRUST_NETNS=1 SIGSTORE_PYTHON=$python/bin/sigstore \
    unshare $([ "$(id -u)" = 0 ] || echo --map-root-user) --net python3 "$top/tests/interop/netns.py" bash "$0" && status=0 || status=$?
  exit "$status"
fi
. "$top/tests/interop/lib.sh"
services=$scratch/real
trap '"$top/tests/interop/sigstore/real-sigstore.sh" stop "$services" || true; rm -rf "$scratch"' EXIT
export HOME=$scratch/home; mkdir -p "$HOME"
"$top/tests/interop/sigstore/real-sigstore.sh" start "$services"
cd "$scratch"
cp "$top/tests/interop/sigstore/lockfile.json" mcp-lock.json
who=dev@example.com issuer=http://localhost:5556/email
for _ in warm real; do # sigstore-python refuses log index 0
  "$mcptrust" sign --yes --signing-config real/signing_config.json --trusted-root real/trusted_root.json \
    --identity-token "$(curl -fsS "http://localhost:5556/email/token?email=$who")" --lockfile mcp-lock.json >/dev/null 2>&1
done
"$top/tests/interop/sigstore/real-sigstore.sh" stop "$services"
bundle=mcp-lock.json.sigstore.json
ours=("$mcptrust" verify --trusted-root real/trusted_root.json --certificate-identity $who --certificate-oidc-issuer $issuer
  --lockfile mcp-lock.json)
cosign=("$SIGSTORE_BIN/cosign" verify-blob-attestation --trusted-root real/trusted_root.json --certificate-identity $who
  --certificate-oidc-issuer $issuer --type https://mcptrust.dev/lockfile/v1 --bundle $bundle mcp-lock.json)
python=("$SIGSTORE_PYTHON" --trust-config real/trust_config.json verify identity --offline --bundle $bundle
  --cert-identity $who --cert-oidc-issuer $issuer mcp-lock.json)
failed=0
echo "offline keyless verify, mcptrust / cosign:"
"$top/benches/programs.py" pair -n 31 0.1667 0.2 -- "${ours[@]}" -- "${cosign[@]}" || failed=1
echo "offline keyless verify, mcptrust / sigstore-python:"
"$top/benches/programs.py" pair -n 11 0.0125 0.2 -- "${ours[@]}" -- "${python[@]}" || failed=1
exit $failed
