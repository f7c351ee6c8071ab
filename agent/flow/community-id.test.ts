import { expect, test } from 'vitest'
import { parseAddress } from '../base/address.ts'
import { communityId } from './community-id.ts'

function id(protocol: number, src: string, dest: string, a: number, b: number, seed = 0): string {
  const icmp = protocol === 1 || protocol === 58
  return communityId(
    {
      protocol,
      src: parseAddress(src) as Uint32Array,
      dest: parseAddress(dest) as Uint32Array,
      srcPort: icmp ? 0 : a,
      destPort: icmp ? 0 : b,
      icmpType: icmp ? a : 0,
      icmpCode: icmp ? b : 0,
    },
    seed,
  )
}

// The sample tables of the specification (BSD-3-Clause).
test('the specification, in both directions', () => {
  const v6 = ['fe80:1:203:405:607:809:a0b:c0d', 'fe80:1011:1213:1415:1617:1819:1a1b:1c1d'] as const
  const v4 = ['1.2.3.4', '5.6.7.8'] as const
  const rows: [number, readonly [string, string], number, number, number, number, string][] = [
    [6, v4, 1122, 3344, 3344, 1122, '1:wCb3OG7yAFWelaUydu0D+125CLM='],
    [17, v4, 1122, 3344, 3344, 1122, '1:0Mu9InQx6z4ZiCZM/7HXi2WMhOg='],
    [132, v4, 1122, 3344, 3344, 1122, '1:EKt4MsxuyaE6mL+hmrEkQ9csDD8='],
    [1, v4, 8, 0, 0, 0, '1:crodRHL2FEsHjbv3UkRrfbs4bZ0='],
    [58, v6, 128, 0, 129, 0, '1:0bf7hyMJUwt3fMED7z8LIfRpBeo='],
    [46, v4, 0, 0, 0, 0, '1:ikv3kmf89luf73WPz1jOs49S768='],
    [46, v6, 0, 0, 0, 0, '1:wQ/2mwrnXP4lmJcHdGL5ePjR+e0='],
  ]
  for (const [protocol, [a, b], x, y, backX, backY, expected] of rows) {
    expect(id(protocol, a, b, x, y)).toBe(expected)
    expect(id(protocol, b, a, backX, backY)).toBe(expected)
  }
  expect(id(1, '1.2.3.4', '5.6.7.8', 11, 0)).toBe('1:f/YiSyWqczrTgfUCZlBUnvHRcPk=')
  expect(id(58, v6[0], v6[1], 146, 0)).toBe('1:fYC8+pz24E+EhANP1EZhpX0Dw10=')
  expect(id(6, '1.2.3.4', '5.6.7.8', 1122, 3344, 1)).toBe('1:HhA1B+6CoLbiKPEs5nhNYN4XWfk=')
})
