import { expect, test } from 'vitest'
import { elementsOf } from './elements.ts'

test.each([
  [{ target: '10.0.0.1' }, ['host4 10.0.0.1']],
  [{ target: '10.0.0.1', dest: '10.0.0.2' }, ['pair4 10.0.0.1 . 10.0.0.2']],
  [{ target: '10.0.0.1', port: 22, proto: 'tcp' }, ['service4 10.0.0.1 . tcp . 22']],
  [
    { target: '10.0.0.1', dest: '10.0.0.2', port: 53 },
    ['flow4 10.0.0.1 . 10.0.0.2 . tcp . 53', 'flow4 10.0.0.1 . 10.0.0.2 . udp . 53'],
  ],
  [
    { target: '2001:DB8::1', dest: '2001:db8::2', port: 53, proto: 'udp' },
    ['flow6 2001:db8::1 . 2001:db8::2 . udp . 53'],
  ],
  [{ target: '::ffff:10.0.0.1' }, ['host4 10.0.0.1']],
] as const)('%j', (plan, expected) => {
  expect(elementsOf(plan).map(({ set, tuple }) => `${set} ${tuple}`)).toEqual(expected)
})

test.each([
  { target: '10.0.0.0/8' },
  { target: '10.0.0.1; flush ruleset' },
  { target: '10.0.0.1', dest: '2001:db8::1' },
  { target: '10.0.0.1', port: 0 },
  { target: '10.0.0.1', port: '80 }; flush ruleset' as unknown as number },
  { target: 'example.org' },
])('nothing but hosts and ports: %j', (plan) => {
  expect(() => elementsOf(plan)).toThrow()
})
