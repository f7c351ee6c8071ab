import { test } from 'vitest'
import { decodeModbus } from './modbus.ts'

const read = Buffer.from('0007000000060103006b0003', 'hex')
const write = Buffer.from('00070000000b01100001000204000a0102', 'hex')
const lie = Buffer.from('00070000000b01100001000205000a0102', 'hex')

test('modbus', async ({ bench }) => {
  await bench.compare(
    bench('read request', () => void decodeModbus(read, { toServer: true })),
    bench('write of two registers', () => void decodeModbus(write, { toServer: true })),
    bench('byte count that lies', () => void decodeModbus(lie, { toServer: true })),
  )
})
