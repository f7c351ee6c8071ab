/** Bytes from here to there: Node's copy makes no view of what it copies, which for a segment costs as much as the bytes do. */
const copy = Buffer.prototype.copy as (
  this: Uint8Array,
  target: Uint8Array,
  at: number,
  start: number,
  end: number,
) => number

/** [start, end) of `bytes` to `at` of `target`, which has room for it; they may overlap. */
export function copyBytes(
  bytes: Uint8Array,
  start: number,
  end: number,
  target: Uint8Array,
  at: number,
): void {
  copy.call(bytes, target, at, start, end)
}
