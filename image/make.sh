#!/usr/bin/env bash
# The appliance image: `./build.sh image`. README.md tells the parts; each step says how long the run has taken so far.
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."

say() { printf 'image: %s\n' "$*" >&2; }
usage() {
  cat >&2 <<'END'
Usage: ./build.sh image [--release] [--update-lock] [--twice] [--fresh]
  --release       refuse packages that image/packages.lock does not name; sign with the keys in PICKET_IMAGE_KEYS
  --update-lock   write what Debian has now into image/packages.lock
  --twice         make all of it a second time, Debian's base too, and compare the bits
  --fresh         use nothing that an earlier run kept
END
  exit 2
}

RELEASE=no UPDATE=no TWICE=no FRESH=no
for word; do
  case "$word" in
    --release) RELEASE=yes ;;
    --update-lock) UPDATE=yes ;;
    --twice) TWICE=yes ;;
    --fresh) FRESH=yes ;;
    *) usage ;;
  esac
done
[ "$(id -u)" = 0 ] || { say "the image is made as root (mounts and foreign owners): sudo ./build.sh image"; exit 2; }
# All mounts are in a namespace of this run: whatever happens, they end with it.
[ -n "${PICKET_IMAGE_INSIDE:-}" ] || exec env PICKET_IMAGE_INSIDE=1 unshare --mount --propagation private "$0" "$@"

STARTED=$SECONDS
step() { printf 'image: %4d s  %s\n' $((SECONDS - STARTED)) "$*" >&2; }

KEEP=$PWD/.state/image
WORK=$KEEP/work
OUT=$PWD/out/image
LOCK=image/packages.lock
TRIES=3
VERSION=${PICKET_IMAGE_VERSION:-$(node -p 'JSON.parse(fs.readFileSync("package.json")).version')}
[[ $VERSION =~ ^[0-9]+\.[0-9]+\.[0-9]+([~.+a-z0-9-]*)$ ]] || { say "\"$VERSION\" is no version"; exit 2; }
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || stat -c %Y package.json)}
export SOURCE_DATE_EPOCH LC_ALL=C TZ=UTC
umask 022
mkdir -p "$KEEP" "$OUT"
exec 9>"$KEEP/lock"
flock -n 9 || { say "another run is at work in $KEEP"; exit 1; }
rm -rf "$WORK"
mkdir -p "$WORK"
trap 'rm -rf "$WORK"/keys "$WORK"/*/keys' EXIT

. image/trees.sh
. image/root.sh
. image/disk.sh
. image/lock.sh

main() {
  say "version $VERSION, into $OUT"
  [ "$RELEASE" = no ] || releasable
  trees
  compare_lock
  enter_tools
  keys
  one "$BASE" "$WORK/one"
  deliver "$WORK/one"
  [ "$TWICE" = no ] || twice
  umount -R "$TOOLS/dev" "$TOOLS/proc" "$TOOLS/w"
  rm -rf "$WORK"
  step "done: $OUT/disk.raw"
}

# one BASE INTO: everything from Debian's base to the disk.
one() {
  mkdir -p "$2"
  root_tree "$1" "$2"
  mkdir -p -m 0700 "$2/keys"
  cp "$KEYS"/{pcr.pem,pcr.pub.pem,db.key,db.crt} "$2/keys/"
  disk "$2"
  rm -rf "$2/keys"
}

# A release is one commit, signed with keys that are not made here.
releasable() {
  [ "$UPDATE" = no ] || { say "a release does not change the lock."; exit 2; }
  [ -n "${PICKET_IMAGE_KEYS:-}" ] || { say "a release is signed with your keys: name their folder in PICKET_IMAGE_KEYS (pcr.pem, pcr.pub.pem, db.key, db.crt)."; exit 2; }
  [ -z "$(git status --porcelain)" ] || { say "a release is made of a commit; git status names what is in none."; exit 2; }
}

# Everything again, from another base that Debian's packages are unpacked into, against what was just delivered.
twice() {
  step "all of it a second time"
  base_tree "$WORK/base.tar"
  one "$WORK/base.tar" "$WORK/two"
  local different=0 file
  cmp "$BASE" "$WORK/base.tar" && say "same bits twice: Debian's base" || different=1
  for file in parts update disk.raw; do
    diff -rq "$OUT/$file" "$WORK/two/$file" >&2 && say "same bits twice: $file" || different=1
  done
  [ $different = 0 ] || {
    diff -rq --no-dereference "$WORK/one/root" "$WORK/two/root" >&2 || :
    say "two builds differ; both roots are in $WORK"
    exit 1
  }
}

deliver() {
  local from=$1 file
  step "bill of materials, sizes, sums"
  rm -rf "$OUT"/{update,parts,disk.raw,picket_*,SHA256SUMS}
  node image/bill.ts "$OUT/packages.lock" image/leaves.txt "$VERSION" "$SOURCE_DATE_EPOCH" >"$OUT/picket_$VERSION.cdx.json"
  node image/sizes.ts "$from/root" "$from/parts" >"$OUT/sizes.txt"
  in_tools zstd -q -T2 -3 -c "/w/one/disk.raw" >"$OUT/picket_${VERSION}_amd64.raw.zst"
  mv "$from/disk.raw" "$from/update" "$from/parts" "$OUT/"
  (cd "$OUT" && sha256sum disk.raw picket_* update/* >SHA256SUMS)
  cat "$OUT/sizes.txt" >&2
  local bytes
  bytes=$(stat -c %s "$OUT/picket_${VERSION}_amd64.raw.zst")
  say "compressed: $((bytes / 1000000)) MB of at most $COMPRESSED_MB_MAX"
  [ "$bytes" -le $((COMPRESSED_MB_MAX * 1000000)) ] || { say "the image is too large"; exit 1; }
}
COMPRESSED_MB_MAX=260

main
