#!/usr/bin/env bash
# Builds kubectl-access for each platform in `targets` that this machine can, and packs it.
#
#   build.sh build DIST [TARGET...]     an archive for each platform (or for these); what cannot be built is told, and fails it
#   build.sh manifest DIST BASE         the krew manifest for the archives in DIST, to be downloaded from BASE
#
# Cross-building takes `cargo zigbuild` with zig (pip install cargo-zigbuild ziglang), `rustup target add TARGET`, and for
# macOS Apple's SDK (SDKROOT).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$root/Cargo.toml" | head -n 1)

targets() { grep -v '^#' "$here/targets"; }
archive() { echo "kubectl-access-v$version-$1-$2.tar.gz"; }
program() { if [ "$1" = windows ]; then echo kubectl-access.exe; else echo kubectl-access; fi; }

build() {
  local dist=$1 failed=() stage
  shift
  for target in "$@"; do
    if ! targets | cut -d ' ' -f 3 | grep -qxF -- "$target"; then
      echo "no such target: $target; there are: $(targets | cut -d ' ' -f 3 | paste -sd ' ')" >&2
      return 2
    fi
  done
  mkdir -p "$dist"
  while read -r os arch target; do
    if [ $# -gt 0 ] && [[ " $* " != *" $target "* ]]; then continue; fi
    stage=$(mktemp -d)
    if (
      cd "$root" && cargo zigbuild --locked --release --bin kubectl-access --target "$target" </dev/null &&
        cp "${CARGO_TARGET_DIR:-target}/$target/release/$(program "$os")" LICENSE "$stage/"
    ); then
      tar --sort=name --owner=0 --group=0 --mtime=@0 -C "$stage" -czf "$dist/$(archive "$os" "$arch")" .
    else
      failed+=("$target")
    fi
    rm -r "$stage"
  done < <(targets)
  if [ ${#failed[@]} -gt 0 ]; then
    echo "not built: ${failed[*]}" >&2
    return 1
  fi
}

manifest() {
  local dist=$1 base=${2%/} file
  sed -e '/^#/d' -e "s/@VERSION@/$version/" "$here/krew.yaml"
  while read -r os arch _; do
    file=$(archive "$os" "$arch")
    [ -f "$dist/$file" ] || continue
    cat <<PLATFORM
  - selector: {matchLabels: {os: $os, arch: $arch}}
    uri: $base/$file
    sha256: $(sha256sum "$dist/$file" | cut -d ' ' -f 1)
    bin: $(program "$os")
    files: [{from: "*", to: .}]
PLATFORM
  done < <(targets)
}

case ${1:-} in
  build) build "${@:2}" ;;
  manifest) manifest "${@:2}" ;;
  *) sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
