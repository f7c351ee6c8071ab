#!/bin/bash
# Makes the data partition (and the room of the second slot) at the first boot, opens it at every boot, mounts it on
# /var of the root to come. Runs in the initrd, after the verified root is mounted.
#
# The key lies in the TPM under: PCR 7 as it is now, PCR 11 as our signature allows for this phase only, PCR 12 and 13
# empty. An add-on, credential or extension beside the kernel image changes 12 or 13; leaving the initrd changes 11.
set -euo pipefail

STATE=/run/picket
EMPTY=0000000000000000000000000000000000000000000000000000000000000000
TPM_WAIT_S=30
PUBLIC=/.extra/tpm2-pcr-public-key.pem
SIGNATURE=/.extra/tpm2-pcr-signature.json
SEEN=/sysroot/var/lib/picket-console/recovery-seen

say() { echo "picket: $*"; }

# The disk that the verified root lies on, by the first of the two partitions under it. No other disk is ever looked at.
disk() {
  local under
  under=(/sys/block/"$(basename "$(readlink -f /dev/mapper/root)")"/slaves/*)
  basename "$(dirname "$(readlink -f "${under[0]}")")"
}

# udev reads the table itself: the kernel knows no names of partitions that were added to a disk in use.
partition() {
  local at
  udevadm settle
  for at in /sys/block/"$1"/"$1"*; do
    [ "$(udevadm info --query=property --property=ID_PART_ENTRY_NAME --value --path="$at")" != "$2" ] ||
      { echo "/dev/${at##*/}"; return; }
  done
}

# The driver may come later than the disk; the firmware's table says whether there is one to wait for.
tpm() {
  local tries=0
  [ -e /sys/firmware/acpi/tables/TPM2 ] || return 1
  while [ ! -e /dev/tpmrm0 ]; do
    [ $((tries++)) -lt $TPM_WAIT_S ] || return 1
    sleep 1
  done
  [ -e "$PUBLIC" ]
}

# On every console: systemd starts an agent for each when something is asked.
ask() { systemd-ask-password --timeout=0 --emoji=no --id=picket "$1"; }

# Twice the same, and long enough to be worth a disk.
new_passphrase() {
  local one two
  say "no TPM here: a passphrase opens the data, at every start." >&2
  while :; do
    one=$(ask "New passphrase for the data of this box, 12 characters or more:")
    two=$(ask "The same again:")
    [ "$one" = "$two" ] || { say "they differ." >&2; continue; }
    [ ${#one} -ge 12 ] || { say "too short." >&2; continue; }
    printf %s "$one"
    return
  done
}

# systemd-repart writes the table last, so a start that is cut off here begins again at the next one.
make() {
  say "first start: making the data partition on /dev/$1"
  if tpm; then
    systemd-repart --dry-run=no --definitions=/usr/lib/picket/repart/tpm --tpm2-device=auto \
      --tpm2-pcrs=7+12:sha256=$EMPTY+13:sha256=$EMPTY --tpm2-public-key=$PUBLIC --tpm2-public-key-pcrs=11 "/dev/$1" >/dev/null
  else
    (umask 077 && new_passphrase >$STATE/passphrase)
    systemd-repart --dry-run=no --definitions=/usr/lib/picket/repart/passphrase --key-file=$STATE/passphrase "/dev/$1" >/dev/null
  fi
}

open() {
  if [ -e $STATE/passphrase ]; then
    cryptsetup open --key-file=$STATE/passphrase "$1" data
    rm -f $STATE/passphrase
  elif tpm && sealed "$1"; then
    /usr/lib/systemd/systemd-cryptsetup attach data "$1" - "tpm2-device=auto,tpm2-signature=$SIGNATURE,discard,tries=0"
  else
    /usr/lib/systemd/systemd-cryptsetup attach data "$1" - discard,tries=0
  fi
}

sealed() { [[ $(cryptsetup luksDump --dump-json-metadata "$1") == *systemd-tpm2* ]]; }

# Until a person has said that the recovery key is written down, each start makes a new one and shows that.
recovery() {
  [ ! -e $SEEN ] || return 0
  (umask 077 && systemd-cryptenroll --unlock-tpm2-device=auto --recovery-key --wipe-slot=recovery "$1" \
    >$STATE/recovery-key 2>$STATE/recovery-picture) || say "no recovery key could be made" >&2
}

mkdir -p -m 0755 $STATE
name=$(disk)
data=$(partition "$name" data)
if [ -z "$data" ]; then
  make "$name"
  data=$(partition "$name" data)
fi
[ -n "$data" ]
open "$data"
e2fsck -p /dev/mapper/data || [ $? -lt 4 ] || e2fsck -y /dev/mapper/data || [ $? -lt 4 ]
mount -t ext4 -o nodev,nosuid,noexec /dev/mapper/data /sysroot/var
if sealed "$data"; then
  echo sealed >$STATE/disk-state
  recovery "$data"
else
  echo passphrase >$STATE/disk-state
fi
