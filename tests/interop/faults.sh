#!/usr/bin/env bash
# Each real service fails in each way while mcptrust signs: nothing is written, the service is named, exit status 2.
#
#   SIGSTORE_BIN=DIR tests/interop/faults.sh     DIR: what sigstore/build.sh built; needs a built mcptrust, python3, openssl, curl
#
# The faults of a service's cryptography that need its keys (a bad SCT, a foreign identity, a clock that is off) are
# those of local-sigstore, in `cargo test`. Here the services are the real ones behind a proxy.
set -euo pipefail
if [ -z "${MCPTRUST_NETNS:-}" ]; then
  MCPTRUST_NETNS=1 exec unshare $([ "$(id -u)" = 0 ] || echo --map-root-user) --net \
    python3 "$(dirname "$0")/netns.py" bash "$0" "$@"
fi
. "$(dirname "$0")/lib.sh"
services=$scratch/real proxy_pid=
end_proxy() { [ -z "$proxy_pid" ] || { kill "$proxy_pid" 2>/dev/null; wait "$proxy_pid" 2>/dev/null; } || true; proxy_pid=; }
stop_all() { end_proxy; "$here/sigstore/real-sigstore.sh" stop "$services" || true; rm -rf "$scratch"; }
trap stop_all EXIT
"$here/sigstore/real-sigstore.sh" start "$services"
mkdir "$scratch/work"; cd "$scratch/work"
cp "$here/sigstore/lockfile.json" mcp-lock.json
bundle=mcp-lock.json.sigstore.json
who=dev@example.com issuer=http://localhost:5556/email

declare -A port=([fulcio]=5555 [rekor]=3000 [tsa]=3004) named=([fulcio]=Fulcio [rekor]=Rekor [tsa]="timestamp authority")
through() { # SERVICE MODE ; a proxy before that service, and the signing config that leads there
  end_proxy
  python3 - "$services/signing_config.json" "localhost:${port[$1]}" <<'PY'
import sys
text = open(sys.argv[1]).read()
assert sys.argv[2] in text
open("config.json", "w").write(text.replace(sys.argv[2], "localhost:7777"))
PY
  [ "$2" != refused ] || return 0
  python3 "$here/sigstore/fault.py" "$2" 7777 "http://127.0.0.1:${port[$1]}" "$scratch/kept-$1" >attempts & proxy_pid=$!
  for _ in $(seq 100); do (exec 3<>/dev/tcp/127.0.0.1/7777) 2>/dev/null && return; sleep 0.05; done
  echo "the proxy did not come up" >&2; exit 2
}
sign() { # SECONDS
  "$mcptrust" sign --yes --timeout "${1:-20}" --signing-config config.json --trusted-root "$services/trusted_root.json" \
    --identity-token "$(curl -fsS "http://localhost:5556/email/token?email=$who")" --lockfile mcp-lock.json
}
attempts() { wc -l <attempts; }
unwritten() { # DESCRIPTION ; the bundle is as it was, and nothing lies beside it
  if cmp -s kept.json $bundle && [ -z "$(find . -name '*.tmp*' -o -name '.mcp*' -o -name '*.partial')" ]; then ok "$1"; else ls -la >"$scratch/out"; bad "$1"; fi
}

cp "$services/signing_config.json" config.json
expect 0 "all is well: signed" sign
cp $bundle kept.json
for service in fulcio rekor tsa; do
  for mode in refused reset stall truncate garbage 400 403 429 500 503; do
    through $service $mode
    expect 2 "$service $mode: exit status 2" sign 6
    says "$service $mode: the service is named" "${named[$service]}"
    unwritten "$service $mode: nothing is written"
    case $mode in
    400 | 403) expect 0 "$service $mode: a refusal is not tried again" test "$(attempts)" = 1 ;;
    429 | 500 | 503) expect 0 "$service $mode: tried more than once" test "$(attempts)" -gt 1 ;;
    esac
  done
  for mode in once-429 once-500 once-503; do
    through $service $mode
    expect 0 "$service $mode: signed at the second attempt" sign
    cp $bundle kept.json
  done
  through $service record
  expect 0 "$service: an answer is kept" sign
  cp $bundle kept.json
  through $service replay
  expect 2 "$service replays an answer to another request: exit status 2" sign
  says "$service replays: the service is named" "${named[$service]}"
  unwritten "$service replays: nothing is written"
done
for mode in proof root checkpoint body; do
  through rekor $mode
  expect 2 "rekor spoils $mode: exit status 2" sign
  says "rekor spoils $mode: the service is named" Rekor
  unwritten "rekor spoils $mode: nothing is written"
done
through rekor pass
expect 0 "after all that: signed" sign
expect 0 "and verified" "$mcptrust" verify --trusted-root "$services/trusted_root.json" --certificate-identity $who \
  --certificate-oidc-issuer $issuer --lockfile mcp-lock.json
summary
