/**
 * The object headers of a DNP3 fragment (IEEE 1815 §11.3) and, of commands, the points. Data are passed over by their
 * size; where that is not known here, reading stops and the record says that it is not complete.
 */
import type { Cursor } from '../base/cursor.ts'
import { type PointFields, readPoint } from './dnp3-points.ts'
import { little } from './ics.ts'

const OBJECTS_MAX = 64
/** Of a whole fragment: more would not fit into a row. */
const POINTS_MAX = 128

export interface Dnp3Object {
  group: number
  variation: number
  qualifier: number
  prefix_code: number
  range_code: number
  start: number
  stop: number
  count: number
  /** At most POINTS_MAX a fragment. */
  points?: PointFields[]
}

/** Bytes of one object's data, by group and variation; `0.5`: of a bit field, in eighths. */
const SIZES = new Map<number, number>()
const PACKED = new Map<number, number>([
  [key(1, 1), 1],
  [key(3, 1), 2],
  [key(10, 1), 1],
  [key(80, 1), 1],
])
/** `group: size of variation 1, 2 …`; 0 where there is none of a fixed size. */
const TABLE = `1:0,1 2:1,7,3 3:0,1 4:1,7,3 10:0,1 11:1,7 12:11,11 13:1,7 20:5,3,5,3,4,2,4,2 21:5,3,5,3,11,9,11,9,4,2
22:5,3,5,3,11,9,11,9 23:5,3,5,3,11,9,11,9 30:5,3,4,2,5,9 31:5,3,11,9,4,2,5,9 32:5,3,11,9,5,9,11,15
33:5,3,11,9,5,9,11,15 34:2,4,4 40:5,3,5,9 41:5,3,5,9 42:5,3,11,9,5,9,11,15 43:5,3,11,9,5,9,11,15 50:6,10,6,11
51:6,6 52:2,2`

for (const line of TABLE.split(/\s+/)) {
  const [group, sizes = ''] = line.split(':')
  for (const [i, size] of sizes.split(',').entries())
    if (size !== '0') SIZES.set(key(Number(group), i + 1), Number(size))
}

function key(group: number, variation: number): number {
  return group * 256 + variation
}

/** Bytes of the range field and of each prefix, by the code in the qualifier; -1: not a code there is. */
const PREFIX_BYTES = [0, 1, 2, 4, 1, 2, 4, -1]
const SIZE_PREFIX_FIRST = 4
const FREE_FORMAT = 0x0b

/** Reads to the end of the fragment or to what is not known; a range that lies past the end is a fault of the cursor. */
export function readObjects(
  cursor: Cursor,
  withData: boolean,
): { objects: Dnp3Object[]; complete: boolean } {
  const objects: Dnp3Object[] = []
  let points = 0
  while (cursor.left > 0) {
    if (objects.length >= OBJECTS_MAX) return { objects, complete: false }
    const object = readHeader(cursor)
    if (cursor.fault) break
    objects.push(object)
    const known = readData(cursor, object, { withData, most: POINTS_MAX - points })
    points += object.points?.length ?? 0
    if (!known) return { objects, complete: false }
  }
  return { objects, complete: cursor.fault === undefined }
}

function readHeader(cursor: Cursor): Dnp3Object {
  const group = cursor.u8()
  const variation = cursor.u8()
  const qualifier = cursor.u8()
  const range = qualifier & 0x0f
  const object: Dnp3Object = {
    group,
    variation,
    qualifier,
    prefix_code: (qualifier >> 4) & 7,
    range_code: range,
    start: 0,
    stop: 0,
    count: 0,
  }
  if (range <= 5) {
    const bytes = 1 << (range % 3)
    object.start = little(cursor, bytes)
    object.stop = little(cursor, bytes)
    if (object.stop < object.start) cursor.fail('bad-length')
    object.count = object.stop - object.start + 1
  } else if (range >= 7 && range <= 9) object.count = little(cursor, 1 << (range - 7))
  else if (range === FREE_FORMAT) object.count = cursor.u8()
  else if (range !== 6) cursor.fail('bad-record')
  return object
}

/** Passes over the data; false where their size is not known. */
function readData(
  cursor: Cursor,
  object: Dnp3Object,
  { withData, most }: { withData: boolean; most: number },
): boolean {
  const { group, variation, count, prefix_code } = object
  const prefix = PREFIX_BYTES[prefix_code] as number
  if (prefix < 0) {
    cursor.fail('bad-record')
    return true
  }
  if (prefix_code >= SIZE_PREFIX_FIRST) {
    // Each object says its own size: of no use past what the fragment can hold.
    for (let i = 0; i < count && cursor.fault === undefined; i++)
      cursor.take(little(cursor, prefix))
    return true
  }
  if (!withData || object.range_code === 6) {
    cursor.take(prefix * count)
    return true
  }
  const packed = PACKED.get(key(group, variation))
  if (packed !== undefined && prefix === 0) {
    const bits = cursor.take(Math.ceil((count * packed) / 8))
    if (packed === 1 && cursor.fault === undefined) object.points = readStates(bits, object, most)
    return true
  }
  const size = group === 110 || group === 111 ? variation : SIZES.get(key(group, variation))
  if (size === undefined) return variation === 0 && count === 0
  const end = cursor.offset + (prefix + size) * count
  if (end > cursor.end) cursor.fail('truncated')
  else {
    const points = readPoints(cursor, object, { prefixBytes: prefix, size, most })
    if (points.length > 0) object.points = points
    cursor.offset = end
  }
  return true
}

/** States of one bit each, by the index of the point. */
function readStates(bits: Uint8Array, { start, count }: Dnp3Object, most: number): PointFields[] {
  const points: PointFields[] = []
  for (let i = 0; i < count && i < most; i++) {
    const state = ((bits[i >> 3] as number) >> (i & 7)) & 1
    points.push({ prefix: 0, index: start + i, state })
  }
  return points
}

function readPoints(
  cursor: Cursor,
  object: Dnp3Object,
  { prefixBytes, size, most }: { prefixBytes: number; size: number; most: number },
): PointFields[] {
  const points: PointFields[] = []
  for (let i = 0; i < object.count && i < most; i++) {
    const prefix = prefixBytes === 0 ? 0 : little(cursor, prefixBytes)
    const index = prefixBytes === 0 ? object.start + i : prefix
    const next = cursor.offset + size
    const fields = readPoint(cursor, object, size)
    if (!fields) break
    points.push({ prefix, index, ...fields })
    cursor.offset = next
  }
  return points
}
