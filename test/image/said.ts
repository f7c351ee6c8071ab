/** The words of the console that tests wait for. */
export const SAID = {
  /** The one-time code of a box that nobody has claimed. */
  code: /claim code\s+((?:[0-9A-HJKMNP-TV-Z]{4}-){2}[0-9A-HJKMNP-TV-Z]{4})\b/,
  /** In two rows of pairs. */
  fingerprint: /((?:[0-9A-F]{2}:){16})\s+\(SHA-256\)\s+((?:[0-9A-F]{2}:){15}[0-9A-F]{2})/,
  /** The data did not open by the TPM: it waits for the recovery key, and nothing of the box runs. */
  locked: /enter (passphrase|recovery key)|passphrase for/i,
  /** A block of the root file system is not what was built. */
  corrupt: /verity: .*(corrupt|mismatch)|dm-verity device corrupted/i,
  firmware: /BdsDxe: starting|EFI stub/,
} as const

/** With a margin for a machine that has other work: in software a first boot takes 100 s where nothing else runs. */
export const BOOT_MS_MAX = 1_200_000
