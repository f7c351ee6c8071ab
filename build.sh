#!/usr/bin/env bash
# build.sh demo · run · test · bench · image · long: each installs what is missing and says what it is about to do.
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")"
STATE=$PWD/.state

say() { printf 'build.sh: %s\n' "$*" >&2; }
usage() {
  cat >&2 <<'END'
Usage: ./build.sh COMMAND
  demo [--once] [--json OUT] [--seed N] [--calm] [--record DIR]   three sites with ordinary and hostile traffic
  run [DIR]                                                       the programs of a box on a data folder
  test                                                            everything that is checked; of the image one boot
  test image                                                      the image: every boot test
  bench [NAME]                                                    the benchmarks, or those whose path holds NAME
  image [--release] [--update-lock] [--twice] [--fresh]           the appliance image
  long fresh                                                      the two commands on fresh Debian 12 and 13
  long fuzz [INPUTS] [TARGET]                                     every target with 10,000,000 inputs, or those whose name holds TARGET
  long kill [SEEDS] [BASE]                                        a process of the lake killed for each of 1,000 seeds
END
  exit 2
}

# Debian packages: the programs they bring, so that a look tells whether they are there. Node 26 itself comes
# from the npm registry with the other dependencies; Debian's npm only fetches it.
have() { command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ] || [ -x "/sbin/$1" ]; }
library() { compgen -G "/usr/lib/*/$1" >/dev/null || compgen -G "/lib/*/$1" >/dev/null; }
missing_packages() {
  have ip || echo iproute2
  have nft || echo nftables
  have tcpdump || echo tcpdump
  have ethtool || echo ethtool
  have unshare && have setpriv || echo util-linux
  have ps || echo procps
  library libpcre2-8.so.0 || echo libpcre2-8-0
  library libnftables.so.1 || echo libnftables1
  library libatomic.so.1 || echo libatomic1
  have npm || echo npm
  if [[ ${1:-} =~ ^(test|bench)$ ]]; then
    have chromium || echo chromium
    have mosquitto || echo mosquitto
  fi
  if [ "$(id -u)" = 0 ] && [[ ${1:-} =~ ^(test|image)$ ]]; then
    have mmdebstrap || echo mmdebstrap
  fi
  if [ "${1:-}" = test ] && [ "$(id -u)" = 0 ]; then # to boot the image, which only root can build
    have qemu-system-x86_64 || echo qemu-system-x86
    have qemu-img || echo qemu-utils
    [ -e /usr/share/OVMF/OVMF_CODE_4M.fd ] || echo ovmf
    have swtpm || echo swtpm
    have mcopy || echo mtools
  fi
}

debian_packages() {
  local missing
  missing=$(missing_packages "${1:-}" | tr '\n' ' ')
  missing=${missing% }
  [ -n "$missing" ] || return 0
  if [ "$(id -u)" != 0 ] || ! have apt-get; then
    say "these Debian packages are missing: $missing. Install them, then run this again:"
    echo "  sudo apt-get update && sudo apt-get install --yes --no-install-recommends $missing" >&2
    exit 2
  fi
  say "installing Debian packages: $missing"
  local log=$STATE/apt.log apt=(apt-get --yes -qq -o Dpkg::Use-Pty=0)
  mkdir -p "$STATE"
  export DEBIAN_FRONTEND=noninteractive
  # shellcheck disable=SC2086 # the list is words
  if ! { "${apt[@]}" update && "${apt[@]}" install --no-install-recommends $missing; } >"$log" 2>&1 </dev/null; then
    tail -n 20 "$log" >&2
    say "apt failed; its whole output is in $log."
    exit 1
  fi
}

# No install script runs: what we use ships its binaries in its packages.
npm_packages() {
  local stamp=node_modules/.picket-lock want
  want=$(sha256sum package-lock.json package.json | sha256sum | cut -c1-64)
  if [ ! -x node_modules/.bin/node ] || [ "$(cat "$stamp" 2>/dev/null)" != "$want" ]; then
    say "installing npm packages, Node 26 among them (npm ci)"
    local tries=1
    until npm ci --ignore-scripts --no-audit --no-fund --no-progress --loglevel=error </dev/null >&2; do
      [ $((tries++)) -lt 3 ] || { say "npm ci failed three times; the lines above say why."; exit 1; }
      say "npm ci failed; trying again"
    done
    echo "$want" >"$stamp"
  fi
  export PATH=$PWD/node_modules/.bin:$PATH:/usr/sbin:/sbin
  unset NODE_OPTIONS
  export NODE_COMPILE_CACHE=$STATE/compile-cache
}

prepare() {
  debian_packages "${1:-}"
  npm_packages
}

demo() {
  say "starting three sites, each with hosts, an appliance as their gateway, and assets; everything ends with this command"
  prepare
  exec node test/demo/main.ts "$@"
}

run() {
  local data=${1:-$STATE/box}
  say "starting all programs of a box on $data (Ctrl-C ends them)"
  prepare
  [ -e "$data/platform.db" ] || node agent/cli.ts init --data "$data" --tenant "${PICKET_TENANT:-site-one}"
  exec node agent/cli.ts up --data "$data"
}

tests() {
  local part=${1:-} status=0
  case "$part" in
    '') say "checking everything: format and lint, types, then all tests on Node 26" ;;
    image) say "booting the image in QEMU: every test of it" ;;
    *) usage ;;
  esac
  prepare test
  mkdir -p "$STATE"
  image_meanwhile
  if [ -z "$part" ]; then
    say "biome check"
    biome check || status=1
    say "tsc"
    tsc || status=1
    say "vitest, all projects"
  else
    export PICKET_IMAGE=all
  fi
  vitest_twice ${part:+--project "$part"} || status=1
  say "the count:"
  cat "$STATE/tests.txt"
  return $status
}

# All tests; of a few files that fail, once more by themselves. test/count.ts says which, and what to make of it.
vitest_twice() {
  local count=$STATE/tests.txt files
  echo "0 passed, 1 failed, 0 skipped" >"$count" # stands if vitest dies
  rm -f "$count.json" "$count.again"
  counted "$count" "$@" && return
  [ -s "$count.again" ] || return 1
  mapfile -t files <"$count.again"
  say "failed, and run a second time by themselves: ${files[*]}"
  mv "$count.json" "$count.first"
  PICKET_COUNT_FIRST=$count.first counted "$count" "${files[@]}"
}

counted() { # counted FILE ARGUMENTS…
  local count=$1
  shift
  PICKET_COUNT=$count vitest run "$@" --reporter=default --reporter=./test/count.ts </dev/null
}

# The tests that boot it come last, so it is made beside the others, and behind them where both want a core.
image_meanwhile() {
  if [ "$(id -u)" != 0 ]; then
    say "not root: no image is made here, and one that is there already is booted as it is"
    return
  fi
  say "making the image meanwhile (out/image; what it says goes to $STATE/image-made.log)"
  export PICKET_IMAGE_MADE=$STATE/image-made
  rm -f "$PICKET_IMAGE_MADE"
  (
    rc=0
    nice -n 10 ./build.sh image >"$PICKET_IMAGE_MADE.log" 2>&1 </dev/null || rc=$?
    echo $rc >"$PICKET_IMAGE_MADE.part"
    mv "$PICKET_IMAGE_MADE.part" "$PICKET_IMAGE_MADE"
  ) &
  local made=$!
  # shellcheck disable=SC2064 # that process, not a later one
  trap "kill $made 2>/dev/null || :" EXIT
}

bench() {
  local name=${1:-}
  case "$name" in
    -*) usage ;;
    '') say "running all benchmarks, one after the other; each prints its figures, nothing is compared or kept" ;;
    *)
      local all
      all=$(find agent test -name '*.bench.ts' | sort)
      grep -qF -- "$name" <<<"$all" || { say "no benchmark has \"$name\" in its path. There are:"; echo "$all" >&2; exit 2; }
      say "running the benchmarks whose path holds \"$name\"; each prints its figures, nothing is compared or kept"
      ;;
  esac
  prepare bench # one of them needs Mosquitto
  exec vitest bench --run ${name:+"$name"}
}

image() {
  say "making the appliance image from Debian 13's packages and this clone"
  prepare image
  exec image/make.sh "$@"
}

long() {
  case "${1:-}" in
    fresh)
      shift
      exec test/demo/fresh.sh "$@"
      ;;
    kill)
      shift
      say "killing writer, settler, compactor or a cell for each seed; the table comes at the end, or at Ctrl-C"
      prepare
      exec node test/lake/long-kill.ts "$@"
      ;;
    fuzz)
      shift
      local inputs=${1:-10000000} target=${2:-}
      [[ $inputs =~ ^[0-9]+$ ]] || usage
      say "fuzzing with $inputs inputs a target${target:+, those whose name holds \"$target\"}; each says how many it took and from which seed"
      prepare
      PICKET_FUZZ_INPUTS=$inputs PICKET_FUZZ_SECONDS=${PICKET_FUZZ_SECONDS:-604800} \
        exec vitest run --project fuzz --testTimeout 604800000 ${target:+--testNamePattern "$target"}
      ;;
    *)
      say "there are \"long fresh\", \"long fuzz\" and \"long kill\"; the other long tests do not exist yet."
      exit 2
      ;;
  esac
}

case "${1:-}" in
  demo) shift; demo "$@" ;;
  run) shift; run "$@" ;;
  test) shift; tests "$@" ;;
  bench) shift; bench "$@" ;;
  image) shift; image "$@" ;;
  long) shift; long "$@" ;;
  *) usage ;;
esac
