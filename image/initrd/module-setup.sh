#!/bin/bash
# The data partition belongs to the initrd: only here does the TPM give its key away (the policy names this phase).
# A module of dracut; image/root.sh puts it in place.

check() { return 0; }

depends() { echo systemd systemd-initrd systemd-veritysetup systemd-cryptsetup systemd-pcrphase dm crypt fs-lib; }

installkernel() { instmods loop dm_verity dm_crypt erofs ext4 vfat nls_ascii nls_cp437; }

install() {
  inst_multiple systemd-repart systemd-cryptenroll systemd-ask-password systemd-tty-ask-password-agent \
    cryptsetup mkfs.ext4 e2fsck mount umount chmod mkdir rm cat sync udevadm basename dirname readlink sleep
  # What systemd opens by name when it is needed: the TPM, and the recovery key as a picture.
  inst_libdir_file "libtss2-*.so*" "libqrencode.so*" "cryptsetup/libcryptsetup-token-systemd-*.so"
  inst_multiple -o /etc/mke2fs.conf
  inst_simple /usr/lib/systemd/system.conf.d/50-image.conf
  inst_simple "$moddir/picket-data.sh" /usr/lib/picket/picket-data.sh
  inst_simple "$moddir/picket-data.service" "$systemdsystemunitdir/picket-data.service"
  local file
  for file in "$moddir"/repart/*/*.conf; do inst_simple "$file" "/usr/lib/picket/repart${file#"$moddir"/repart}"; done
  $SYSTEMCTL -q --root "$initdir" enable picket-data.service
}
