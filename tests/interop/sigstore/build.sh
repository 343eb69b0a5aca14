#!/usr/bin/env bash
# Builds the Go programs of a private Sigstore, and cosign, from source at pinned versions:  build.sh BINDIR
# Needs Go alone. Some nine minutes on two cores the first time; nothing where BINDIR holds this very version already.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
bindir=$(mkdir -p "$1" && cd "$1" && pwd)
stamp=$(cat "$here/build.sh" "$here"/ctlog/* | sha256sum | cut -c1-64)
[ "$(cat "$bindir/built" 2>/dev/null)" != "$stamp" ] || { echo "up to date: $bindir"; exit 0; }
export CGO_ENABLED=0 # static binaries
build() { # NAME MODULE@VERSION ; a command whose directory is called "posix" needs renaming
  local since=$SECONDS tmp; tmp=$(mktemp -d "$bindir/.build.XXXX")
  GOBIN=$tmp go install -trimpath -ldflags='-s -w' "$2"
  mv "$tmp"/* "$bindir/$1"; rmdir "$tmp"
  echo "$1: $2, $((SECONDS - since)) s"
}
build fulcio           github.com/sigstore/fulcio@v1.8.8
build timestamp-server github.com/sigstore/timestamp-authority/v2/cmd/timestamp-server@v2.1.3
build rekor-server     github.com/sigstore/rekor-tiles/v2/cmd/rekor-server/posix@v2.3.0
since=$SECONDS # TesseraCT's handlers under a small main of our own: see the comment there
go build -C "$here/ctlog" -mod=readonly -trimpath -ldflags='-s -w' -o "$bindir/ctlog" .
echo "ctlog: tesseract@v0.1.2, $((SECONDS - since)) s"
build cosign           github.com/sigstore/cosign/v3/cmd/cosign@v3.1.2
echo "$stamp" >"$bindir/built"
