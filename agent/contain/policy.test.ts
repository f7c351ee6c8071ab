import { expect, test } from 'vitest'
import { placementOf, reaches } from './placement.ts'
import { decide } from './policy.ts'

const here = { enforces: true, sentence: 'It can.' }
const proven = { evidence: 'proven', severity: 'high' } as const

test.each([
  ['proven and high, where the site chose so', proven, 'automatic', 'automatic'],
  ['proven and critical', { ...proven, severity: 'critical' }, 'automatic', 'automatic'],
  ['proven and high, by default', proven, 'propose', 'propose'],
  ['what can be forged', { ...proven, evidence: 'spoofable' }, 'automatic', 'propose'],
  ['what is not severe', { ...proven, severity: 'medium' }, 'automatic', 'propose'],
  ['what names no severity', { evidence: 'proven' }, 'automatic', 'propose'],
] as const)('%s', (_, plan, policy, act) => {
  expect(decide(plan, policy, here).act).toBe(act)
})

test('nothing where nothing can be enforced', () => {
  const nowhere = { enforces: false, sentence: 'It cannot.' }
  expect(decide(proven, 'automatic', nowhere)).toEqual({ act: 'none', because: 'It cannot.' })
})

const facts = { forwards4: true, forwards6: false, bridges: false }

test.each([
  ['tap', facts, undefined, false, 'copy of the traffic'],
  ['gateway', facts, undefined, true, 'IPv4 only'],
  ['gateway', { ...facts, forwards6: true }, undefined, true, 'it can drop'],
  ['gateway', { ...facts, forwards4: false }, undefined, false, 'forwards nothing'],
  ['gateway', facts, 'no right.', false, 'cannot be enforced from here: no right.'],
  ['bridge', facts, undefined, false, 'no port of it'],
  ['bridge', { ...facts, bridges: true }, undefined, true, 'bridge in the line'],
] as const)('a %s says what it can do', (place, now, fault, enforces, words) => {
  const placement = placementOf(place, now, fault)
  expect(placement.enforces).toBe(enforces)
  expect(placement.sentence).toContain(words)
})

test('a family that is not forwarded is not contained', () => {
  expect(reaches('gateway', facts, '10.0.0.1').enforces).toBe(true)
  expect(reaches('gateway', facts, '2001:db8::1').sentence).toContain('does not forward IPv6')
  expect(reaches('bridge', facts, '2001:db8::1').enforces).toBe(true)
})
