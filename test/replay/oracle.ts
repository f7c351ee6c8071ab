/** Fields that others decoded, held against ours: per protocol how many were compared, and how many are equal. */

const SHOWN_MAX = 40

export type Fields = Record<string, string | number | boolean | undefined>

interface Count {
  compared: number
  equal: number
  differ: string[]
}

export class Oracle {
  readonly counts = new Map<string, Count>()

  /** Of `expected` the fields that are set; `found` undefined: nothing of it was decoded. */
  compare(protocol: string, where: string, expected: Fields, found: Fields | undefined): void {
    const count = this.counts.get(protocol) ?? { compared: 0, equal: 0, differ: [] }
    this.counts.set(protocol, count)
    for (const [name, value] of Object.entries(expected)) {
      if (value === undefined || value === '') continue
      count.compared++
      if (found && String(found[name]) === String(value)) count.equal++
      else if (count.differ.length < SHOWN_MAX)
        count.differ.push(`${where} ${name}: ${value}, here ${found ? found[name] : 'nothing'}`)
    }
  }

  share(protocol: string): number {
    const { compared, equal } = this.counts.get(protocol) ?? { compared: 0, equal: 0 }
    return compared === 0 ? 0 : equal / compared
  }

  /** Fails where a protocol has fallen behind these percentages. */
  holds(reached: Record<string, number>): void {
    for (const [protocol, percent] of Object.entries(reached))
      if (this.share(protocol) * 100 < percent)
        throw new Error(`${protocol} is below ${percent} %:\n${this.table()}`)
  }

  /** A line a protocol, the whole, and the first differences of each. */
  table(): string {
    const lines: string[] = []
    for (const [protocol, { compared, equal, differ }] of [...this.counts].sort()) {
      const share = ((100 * equal) / compared).toFixed(1)
      lines.push(`${protocol.padEnd(12)} ${compared} compared, ${equal} equal, ${share} %`)
      if (process.env.PICKET_DIFFER) lines.push(...differ.map((line) => `    ${line}`))
    }
    const all = [...this.counts.values()]
    const [compared, equal] = [
      sum(all.map((one) => one.compared)),
      sum(all.map((one) => one.equal)),
    ]
    lines.push(`${'all'.padEnd(12)} ${compared} compared, ${equal} equal`)
    const none = [...this.counts].filter(([, { equal }]) => equal === 0).map(([name]) => name)
    if (none.length > 0) lines.push(`not decoded yet: ${none.sort().join(', ')}`)
    return lines.join('\n')
  }
}

const sum = (numbers: number[]) => numbers.reduce((a, b) => a + b, 0)

/** How like two rows are: pairs that share most fields belong together. */
export function closest(expected: Fields, rows: Fields[]): Fields | undefined {
  let best: Fields | undefined
  let most = -1
  for (const row of rows) {
    const same = Object.entries(expected).filter(
      ([name, value]) => value !== undefined && String(row[name]) === String(value),
    ).length
    if (same > most) [best, most] = [row, same]
  }
  return best
}
