#!/usr/bin/env bash
# The two commands on fresh Debian 12 and 13: mmdebstrap chroots with nothing but ca-certificates and git, a clone, then
# `./build.sh demo --once` and `./build.sh test`. Needs root. How this machine reaches its mirror and its npm registry
# (resolver, certificates, npm settings) is copied in; nothing else is.
# Usage: test/demo/fresh.sh [--suites "bookworm trixie"] [--only demo|test] [--keep]
set -euo pipefail
TREE=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.." && pwd)
SUITES="bookworm trixie"
ONLY="demo test"
KEEP=
while [ $# -gt 0 ]; do
  case "$1" in
    --suites) SUITES=$2; shift 2 ;;
    --only) ONLY=$2; shift 2 ;;
    --keep) KEEP=yes; shift ;;
    *) sed -n '2,5s/^# //p' "$0" >&2; exit 2 ;;
  esac
done
[ "$(id -u)" = 0 ] || { echo "fresh: needs root" >&2; exit 2; }
command -v mmdebstrap >/dev/null || { apt-get -qq update && apt-get -qq --yes install --no-install-recommends mmdebstrap >/dev/null; }

mirror() { grep -hoE 'https?://[^ ]+' /etc/apt/sources.list.d/*.sources /etc/apt/sources.list 2>/dev/null | grep -v -e security -e snapshot | head -n 1 || true; }
MIRROR=$(mirror)
FAILED=0

inside() { # inside ROOT COMMAND…: its own mounts and processes, the network of this machine
  local root=$1
  shift
  unshare --mount --pid --fork --kill-child sh -ec '
    root=$1; shift
    mount --make-rprivate /; mount --bind "$root" "$root"
    mount --rbind /dev "$root/dev"; mount --rbind /sys "$root/sys"; mount -t proc proc "$root/proc"
    exec chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
      ${NODE_EXTRA_CA_CERTS:+NODE_EXTRA_CA_CERTS=$NODE_EXTRA_CA_CERTS} "$@"' sh "$root" "$@"
}

for suite in $SUITES; do
  root=$(mktemp -d /var/tmp/picket-fresh-XXXXXX)
  echo "fresh: making Debian $suite in $root"
  mmdebstrap --quiet --mode=root --variant=minbase --include=ca-certificates,git "$suite" "$root" \
    "deb $MIRROR $suite main" "deb $MIRROR $suite-updates main" >/dev/null
  cp /etc/resolv.conf "$root/etc/resolv.conf"
  cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
  for settings in /usr/etc/npmrc /etc/npmrc /root/.npmrc; do
    # `nodedir` would point at headers that this Debian does not have.
    [ ! -f "$settings" ] || { mkdir -p "$root/etc"; grep -v nodedir "$settings" >>"$root/root/.npmrc" || true; }
  done
  git clone --quiet "$TREE" "$root/root/picket"
  for command in $ONLY; do
    words=$command
    [ "$command" = demo ] && words="demo --once --json /root/out.json"
    echo "fresh: $suite: ./build.sh $words"
    began=$(date +%s)
    # shellcheck disable=SC2086 # words
    if inside "$root" sh -c "cd /root/picket && exec ./build.sh $words" >"$root.$command.log" 2>&1 </dev/null; then
      echo "fresh: $suite: $command: good after $(($(date +%s) - began)) s: $(tail -n 1 "$root.$command.log")"
    else
      FAILED=1
      echo "fresh: $suite: $command: FAILED after $(($(date +%s) - began)) s; last lines of $root.$command.log:"
      tail -n 25 "$root.$command.log"
    fi
  done
  [ -n "$KEEP" ] || rm -rf --one-file-system "$root"
done
exit $FAILED
