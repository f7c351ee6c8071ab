import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { collectNow } from './heap.ts'

test('a whole collection comes when it is asked for, and nobody else can ask for one', async () => {
  const dropped = new WeakRef({ large: new Array(100_000).fill(0) })
  await setImmediate() // a WeakRef keeps its object until the turn ends
  collectNow()
  expect(dropped.deref()).toBeUndefined()
  expect(Reflect.get(globalThis, 'gc')).toBeUndefined()
})
