/** Medians, and between what nine of ten measurements lie. */
export interface Spread {
  median: number
  low: number
  high: number
  count: number
}

export function spreadOf(values: readonly number[]): Spread {
  const at = (part: number) => Math.round(percentile(values, part) * 10) / 10
  return { median: at(0.5), low: at(0.05), high: at(0.95), count: values.length }
}

export function percentile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN
}
