/** Numbers as people read them: with their unit, and never parted from it at a line end. */

const NB = '\u00a0'
const NUMBER = new Intl.NumberFormat('en-GB')
const BYTE_UNITS = ['B', 'KB', 'MB', 'GB', 'TB', 'PB'] as const

export function count(value: number): string {
  return NUMBER.format(value)
}

export function plural(value: number, noun: string, many = `${noun}s`): string {
  return `${count(value)}${NB}${value === 1 ? noun : many}`
}

/** `538`, `12,400`, `920 M`, `2.61 bn`: counts too long to read out. */
export function large(value: number): string {
  if (value < 1e6) return count(value)
  const [size, unit] = value < 999.5e6 ? [1e6, 'M'] : [1e9, 'bn']
  return `${Number((value / size).toPrecision(3))}${NB}${unit}`
}

/** Decimal units, as disks and links are sold: `8.9 GB`. */
export function bytesText(value: number): string {
  let unit = 0
  let left = value
  for (; left >= 999.5 && unit < BYTE_UNITS.length - 1; unit++) left /= 1000
  return `${unit === 0 || left >= 100 ? Math.round(left) : Number(left.toPrecision(2))}${NB}${BYTE_UNITS[unit]}`
}

/** Up to two units: `3 ms`, `0.4 s`, `95 s`, `6 min 21 s`, `4 h`, `3 days`. */
export function span(ms: number): string {
  if (ms > 0 && ms < 100) return `${Math.max(1, Math.round(ms))}${NB}ms`
  const seconds = Math.max(0, ms) / 1000
  if (seconds < 10) return `${Number(seconds.toPrecision(seconds < 1 ? 1 : 2))}${NB}s`
  if (seconds < 120) return `${Math.round(seconds)}${NB}s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 10) return two(minutes, 'min', Math.floor(seconds % 60), 's')
  if (minutes < 60) return `${minutes}${NB}min`
  const hours = Math.floor(minutes / 60)
  if (hours < 48) return two(hours, 'h', hours < 10 ? minutes % 60 : 0, 'min')
  return plural(Math.floor(hours / 24), 'day')
}

function two(big: number, bigUnit: string, small: number, smallUnit: string): string {
  const head = `${big}${NB}${bigUnit}`
  return small > 0 ? `${head} ${small}${NB}${smallUnit}` : head
}

/** `27.4 k/s`: a rate on an axis. */
export function rate(value: number): string {
  if (value >= 1e6) return `${Number((value / 1e6).toPrecision(2))}${NB}M/s`
  if (value >= 1000) return `${Number((value / 1000).toPrecision(2))}${NB}k/s`
  return `${Number(value.toPrecision(2))}${NB}/s`
}

/** First letter large: a clause becomes a sentence. */
export function sentenceCase(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

/** `a, b and c`. */
export function listed(items: readonly string[]): string {
  return items.length < 2
    ? (items[0] ?? '')
    : `${items.slice(0, -1).join(', ')} and ${items[items.length - 1]}`
}

/** A sentence of another process, with each number tied to its unit. */
export function tied(sentence: string): string {
  return sentence.replace(/(\d) (ms|s|min|h|days?|actions?|blocks?|findings?)\b/g, `$1${NB}$2`)
}
