#!/bin/bash
# stage.sh FOLDER REPOSITORY NODE_MODULES: systemd as process 1 of namespaces of its own, over a copy of this machine's root
# that is kept in memory. Run as root under `unshare --mount --pid --fork --uts --ipc --net --cgroup --kill-child`. The
# host sees none of it: what is mounted, made and moved here goes with the last process.
set -euo pipefail
folder=$1 repository=$2 modules=$3
root=$folder/root

mount -t tmpfs -o size=3g,mode=755 tmpfs "$folder"
mkdir -p "$folder"/{upper,work,root}
mount -t overlay -o "lowerdir=/,upperdir=$folder/upper,workdir=$folder/work" overlay "$root"
mkdir -p "$root"/opt/picket/{agent,web,rules,test,node_modules}
for part in agent web rules test; do mount --bind -o ro "$repository/$part" "$root/opt/picket/$part"; done
mount --bind "$modules" "$root/opt/picket/node_modules"
[ ! -d "$repository/hardware" ] || { mkdir "$root/opt/picket/hardware" && mount --bind "$repository/hardware" "$root/opt/picket/hardware"; }
cp "$repository/package.json" "$root/opt/picket/"

mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for name in null zero full random urandom tty; do touch "$root/dev/$name" && mount --bind "/dev/$name" "$root/dev/$name"; done
mkdir "$root"/dev/{pts,shm,mqueue}
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
mount -t tmpfs tmpfs "$root/dev/shm"
ln -s /proc/self/fd "$root/dev/fd"
for name in run tmp; do mount -t tmpfs -o mode=755 tmpfs "$root/$name"; done
chmod 1777 "$root/tmp"

# Control groups as they are on this machine: one tree, or the older ones side by side.
if [ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ]; then
  mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
else
  mount -t tmpfs -o mode=755 tmpfs "$root/sys/fs/cgroup"
  for tree in cpu cpuacct memory pids devices freezer blkio; do
    mkdir "$root/sys/fs/cgroup/$tree" && mount -t cgroup -o "$tree" cgroup "$root/sys/fs/cgroup/$tree"
  done
  mkdir "$root"/sys/fs/cgroup/{systemd,unified}
  mount -t cgroup -o none,name=systemd cgroup "$root/sys/fs/cgroup/systemd"
  mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup/unified"
fi

# Nothing of this machine starts: only the journal, D-Bus and what is tried.
rm -rf "$root"/etc/systemd/system/*.wants "$root"/var/lib/picket
echo 00112233445566778899aabbccddeeff >"$root/etc/machine-id"
for unit in systemd-logind systemd-resolved systemd-udevd systemd-udev-trigger systemd-timesyncd systemd-remount-fs systemd-journal-flush systemd-modules-load; do
  ln -sfn /dev/null "$root/etc/systemd/system/$unit.service"
done
for unit in getty.target dev-hugepages.mount sys-kernel-debug.mount sys-kernel-tracing.mount; do
  ln -sfn /dev/null "$root/etc/systemd/system/$unit"
done
chroot "$root" /opt/picket/node_modules/.bin/node /opt/picket/agent/cli.ts install
mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
# What only the appliance has, with the programs of here in place of its own.
for unit in picket-init.service picket-console@.service picket-network.service picket-network.path; do
  sed 's#/usr/lib/picket/node #/opt/picket/node_modules/.bin/node #; s#/usr/lib/picket/\([^ ]*\)\.js#/opt/picket/\1.ts#' \
    "$repository/image/overlay/usr/lib/systemd/system/$unit" >"$root/etc/systemd/system/$unit"
done
cp -r "$repository/test/box/units/." "$root/etc/systemd/system/"
ln -s ../picket.target ../wires.service ../picket-init.service "$root/etc/systemd/system/multi-user.target.wants/"
chroot "$root" systemd-sysusers
# The configuration of this test in place of the first one.
sed -i "s#^f /var/lib/picket/config.json .*#C /var/lib/picket/config.json 0644 picket-keys picket-keys - /opt/picket/test/box/config.json#" "$root/etc/tmpfiles.d/picket.conf"
echo 'd /run/systemd/network 0755 root root' >>"$root/etc/tmpfiles.d/picket.conf"
echo 'C /var/lib/picket/rules/stage.rules 0644 root root - /opt/picket/test/box/stage.rules' >>"$root/etc/tmpfiles.d/picket.conf"
export container=picket
exec chroot "$root" /lib/systemd/systemd --system --show-status=no
