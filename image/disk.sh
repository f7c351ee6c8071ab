# From a root to a disk: erofs, dm-verity, one signed kernel image, the loader, GPT. Read by make.sh.
# All programs are of the tools tree, in which $WORK is /w.

in_tools() { chroot "$TOOLS" env SOURCE_DATE_EPOCH="$SOURCE_DATE_EPOCH" LC_ALL=C TZ=UTC "$@"; }

# A signature holds its time, which nothing but the clock can tell the signer.
in_tools_at_epoch() {
  in_tools env LD_PRELOAD=/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1 NO_FAKE_STAT=1 \
    FAKETIME="$(date -u -d "@$SOURCE_DATE_EPOCH" '+%F %T')" "$@"
}

enter_tools() {
  mkdir -p "$TOOLS/w"
  mount --bind "$WORK" "$TOOLS/w"
  mount -t proc proc "$TOOLS/proc"
  mount --rbind /dev "$TOOLS/dev"
}

# One uuid of a text, so that the same version has the same partitions on every machine that builds it.
uuid_of() { printf %s "$1" | sha256sum | sed -E 's/^(.{8})(.{4})(.{4})(.{4})(.{12}).*/\1-\2-\3-\4-\5/'; }

# Keys of a test build are made once in the output folder, and are worth nothing. A release names a folder of its own,
# whose keys are copied nowhere but into the folder that is worked in, which does not outlive the run.
keys() {
  KEYS=${PICKET_IMAGE_KEYS:-$OUT/keys}
  if [ -n "${PICKET_IMAGE_KEYS:-}" ]; then
    local name
    for name in pcr.pem pcr.pub.pem db.key db.crt; do
      [ -r "$KEYS/$name" ] || { say "there is no $name in $KEYS"; exit 2; }
    done
    return
  fi
  [ ! -e "$KEYS/db.crt" ] || return 0
  say "making test keys in $KEYS; whoever has the folder can sign for boxes of this build"
  (
    umask 077
    mkdir -p "$KEYS" "$WORK/keys"
    in_tools openssl genrsa -out /w/keys/pcr.pem 2048
    in_tools openssl rsa -in /w/keys/pcr.pem -pubout -out /w/keys/pcr.pub.pem
    in_tools openssl req -new -x509 -newkey rsa:2048 -nodes -keyout /w/keys/db.key -out /w/keys/db.crt -subj '/CN=Picket test build/' -days 3650
    mv "$WORK"/keys/{pcr.pem,pcr.pub.pem,db.key,db.crt} "$KEYS/"
  ) 2>/dev/null
}

# repart WORK OUTPUT.json [options]: the disk as $WORK/definitions say.
repart() {
  local into=$1 report=$2
  shift 2
  # 512: with a larger sector the firmware finds no FAT. The blocks of verity stay at 4096 (its hashes would not fit).
  in_tools systemd-repart --sector-size=512 --offline=yes --empty=create --size=auto --seed="$(uuid_of "picket-$VERSION")" \
    --definitions=$inside/definitions --dry-run=no --json=short "$@" $inside/disk.raw >"$into/$report" 2>"$into/repart.log" ||
    { tail -n 5 "$into/repart.log" >&2; exit 1; }
  grep -o '"roothash":"[0-9a-f]*"' "$into/$report" | head -n 1 | cut -d'"' -f4
}

definitions() {
  local at=$1/definitions blocks='VerityDataBlockSizeBytes=4096\nVerityHashBlockSizeBytes=4096\nVerityMatchKey=root\n'
  rm -rf "$at"
  mkdir -p "$at"
  printf '[Partition]\nType=esp\nFormat=vfat\nCopyFiles=%s/esp:/\nSizeMinBytes=256M\nSizeMaxBytes=256M\n' "$inside" >"$at/00-esp.conf"
  printf '[Partition]\nType=root\nLabel=picket_%s\nCopyBlocks=%s/parts/root.erofs\nVerity=data\n%bSplitName=root\nSizeMinBytes=512M\nSizeMaxBytes=512M\n' \
    "$VERSION" "$inside" "$blocks" >"$at/10-root.conf"
  printf '[Partition]\nType=root-verity\nLabel=picket_%s_verity\nVerity=hash\n%bSplitName=root-verity\nSizeMinBytes=32M\nSizeMaxBytes=32M\n' \
    "$VERSION" "$blocks" >"$at/11-verity.conf"
}

kernel_image() {
  local into=$1 hash=$2
  # shellcheck disable=SC2046 # words
  echo roothash="$hash" $(grep -v '^#' image/kernel-line.txt) >"$into/parts/cmdline"
  in_tools_at_epoch ukify build --linux=$inside/parts/vmlinuz --initrd=$inside/parts/initrd --os-release=@$inside/parts/os-release --uname="$(cat "$into/parts/uname")" \
    --cmdline=@$inside/parts/cmdline --pcr-private-key=$inside/keys/pcr.pem --pcr-public-key=$inside/keys/pcr.pub.pem --pcr-banks=sha256 --phases=enter-initrd \
    --secureboot-private-key=$inside/keys/db.key --secureboot-certificate=$inside/keys/db.crt --output=$inside/picket.efi >"$into/ukify.log" 2>&1 ||
    { tail -n 5 "$into/ukify.log" >&2; exit 1; }
}

esp() {
  local at=$1/esp
  rm -rf "$at"
  mkdir -p "$at"/EFI/{BOOT,systemd,Linux} "$at/loader"
  in_tools_at_epoch sbsign --key $inside/keys/db.key --cert $inside/keys/db.crt --output $inside/esp/EFI/BOOT/BOOTX64.EFI \
    /usr/lib/systemd/boot/efi/systemd-bootx64.efi >/dev/null 2>&1
  cp "$at/EFI/BOOT/BOOTX64.EFI" "$at/EFI/systemd/systemd-bootx64.efi"
  # The first image counts its tries as every later one does: the gate that blesses it is only asked for then.
  cp "$1/picket.efi" "$at/EFI/Linux/picket_$VERSION+$TRIES.efi"
  printf 'timeout 1\nconsole-mode keep\neditor no\n' >"$at/loader/loader.conf"
  find "$at" -exec touch -d "@$SOURCE_DATE_EPOCH" {} +
}

# The longest step. The image of a tree that has not changed is kept; a comparison of two runs does not take it.
root_image() {
  local into=$1 key image=$1/parts/root.erofs
  local options=(-zzstd,level=6 -C65536 --workers=2 -T"$SOURCE_DATE_EPOCH" --all-time -U"$(uuid_of "picket-$VERSION-root")" -x-1)
  key=$( { echo "${options[@]}"; tar -C "$into/root" --sort=name --numeric-owner -cf - .; } | sha256sum | cut -c1-64)
  if [ "$TWICE" = no ] && [ "$(cat "$KEEP/root.key" 2>/dev/null)" = "$key" ]; then
    step "erofs: as kept, nothing in the root has changed"
    cp "$KEEP/root.erofs" "$image"
    return
  fi
  step "erofs"
  in_tools mkfs.erofs "${options[@]}" --quiet "$inside/parts/root.erofs" "$inside/root"
  rm -f "$KEEP/root.key"
  cp "$image" "$KEEP/root.erofs"
  echo "$key" >"$KEEP/root.key"
}

# disk INTO: INTO/root and INTO/parts become INTO/disk.raw and INTO/update.
disk() {
  local into=$1 inside hash again
  inside=/w/$(basename "$into")
  root_image "$into"
  step "verity"
  definitions "$into"
  mkdir -p "$into/esp"
  rm -f "$into"/disk*.raw
  hash=$(repart "$into" first.json --defer-partitions=esp)
  step "kernel image"
  kernel_image "$into" "$hash"
  esp "$into"
  step "disk"
  rm -f "$into"/disk*.raw
  again=$(repart "$into" second.json --split=yes)
  [ "$hash" = "$again" ] || { say "two passes gave two root hashes: $hash and $again"; exit 1; }
  update_files "$into" "$hash"
  rm -rf "$into/definitions" "$into/esp" "$into"/{first,second}.json "$into"/{repart,ukify}.log "$into"/disk.esp.raw
}

# What a later box is given for its other slot: the partitions with the uuids that follow from the root hash.
update_files() {
  local into=$1 hash=$2 at=$1/update
  rm -rf "$at"
  mkdir -p "$at"
  mv "$into/disk.root.raw" "$at/picket_${VERSION}_$(uuid "${hash:0:32}").root.raw"
  mv "$into/disk.root-verity.raw" "$at/picket_${VERSION}_$(uuid "${hash:32}").root-verity.raw"
  mv "$into/picket.efi" "$at/picket_$VERSION.efi"
}
uuid() { sed -E 's/(.{8})(.{4})(.{4})(.{4})(.{12})/\1-\2-\3-\4-\5/' <<<"$1"; }
