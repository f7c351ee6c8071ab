/** DCE/RPC, by itself and in the pipes of SMB: interface, operation, arguments. */
import { PDU } from '../../decode/dcerpc.ts'
import type { Transaction } from '../../decode/records.ts'
import type { DcerpcCall } from '../../decode/records-it.ts'
import { type BufferSource, some, type TxProto } from './buffer-source.ts'
import { type NumberTest, parseNumberTest, passes } from './condition.ts'
import { type KeywordTable, parts, valued } from './keyword.ts'
import { Refused } from './rule-text.ts'

const PROTOS: readonly TxProto[] = ['dcerpc', 'smb']
const OPNUMS_MAX = 64

export function callOf(tx: Transaction): DcerpcCall | undefined {
  return tx.proto === 'dcerpc' ? tx.dcerpc : tx.proto === 'smb' ? tx.smb.dcerpc : undefined
}

export const DCERPC_BUFFERS: readonly BufferSource[] = [
  {
    name: 'dcerpc.stub_data',
    protos: PROTOS,
    side: 'both',
    body: false,
    multi: false,
    read: (tx, response) => {
      const call = callOf(tx)
      return call && some(response ? call.responseStub : call.requestStub)
    },
  },
]

export const DCERPC_KEYWORDS: KeywordTable = {
  'dcerpc.iface': valued((draft, value, name) => {
    const [uuid = '', ...words] = parts(value)
    const wanted = uuid.toLowerCase()
    if (!/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(wanted))
      throw new Refused(name, `"${uuid}" is not an interface`)
    const tests = words
      .filter((word) => word !== 'any_frag')
      .map((word) => {
        const test = parseNumberTest(word.replace(/\s+/g, ''))
        if (!test) throw new Refused(name, `"${word}" is not a version`)
        return test
      })
    const anyFragment = words.includes('any_frag')
    draft.useProto(name, ...PROTOS)
    draft.transactionTests.push({
      bothSides: true,
      test: (tx) => {
        const call = callOf(tx)
        if (call?.request !== PDU.request || call.uuid !== wanted) return false
        if (!call.first && !anyFragment) return false
        if (call.accepted !== undefined && call.accepted !== 0) return false
        return tests.every((test) => passes(test, Number.parseInt(call.version, 10)))
      },
    })
  }),
  'dcerpc.opnum': valued((draft, value, name) => {
    const tests = parts(value)
      .slice(0, OPNUMS_MAX)
      .map((text) => opnumTest(name, text))
    draft.useProto(name, ...PROTOS)
    draft.transactionTests.push({
      bothSides: true,
      test: (tx) => {
        const opnum = callOf(tx)?.opnum
        return opnum !== undefined && tests.some((test) => test(opnum))
      },
    })
  }),
}

/** A range holds its ends here. */
function opnumTest(name: string, text: string): (opnum: number) => boolean {
  const range = /^(\d{1,5})\s*-\s*(\d{1,5})$/.exec(text)
  if (range) {
    const [low, high] = [Number(range[1]), Number(range[2])]
    return (opnum) => low <= opnum && opnum <= high
  }
  const test: NumberTest | undefined = parseNumberTest(text.replace(/\s+/g, ''))
  if (!test) throw new Refused(name, `"${text}" is not an operation`)
  return (opnum) => passes(test, opnum)
}
