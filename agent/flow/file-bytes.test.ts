/** A file is lent while it is told, and longer to an alert that waits. */
import { expect, test } from 'vitest'
import { keepLent, readLent } from '../decode/lent.ts'
import type { Transaction } from '../decode/records.ts'
import type { CarriedFile, FtpData } from '../decode/records-it.ts'
import { FileBytes } from './file-bytes.ts'

const text = ({ data }: CarriedFile) => Buffer.from(data).toString()

function fileOf(bytes: string): FileBytes {
  const file = new FileBytes(true)
  file.add(Buffer.from(bytes))
  return file
}

/** As an alert has it. */
function carrying(file: CarriedFile): Transaction {
  return { proto: 'ftp-data', stage: 'file', ftpData: {} as FtpData, file }
}

test('its bytes are there while it is told, and their memory is free afterwards', () => {
  const file = fileOf('one')
  const told: CarriedFile[] = []
  file.carry(0, 'a', true, (carried) => {
    expect(text(carried)).toBe('one')
    told.push(carried)
  })
  expect(file.held).toBe(0)
  expect(told.map(text)).toEqual([''])
})

test('alerts that wait keep them until the last one has been told, whatever comes meanwhile', () => {
  const [file, next] = [fileOf('one'), new FileBytes(true)]
  const waiting: Transaction[] = []
  file.carry(0, 'a', true, (carried) => {
    waiting.push(carrying(carried), carrying(carried))
    for (const tx of waiting) keepLent(tx)
  })
  next.add(Buffer.from('two'))
  const [first, second] = waiting as [Transaction, Transaction]
  readLent(first)
  expect(file.held).toBeGreaterThan(0)
  expect('file' in second && second.file && text(second.file)).toBe('one')
  readLent(second)
  expect(file.held).toBe(0)
})
