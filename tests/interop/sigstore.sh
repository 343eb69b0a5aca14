#!/usr/bin/env bash
# The matrix: {mcptrust, cosign, sigstore-python} sign x {the same} verify x {e-mail, GitHub workflow} x {real services, local-sigstore}.
#
#   SIGSTORE_BIN=DIR tests/interop/sigstore.sh     DIR: what sigstore/build.sh built; needs a built mcptrust, python3, openssl, curl
#
# Runs in a network namespace of its own, with loopback alone: what verifies here verifies offline, and no port is taken.
# Each cell, and what does not fit into one, is explained in docs/interoperability.md.
set -euo pipefail
if [ -z "${MCPTRUST_NETNS:-}" ]; then # packages first, while there is a network
  . "$(dirname "$0")/lib.sh"
  python=$(venv "$here/sigstore/python.txt")
  MCPTRUST_NETNS=1 SIGSTORE_PYTHON=$python/bin/sigstore \
    unshare $([ "$(id -u)" = 0 ] || echo --map-root-user) --net python3 "$here/netns.py" bash "$0" "$@" && status=0 || status=$?
  exit "$status"
fi
. "$(dirname "$0")/lib.sh"
cosign=$SIGSTORE_BIN/cosign
type=https://mcptrust.dev/lockfile/v1
services=$scratch/real
stop_all() {
  "$here/sigstore/real-sigstore.sh" stop "$services" || true
  [ -z "${local_pid:-}" ] || kill "$local_pid" 2>/dev/null || true
  rm -rf "$scratch"
}
trap stop_all EXIT
export HOME=$scratch/home; mkdir -p "$HOME" # no client finds a cache or a setting of this machine

# one lockfile for all cells
mkdir "$scratch/work"; cd "$scratch/work"
cp "$here/sigstore/lockfile.json" mcp-lock.json
sed 's/Forecast for a town/Forecast for a city/' mcp-lock.json >tampered.json
cmp -s mcp-lock.json tampered.json && { echo "the tampered lockfile is not tampered" >&2; exit 2; }

# --- an instance: DIR with trusted_root.json, signing_config.json, trust_config.json; TOKENS, the issuer's address
sign() { # SIGNER IDENTITY BUNDLE
  local signer=$1 identity=$2 bundle=$3 ambient=() token=()
  if [ "$identity" = github ]; then # the endpoint of a runner: no client is given a token
    ambient=(env GITHUB_ACTIONS=true ACTIONS_ID_TOKEN_REQUEST_TOKEN=request-token
      "ACTIONS_ID_TOKEN_REQUEST_URL=$tokens/github/actions?api-version=2.0")
  else
    token=(--identity-token "$(curl -fsS "$tokens/email/token?email=dev@example.com")")
  fi
  case $signer in
  mcptrust)
    "${ambient[@]}" "$mcptrust" sign --yes --signing-config "$dir/signing_config.json" --trusted-root "$dir/trusted_root.json" \
      "${token[@]}" --lockfile mcp-lock.json && mv mcp-lock.json.sigstore.json "$bundle" ;;
  cosign-attest)
    "$mcptrust" sign --print-statement --lockfile mcp-lock.json >statement.json &&
    "${ambient[@]}" "$cosign" attest-blob -y --signing-config "$dir/signing_config.json" --trusted-root "$dir/trusted_root.json" \
      "${token[@]}" --statement statement.json --bundle "$bundle" ;;
  cosign-blob)
    "${ambient[@]}" "$cosign" sign-blob -y --signing-config "$dir/signing_config.json" --trusted-root "$dir/trusted_root.json" \
      "${token[@]}" --bundle "$bundle" mcp-lock.json ;;
  python)
    rm -f "$bundle"
    "${ambient[@]}" "$SIGSTORE_PYTHON" --trust-config "$dir/trust_config.json" sign "${token[@]}" --bundle "$bundle" mcp-lock.json ;;
  esac
}
verify() { # VERIFIER SIGNER BUNDLE IDENTITY ISSUER FILE
  local verifier=$1 signer=$2 bundle=$3 identity=$4 issuer=$5 file=$6
  case $verifier in
  mcptrust)
    local content=(); case $signer in cosign-blob | python) content=("${accept_blob[@]}") ;; esac
    "$mcptrust" verify --trusted-root "$dir/trusted_root.json" --certificate-identity "$identity" --certificate-oidc-issuer "$issuer" \
      "${content[@]}" --bundle "$bundle" --lockfile "$file" ;;
  cosign)
    local blob=(verify-blob-attestation --type "$type"); case $signer in cosign-blob | python) blob=(verify-blob) ;; esac
    "$cosign" "${blob[@]}" --trusted-root "$dir/trusted_root.json" --certificate-identity "$identity" \
      --certificate-oidc-issuer "$issuer" --bundle "$bundle" "$file" ;;
  python)
    "$SIGSTORE_PYTHON" --trust-config "$dir/trust_config.json" verify identity --offline --bundle "$bundle" \
      --cert-identity "$identity" --cert-oidc-issuer "$issuer" "$file" ;;
  esac
}
accept_blob=()

matrix() { # INSTANCE ; dir and tokens are set
  local instance=$1 identity signer verifier who issuer bundle
  # sigstore-python refuses an entry at log index 0, whose fields are left out: one signature warms a new log
  expect 0 "$instance: a first signature" sign cosign-blob email warm.json
  for identity in email github; do
    issuer=$tokens/$identity
    who=dev@example.com
    [ $identity = email ] || who=https://github.com/acme/widgets/.github/workflows/release.yml@refs/heads/main
    for signer in mcptrust cosign-attest cosign-blob python; do
      bundle=$instance-$identity-$signer.sigstore.json
      expect 0 "$instance, $identity: $signer signs" sign $signer $identity $bundle
      [ -s "$bundle" ] || continue
      for verifier in mcptrust cosign python; do
        expect 0 "$instance, $identity: $signer signs, $verifier verifies" \
          verify $verifier $signer $bundle "$who" "$issuer" mcp-lock.json
        refuses "$instance, $identity: $signer signs, $verifier refuses a tampered lockfile" \
          verify $verifier $signer $bundle "$who" "$issuer" tampered.json
        refuses "$instance, $identity: $signer signs, $verifier refuses another identity" \
          verify $verifier $signer $bundle "x$who" "$issuer" mcp-lock.json
        refuses "$instance, $identity: $signer signs, $verifier refuses another issuer" \
          verify $verifier $signer $bundle "$who" "$issuer/other" mcp-lock.json
      done
    done
  done
}
refuses() { # DESCRIPTION verify VERIFIER ... ; ours with exit status 1, others with any but 0
  if [ "$3" = mcptrust ]; then expect 1 "$@"; else fails "$@"; fi
}

dir=$services tokens=http://localhost:5556
"$here/sigstore/real-sigstore.sh" start "$services"
matrix real
"$here/sigstore/real-sigstore.sh" stop "$services"

dir=$scratch/local; mkdir -p "$dir"
"$mcptrust" local-sigstore --dir "$dir" >"$scratch/local.out" 2>"$scratch/local.err" </dev/null & local_pid=$!
for _ in $(seq 100); do [ -s "$dir/signing_config.json" ] && break; sleep 0.1; done
tokens=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["oidcUrls"][0]["url"].rsplit("/", 1)[0])' "$dir/signing_config.json")
for _ in $(seq 100); do curl -fsS -m 2 -o /dev/null "$tokens/email/keys" 2>/dev/null && break; sleep 0.1; done
[ -s "$dir/trust_config.json" ] || python3 - "$dir" <<'PY'
import json, sys
read = lambda name: json.load(open(f"{sys.argv[1]}/{name}.json"))
json.dump({"mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json", "trustedRoot": read("trusted_root"),
           "signingConfig": read("signing_config")}, open(f"{sys.argv[1]}/trust_config.json", "w"))
PY
matrix local
kill "$local_pid"; wait "$local_pid" || true; local_pid=
summary
