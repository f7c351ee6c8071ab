/** Small words for the sentences of findings. */

/** `12 s`, `4 min`: how long evidence took, never "0 s". */
export function span(firstUs: number, lastUs: number): string {
  const seconds = Math.max(1, Math.ceil((lastUs - firstUs) / 1e6))
  return seconds < 180 ? `${seconds} s` : `${Math.round(seconds / 60)} min`
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`
}
