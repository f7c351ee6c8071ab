# The two Debian trees: `tools`, whose programs make the image, and `base`, the box before anything of ours is in it.
# Read by make.sh. Both are kept in the clone under a key of the scripts that make them and of packages.lock.

# Debian's files have dates of their own; what the installation writes gets this one, so that a kept tree is the same
# as one made for a later commit.
TREES_EPOCH=1767225600

# Where this machine itself gets Debian from: "URI-of-main URI-of-security".
mirrors() {
  local found
  found=$(apt-get indextargets --format '$(LABEL) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null | sort -u)
  local main security
  main=$(awk '$1 == "Debian" { print $2; exit }' <<<"$found")
  security=$(awk '$1 == "Debian-Security" { print $2; exit }' <<<"$found")
  # Before the first apt-get update nothing has a label: then by the place in the file.
  [ -n "$main" ] || main=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null |
    awk '/^URIs:/ { print $2; exit } $1 == "deb" { for (i = 2; i <= NF; i++) if ($i ~ /:\/\//) { print $i; exit } }')
  [ -n "$main" ] || { say "this machine names no Debian mirror in its apt sources."; exit 2; }
  main=${main%/}
  [ -n "$security" ] || security=${main%/debian}/debian-security
  echo "$main ${security%/}"
}

wanted() { awk -v tree="$1" '$1 == tree { print $2 }' image/wanted.txt; }

# Name, version, architecture and hash of each package of a tree, as the signed index of the mirror has them.
# Runs as a hook of mmdebstrap, while the index is still there.
lock_hook() {
  cat <<'HOOK'
#!/bin/sh
set -eu
export APT_CONFIG=$MMDEBSTRAP_APT_CONFIG
dpkg-query --admindir="$1/var/lib/dpkg" -W -f '${Package}:${Architecture}=${Version}\n' >"$PICKET_LIST"
xargs apt-cache show <"$PICKET_LIST" | awk -v tree="$PICKET_TREE" '
  $1 == "Package:" { name = $2 } $1 == "Version:" { version = $2 } $1 == "Architecture:" { arch = $2 }
  $1 == "SHA256:" { print tree, name, version, arch, $2 }' | LC_ALL=C sort -u >"$PICKET_LOCK"
[ "$(wc -l <"$PICKET_LIST")" = "$(wc -l <"$PICKET_LOCK")" ] ||
  { echo "lock: $(wc -l <"$PICKET_LIST") packages installed, $(wc -l <"$PICKET_LOCK") known to the index" >&2; exit 1; }
HOOK
}

# tree NAME VARIANT TARGET [options of mmdebstrap]: leaves TARGET and TARGET.lock, by rename.
tree() {
  local name=$1 variant=$2 target=$3 part=$3.part
  shift 3
  local main security include
  read -r main security <<<"$(mirrors)"
  include=$( (wanted "$name"; wanted "$name-build") | paste -sd,)
  rm -rf "$part" "$target" "$target.lock"
  lock_hook >"$target.hook"
  chmod +x "$target.hook"
  SOURCE_DATE_EPOCH=$TREES_EPOCH PICKET_TREE=$name PICKET_LIST=$target.list PICKET_LOCK=$target.lock.part TMPDIR=$WORK \
    mmdebstrap --mode=root --format="${FORMAT:-directory}" --variant="$variant" --architectures=amd64 \
    --include="$include" --aptopt='Acquire::Retries "3"' \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/info/*' --dpkgopt='path-exclude=/usr/share/lintian/*' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
    "$@" --customize-hook="$target.hook" trixie "$part" \
    "deb $main trixie main" "deb $main trixie-updates main" "deb $security trixie-security main" \
    >"$target.log" 2>&1 || { tail -n 20 "$target.log" >&2; say "mmdebstrap failed; its whole output is in $target.log"; exit 1; }
  mv "$target.lock.part" "$target.lock"
  mv "$part" "$target"
  rm -f "$target.hook" "$target.list"
}

tools_tree() { tree tools apt "$1"; }

# Users and groups of Debian's packages get fixed numbers before the packages ask for one: files on the data
# partition must mean the same to every later image. The general initrd that dracut would make is not made.
base_tree() {
  FORMAT=tar tree root minbase "$1" \
    --essential-hook='cat image/users/passwd >>"$1/etc/passwd"; cat image/users/group >>"$1/etc/group"' \
    --essential-hook='install -D -m 0755 /dev/null "$1/etc/kernel/postinst.d/dracut"; echo "#!/bin/sh" >"$1/etc/kernel/postinst.d/dracut"' \
    --dpkgopt='path-exclude=/etc/kernel/postinst.d/*' \
    --customize-hook='rm -f "$1"/boot/initrd* "$1"/initrd* "$1"/etc/nvme/hostid "$1"/etc/nvme/hostnqn "$1"/etc/machine-id "$1"/var/lib/dbus/machine-id' \
    --customize-hook='rm -rf "$1"/var/log/* "$1"/var/cache/*'
}
