/** DER (X.690) as far as protocols need it: tags of one byte, definite lengths, no recursion of its own. */

const CHILDREN_MAX = 64

export interface DerItem {
  tag: number
  start: number
  end: number
}

/** The item that begins at `at` and ends within `end`; undefined when it does not. */
export function derItem(bytes: Buffer, at: number, end: number): DerItem | undefined {
  if (at + 2 > end) return undefined
  const tag = bytes[at] as number
  const first = bytes[at + 1] as number
  let start = at + 2
  let size = first
  if (first >= 0x80) {
    const count = first & 0x7f
    if (count === 0 || count > 4 || start + count > end) return undefined
    size = bytes.readUIntBE(start, count)
    start += count
  }
  return start + size <= end ? { tag, start, end: start + size } : undefined
}

/** The items inside `parent`, as far as they are whole. */
export function derChildren(bytes: Buffer, parent: DerItem | undefined): DerItem[] {
  const list: DerItem[] = []
  if (!parent) return list
  for (let at = parent.start; at < parent.end && list.length < CHILDREN_MAX; ) {
    const item = derItem(bytes, at, parent.end)
    if (!item) break
    list.push(item)
    at = item.end
  }
  return list
}

/** What the first item inside `parent` is: how an explicit tag wraps its value. */
export function derInside(bytes: Buffer, parent: DerItem | undefined): DerItem | undefined {
  return parent && derItem(bytes, parent.start, parent.end)
}

/** The fields of a SEQUENCE with the context tags [0], [1] …, each already unwrapped. */
export function derFields(bytes: Buffer, sequence: DerItem | undefined): Map<number, DerItem> {
  const fields = new Map<number, DerItem>()
  if (sequence?.tag !== 0x30) return fields
  for (const item of derChildren(bytes, sequence)) {
    const inside = (item.tag & 0xe0) === 0xa0 ? derInside(bytes, item) : undefined
    if (inside) fields.set(item.tag & 0x1f, inside)
  }
  return fields
}

/** A signed number of up to six bytes; undefined when it is none. */
export function derNumber(bytes: Buffer, item: DerItem | undefined): number | undefined {
  if (item?.tag !== 2 || item.end - item.start < 1 || item.end - item.start > 6) return undefined
  return bytes.readIntBE(item.start, item.end - item.start)
}

export function derText(bytes: Buffer, item: DerItem | undefined): string {
  return item ? bytes.toString('utf8', item.start, Math.min(item.end, item.start + 1024)) : ''
}
