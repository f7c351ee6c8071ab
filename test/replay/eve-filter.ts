/** The filters of suricata-verify over EVE records: dotted keys, [n], has-key, and words that end in __gt and its like. */

const SUFFIX = /\.?__(len|find|contains|startswith|endswith|gt|gte|lt|lte)$/

/** What stands at `a.b[0].c`; undefined where nothing does. */
export function valueAt(record: unknown, path: string): unknown {
  let at = record
  for (const part of path.split('.')) {
    const [, name = part, index] = /^(.*)\[(\d+)\]$/.exec(part) ?? []
    at = own(at, name)
    if (index !== undefined) at = own(at, index)
    if (at === undefined) return undefined
  }
  return at
}

function own(of: unknown, name: string): unknown {
  if (of === null || typeof of !== 'object' || !Object.hasOwn(of, name)) return undefined
  return (of as Record<string, unknown>)[name]
}

/** Whether the record passes every part of the filter. */
export function matches(record: unknown, filter: Readonly<Record<string, unknown>>): boolean {
  return Object.entries(filter).every(([key, expected]) => {
    if (key === 'has-key' || key === 'not-has-key') {
      const names = Array.isArray(expected) ? expected : [expected]
      const here = (name: unknown) => valueAt(record, String(name)) !== undefined
      return key === 'has-key' ? names.every(here) : !names.some(here)
    }
    const how = SUFFIX.exec(key)
    const value = valueAt(record, how ? key.slice(0, how.index) : key)
    return how ? passes(how[1] as string, value, expected) : same(value, expected)
  })
}

function passes(how: string, value: unknown, expected: unknown): boolean {
  if (value === undefined) return false
  switch (how) {
    case 'len':
      return lengthOf(value) === Number(expected)
    case 'find':
    case 'contains':
      return Array.isArray(value)
        ? value.some((each) => same(each, expected))
        : typeof value === 'object' && value !== null
          ? Object.hasOwn(value, String(expected))
          : String(value).includes(String(expected))
    case 'startswith':
      return String(value).startsWith(String(expected))
    case 'endswith':
      return String(value).endsWith(String(expected))
    case 'gt':
      return Number(value) > Number(expected)
    case 'gte':
      return Number(value) >= Number(expected)
    case 'lt':
      return Number(value) < Number(expected)
    default:
      return Number(value) <= Number(expected)
  }
}

function lengthOf(value: unknown): number {
  if (typeof value === 'string' || Array.isArray(value)) return value.length
  return value !== null && typeof value === 'object' ? Object.keys(value).length : -1
}

/** A number and its text are the same, as they are to the makers of the filters. */
function same(value: unknown, expected: unknown): boolean {
  // null: there must be nothing.
  if (expected === null) return value === undefined || value === null
  if (value === undefined || value === null) return false
  if (typeof value !== 'object' || typeof expected !== 'object')
    return typeof value === typeof expected
      ? value === expected
      : String(value) === String(expected)
  const [a, b] = [Object.entries(value), Object.entries(expected as object)]
  return a.length === b.length && a.every(([key, each]) => same(each, own(expected, key)))
}
