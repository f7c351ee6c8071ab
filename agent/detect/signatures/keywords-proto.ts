/** Sticky buffers, and fields of application records. */
import { isAppEvent } from '../../decode/app-events.ts'
import type { AppProto, DnsMessage, ModbusMessage } from '../../decode/records.ts'
import { BUFFERS, MODIFIERS, STICKY_ALIASES } from './buffers.ts'
import { type NumberTest, parseNumberTest, passes } from './condition.ts'
import type { Draft } from './draft.ts'
import { protocolsOf } from './header.ts'
import { bare, type KeywordTable, type OptionalKeyword, parts, valued } from './keyword.ts'
import { PACKET_PARTS } from './packet-parts.ts'
import { Refused } from './rule-text.ts'
import { TRANSFORM_NAMES, transformOf } from './transform.ts'

const SIDES: ReadonlyMap<string, boolean> = new Map([
  ['to_client', true],
  ['from_server', true],
  ['to_server', false],
  ['from_client', false],
])
const DNS_Z_FLAG = 0x40

export function protoKeywords(): KeywordTable {
  const table: Record<string, OptionalKeyword> = {
    pkt_data: bare((draft) => draft.stick(undefined)),
    absent: (draft, value, name) => {
      if (!draft.sticky) throw new Refused(name, 'there is no sticky buffer before it')
      if (value !== undefined && value !== '' && value !== 'or_else')
        throw new Refused(name, `"${value}" is not or_else`)
      draft.sticky.conditions.push({ type: 'absent', orElse: value === 'or_else' })
    },
    'app-layer-protocol': valued((draft, value, name) => {
      if (value.startsWith('!')) {
        const other = protocolsOf(value.slice(1).trim())
        if (!other) throw new Refused(name, `"${value}" is not told apart here`)
        draft.notProtos.push(...other)
        draft.needsFlow = true
        return
      }
      const none = value === 'unknown' || value === 'failed'
      const protos = none ? [value as AppProto] : protocolsOf(value)
      if (!protos) throw new Refused(name, `"${value}" is not told apart here`)
      draft.useProto(name, ...protos)
    }),
    'app-layer-event': valued((draft, value, name) => {
      if (value === 'dns.z_flag_set') {
        draft.useProto(name, 'dns')
        draft.transactionTests.push({
          bothSides: true,
          test: (tx) => tx.proto === 'dns' && (tx.dns.flags & DNS_Z_FLAG) !== 0,
        })
        return
      }
      if (!isAppEvent(value)) throw new Refused(name, `the event ${value} is not noticed here`)
      if (value.startsWith('http.')) {
        draft.useProto(name, 'http')
        draft.transactionTests.push({
          bothSides: true,
          late: true,
          test: (tx) => tx.proto === 'http' && (tx.http.events?.includes(value) ?? false),
        })
        return
      }
      draft.useProto(name, ...(protocolsOf(value.slice(0, value.indexOf('.'))) ?? []))
      draft.appEvent = value
    }),
    'dns.opcode': dnsNumber((dns) => dns.opcode),
    // A question has the field too, and nobody's client sets it.
    'dns.rcode': dnsNumber((dns) => dns.flags & 0xf),
    'dns.rrtype': dnsNumber((dns) => dns.questions[0]?.type),
    modbus: valued(modbus),
  }
  for (const name of BUFFERS.keys()) table[name] = sticky(name)
  for (const [alias, name] of Object.entries(STICKY_ALIASES)) table[alias] = sticky(name)
  for (const [alias, name] of Object.entries(MODIFIERS)) table[alias] = modifier(name)
  // Old spellings that served both ways.
  for (const alias of ['http_referer', 'http_content_type', 'http_accept', 'http_connection'])
    table[alias] = sticky(STICKY_ALIASES[alias] as string)
  for (const name of TRANSFORM_NAMES) table[name] = (draft, value) => transform(draft, name, value)
  for (const name of PACKET_PARTS) table[name] = bare((draft) => draft.stick(name))
  return table
}

/** In a rule with => a buffer of both sides may say whose it is meant. */
function sticky(name: string): OptionalKeyword {
  return (draft, value = '', keyword) => {
    const side = SIDES.get(value.trim())
    if (value !== '' && (side === undefined || !draft.exchange))
      throw new Refused(keyword, 'it takes no value')
    const source = BUFFERS.get(name)
    if (!source) throw new Refused(keyword, 'there is no such buffer')
    draft.useProto(keyword, ...source.protos)
    draft.stick(name, source.multi || side !== undefined)
    if (side !== undefined && draft.sticky) draft.sticky.response = side
  }
}

function modifier(name: string): OptionalKeyword {
  return bare((draft, keyword) => {
    draft.useProto(keyword, 'http')
    draft.moveLast(keyword, name)
  })
}

function transform(draft: Draft, word: string, value: string | undefined): void {
  const name = value === undefined || value === '' ? word : `${word}:${value}`
  transformOf(name)
  const list = draft.sticky
  if (!list) throw new Refused(name, 'there is no sticky buffer before it')
  if (list.conditions.length === 0) {
    list.transforms.push(name)
    return
  }
  draft.stick(list.name, true)
  draft.sticky?.transforms.push(name)
}

function dnsNumber(read: (dns: DnsMessage) => number | undefined): OptionalKeyword {
  return valued((draft, value, name) => {
    const test = parseNumberTest(value.replace(/\s+/g, ''))
    if (!test) throw new Refused(name, `"${value}" is not a number or a range`)
    draft.useProto(name, 'dns')
    draft.transactionTests.push({
      bothSides: true,
      test: (tx) => {
        const value = tx.proto === 'dns' ? read(tx.dns) : undefined
        return value !== undefined && passes(test, value)
      },
    })
  })
}

type ModbusTest = (message: ModbusMessage) => boolean

/** `function 8, subfunction 1` · `access write holding, address 100, value >5` · `unit 10, …`. */
function modbus(draft: Draft, value: string, name: string): void {
  draft.useProto(name, 'modbus')
  const tests = parts(value).map((part) => modbusTest(name, part.replace(/\s+/g, ' ')))
  draft.transactionTests.push({
    test: (tx) => tx.proto === 'modbus' && tests.every((test) => test(tx.modbus)),
  })
}

/** Function codes by what they touch. */
const READS: Readonly<Record<string, readonly number[]>> = {
  discretes: [2],
  coils: [1],
  input: [4],
  holding: [3, 23],
}
const WRITES: Readonly<Record<string, readonly number[]>> = {
  coils: [5, 15],
  holding: [6, 16, 22, 23],
}

function modbusTest(name: string, part: string): ModbusTest {
  const [word = '', first = '', second] = part.split(' ')
  if (word === 'access') {
    const table = first === 'read' ? READS : first === 'write' ? WRITES : undefined
    const codes = second === undefined ? Object.values(table ?? {}).flat() : table?.[second]
    if (!codes || codes.length === 0) throw new Refused(name, `"${part}" is not an access it knows`)
    return (message) => codes.includes(message.function)
  }
  const test = modbusNumber(part.slice(word.length + 1))
  if (!test) throw new Refused(name, `"${part}" is not a part it knows`)
  switch (word) {
    case 'unit':
      return (message) => passes(test, message.unit)
    case 'function':
      return (message) => passes(test, message.function)
    case 'subfunction':
      return (message) => message.subFunction !== undefined && passes(test, message.subFunction)
    case 'address':
      return (message) => touches(test, message)
    case 'value':
      return (message) => message.values.some((each) => passes(test, each))
    default:
      throw new Refused(name, `"${part}" is not a part it knows`)
  }
}

function modbusNumber(text: string): NumberTest | undefined {
  return parseNumberTest(text.replace(/\s+/g, ''))
}

/** Whether one of the addresses the message is about passes. */
function touches(test: NumberTest, { address, quantity }: ModbusMessage): boolean {
  if (address === undefined) return false
  const last = address + Math.max(1, quantity ?? 1) - 1
  switch (test.how) {
    case '=':
      return address <= test.first && test.first <= last
    case '!=':
      return address > test.first || test.first > last
    case '<':
      return address < test.first
    case '<=':
      return address <= test.first
    case '>':
      return last > test.first
    case '>=':
      return last >= test.first
    case '<>':
      return last > test.first && address < test.last
  }
}
