import { expect, test } from 'vitest'
import { fanoutGroup } from './shards.ts'

test('no two interfaces of a process share a fan-out group, whatever its number', () => {
  for (let pid = 1; pid < 70_000; pid++) {
    const groups = new Set(Array.from({ length: 16 }, (_, i) => fanoutGroup(pid, i)))
    if (groups.size !== 16) expect([pid, groups.size]).toEqual([pid, 16])
    for (const group of groups) if (group < 0 || group > 0xffff) expect(group).toBe('16 bits')
  }
})
