/** One rule's text → signatures: two where a rule without a direction may match on either side. */
import { isDeepStrictEqual } from 'node:util'
import type { AppProto } from '../../decode/records.ts'
import { type AddressGroup, parseAddressGroup } from './address-group.ts'
import type { BufferSource, TxProto } from './buffer-source.ts'
import { BUFFERS } from './buffers.ts'
import { CLASSIFICATION, DEFAULT_PRIORITY, severityOf } from './classification.ts'
import { type Condition, decide } from './condition.ts'
import { Datasets } from './datasets.ts'
import { Draft, type DraftList } from './draft.ts'
import { chooseFast, leadsOf, shapeLead } from './fast-pattern.ts'
import { parseHeader } from './header.ts'
import { KEYWORDS } from './keywords.ts'
import { attackIds } from './keywords-rule.ts'
import { isPlain, leadOf } from './lead.ts'
import { isPacketPart } from './packet-parts.ts'
import { type PortGroup, parsePortGroup } from './port-group.ts'
import { referenceUrl } from './reference.ts'
import type { BufferPart, BufferView, Header, PacketPart, Point, Signature } from './rule.ts'
import { parseRule, Refused } from './rule-text.ts'
import { transformOf } from './transform.ts'
import type { Variables } from './variables.ts'

/** Buffers past which a later set begins anew. */
const VIEWS_MAX = 4096

/** What signatures of one set share: the same group or buffer is one object. */
export class Shared {
  readonly variables: Variables
  readonly views: BufferView[]
  readonly datasets: Datasets
  /** Those of the set whose place this one takes serve here too: rules that both have need not be compiled again. */
  readonly goesOn: boolean
  readonly #addresses: Map<string, AddressGroup>
  readonly #ports: Map<string, PortGroup>
  readonly #views: Map<string, BufferView>

  constructor(variables: Variables, before?: Shared) {
    this.variables = variables
    this.datasets = new Datasets(before?.datasets)
    const same =
      before !== undefined &&
      before.views.length < VIEWS_MAX &&
      isDeepStrictEqual(before.variables, variables)
    this.goesOn = same
    this.views = same ? before.views : []
    this.#addresses = same ? before.#addresses : new Map()
    this.#ports = same ? before.#ports : new Map()
    this.#views = same ? before.#views : new Map()
  }

  addresses(text: string): AddressGroup {
    const known = this.#addresses.get(text)
    if (known) return known
    const group = parseAddressGroup(text, this.variables)
    this.#addresses.set(text, group)
    return group
  }

  ports(text: string): PortGroup {
    const known = this.#ports.get(text)
    if (known) return known
    const group = parsePortGroup(text, this.variables)
    this.#ports.set(text, group)
    return group
  }

  view(source: BufferSource, response: boolean, transforms: readonly string[]): BufferView {
    const key = `${source.name} ${response} ${transforms.join(' ')}`
    const known = this.#views.get(key)
    if (known) return known
    const view: BufferView = {
      index: this.views.length,
      source,
      response,
      transforms: transforms.map(transformOf),
    }
    this.views.push(view)
    this.#views.set(key, view)
    return view
  }
}

/** Signatures without their index and rank, which the set gives. Throws Refused. */
export function compileRule(text: string, shared: Shared): Signature[] {
  const parsed = parseRule(text)
  const { action, headers, protos, packetOnly, streamOnly, exchange } = parseHeader(parsed, shared)
  const draft = new Draft(action, shared.variables, shared.datasets)
  if (protos !== undefined) draft.useProto(parsed.protocol, ...protos)
  draft.packetOnly = packetOnly
  draft.exchange = exchange
  draft.streamOnly = streamOnly
  for (const { name, value } of parsed.options) {
    const keyword = Object.hasOwn(KEYWORDS, name) ? KEYWORDS[name] : undefined
    if (!keyword) throw new Refused(name, 'the keyword is not supported')
    keyword(draft, value, name)
  }
  if (draft.sid === 0) throw new Refused('sid', 'the rule has none')
  if ((action === 'config') !== (draft.silences !== undefined))
    throw new Refused('config', 'the action config and the keyword config go together')
  settle(draft)
  return (draft.protos ?? [undefined]).flatMap((proto) =>
    sidesOf(draft).flatMap((side) =>
      headers.map((header) => signature(draft, { header, side, proto }, shared)),
    ),
  )
}

/** What can only be judged, or worked out, when all options are there. */
function settle(draft: Draft): void {
  for (const list of draft.lists)
    for (const condition of list.conditions) {
      if (condition.type !== 'content') continue
      const { offset, depth } = condition
      if (offset && depth && offset.slot < 0 && depth.slot < 0)
        condition.depth = { value: offset.value + depth.value, slot: -1 }
      if (list.name === 'http.host') checkHost(condition)
    }
  for (const { conditions } of draft.lists) decide(conditions)
  const { event, appEvent } = draft
  if ((event ?? appEvent) !== undefined && named(draft.lists).length > 0)
    throw new Refused(undefined, 'an event and a buffer of a record do not come together')
  if (draft.packetTests.length > 0 && draft.streamOnly)
    throw new Refused('flow', 'only_stream leaves no packet for the packet keywords')
}

/** The buffer is in lower case: a pattern that is not would never match. */
function checkHost(content: Extract<Condition, { type: 'content' }>): void {
  if (content.nocase) throw new Refused('http.host', 'the buffer is lower case: nocase is refused')
  if (content.bytes.some((c) => c >= 0x41 && c <= 0x5a))
    throw new Refused('http.host', 'the buffer is lower case: upper case never matches')
}

/** The sticky buffers of application records. */
const named = (lists: readonly DraftList[]) =>
  lists.flatMap((list) =>
    list.name === undefined || isPacketPart(list.name) ? [] : [{ ...list, name: list.name }],
  )

function packetParts(lists: readonly DraftList[]): PacketPart[] {
  return lists.flatMap(({ name, conditions, transforms }) => {
    if (name === undefined || !isPacketPart(name)) return []
    if (transforms[0]) throw new Refused(transforms[0], `it is not honoured after ${name}`)
    return [{ part: name, conditions }]
  })
}

/** On which side transactions are judged; [0] for a rule without any buffer. */
function sidesOf(draft: Draft): (0 | 1 | 2)[] {
  const lists = named(draft.lists)
  if (lists.length === 0 && draft.transactionTests.length === 0) return [draft.side]
  const sides = new Set<'request' | 'response'>(
    lists.flatMap(({ name }) => {
      const side = BUFFERS.get(name)?.side
      return side === undefined || side === 'both' ? [] : [side]
    }),
  )
  if (draft.exchange) {
    if (lists.length === 0) throw new Refused(undefined, 'a rule with => needs buffers')
    return [2]
  }
  if (sides.size > 1)
    throw new Refused(undefined, 'it mixes buffers of the request and of the response')
  const [must] = sides
  const side = must === 'request' ? 1 : must === 'response' ? 2 : 0
  if (side !== 0 && draft.side !== 0 && side !== draft.side) {
    const name = lists.find((list) => BUFFERS.get(list.name)?.side === must)?.name
    throw new Refused(
      name,
      `the buffer is not in what flow:${draft.side === 1 ? 'to_server' : 'to_client'} names`,
    )
  }
  if (side !== 0) return [side]
  if (draft.side !== 0) return [draft.side]
  if (lists.length === 0 && !draft.transactionTests.some(({ bothSides }) => bothSides)) return [1]
  return [1, 2]
}

function signature(
  draft: Draft,
  { header, side, proto }: { header: Header; side: 0 | 1 | 2; proto: AppProto | undefined },
  shared: Shared,
): Signature {
  const response = side === 2
  const buffers = named(draft.lists).map((list): BufferPart => {
    const source = BUFFERS.get(list.name)
    if (!source) throw new Refused(list.name, 'there is no such buffer')
    if (list.conditions.length === 0) throw new Refused(list.name, 'nothing is asked of the buffer')
    return {
      view: shared.view(
        source,
        draft.exchange ? source.side === 'response' || list.response === true : response,
        list.transforms,
      ),
      conditions: list.conditions,
      absentMatches: list.conditions.some((each) => each.type === 'absent'),
    }
  })
  const payload = draft.lists.find(({ name }) => name === undefined)?.conditions ?? []
  const parts = packetParts(draft.lists)
  const tests = draft.transactionTests
  const judged = buffers.length > 0 || tests.length > 0 ? (proto as TxProto) : undefined
  const body = buffers.some(({ view }) => view.source.body) || tests.some(({ late }) => late)
  const point: Point | undefined =
    judged === undefined ? undefined : { proto: judged, response, body }
  const fast = chooseFast(draft.lists, buffers, point !== undefined)
  const leads = point === undefined ? leadsOf(payload, fast) : undefined
  const shape = point === undefined ? shapeLead(payload, fast, leads) : undefined
  const made: Signature = {
    id: 0,
    index: 0,
    rank: 0,
    action: draft.action,
    noalert: draft.noalert || draft.action === 'config',
    tells: draft.tells,
    bypass: draft.bypass,
    silences: draft.silences,
    header,
    side,
    established: draft.established,
    streamOnly: draft.streamOnly,
    ipOnly: isIpOnly(draft, header),
    needsFlow: draft.needsFlow || point !== undefined || proto !== undefined,
    appProto: proto,
    notProtos: draft.notProtos,
    ...where(draft, payload, point),
    packetTests: draft.packetTests,
    sizeMost: draft.sizeMost,
    packetParts: parts,
    event: draft.event,
    appEvent: draft.appEvent,
    stateTests: draft.stateTests,
    stateChanges: draft.stateChanges,
    exchange: draft.exchange,
    payload,
    point,
    buffers,
    transactionTests: tests.map(({ test }) => test),
    bitTests: draft.bits.filter(({ verb }) => verb === 'isset' || verb === 'isnotset'),
    bitChanges: draft.bits.filter(({ verb }) => verb !== 'isset' && verb !== 'isnotset'),
    threshold: draft.threshold,
    wholeBody: buffers.some(
      ({ view, conditions }) => view.source.body && conditions.some(needsEnd),
    ),
    fast,
    leads,
    shape,
    led: leads !== undefined || shape !== undefined,
    lead: judged === undefined || payload.length > 0 ? leadOf(payload) : undefined,
    plain: false,
    hit: hitOf(draft),
  }
  made.plain = isPlain(made)
  return made
}

/** What the rule says when it matches. */
function hitOf(draft: Draft): Signature['hit'] {
  const classified = CLASSIFICATION.get(draft.classtype)
  const priority = draft.priority ?? classified?.priority ?? DEFAULT_PRIORITY
  return {
    gid: draft.gid,
    sid: draft.sid,
    rev: draft.rev,
    msg: draft.msg,
    classtype: draft.classtype,
    category: classified?.category ?? '',
    priority,
    severity: severityOf(draft.metadata['signature_severity']?.[0], priority),
    rule_id: `sid:${draft.sid}`,
    attack_ids: attackIds(draft.metadata),
    action: 'allowed',
    metadata: draft.metadata,
    references: draft.references.map(referenceUrl),
    ...(draft.tags.length > 0 && { tags: draft.tags }),
  }
}

/** Whether more bytes could turn the answer from yes to no. */
function needsEnd(condition: Condition): boolean {
  switch (condition.type) {
    case 'content':
      return condition.negated || condition.endsWith
    case 'pcre':
    case 'isdataat':
      return condition.negated
    default:
      return ['size', 'absent', 'dataset'].includes(condition.type)
  }
}

/** As Suricata has it: ports may be asked too, and bits be set; a group that leaves addresses out may not be named. */
function isIpOnly(draft: Draft, { source, destination }: Header): boolean {
  const { side, established, protos, event, packetOnly, streamOnly } = draft
  const plain = side === 0 && established === 0 && protos === undefined && event === undefined
  const asked =
    draft.lists.length +
    draft.notProtos.length +
    (draft.packetTests.length - draft.protocolTests) +
    draft.transactionTests.length +
    draft.stateTests.length +
    (draft.stateChanges.length - draft.hostBitChanges)
  const listed = !source.negated && !destination.negated
  const sets = draft.bits.every(({ verb }) => verb === 'set')
  return plain && asked === 0 && listed && sets && !packetOnly && !streamOnly && !draft.flowWords
}

const isOfPacket = ({ name }: DraftList) => name !== undefined && isPacketPart(name)

/** TCP contents look at the stream; at segments too where they say a place, as Suricata does. */
function where(draft: Draft, payload: readonly Condition[], point: Point | undefined) {
  const none = { tcpPacket: false, tcpStream: false, datagram: false }
  if (point) return none
  const onPackets = draft.packetTests.length > 0 || draft.lists.some(isOfPacket)
  if (payload.length === 0 || onPackets || draft.packetOnly)
    return { tcpPacket: !draft.streamOnly, tcpStream: false, datagram: true }
  const placed = payload.some(
    (each) =>
      each.type === 'content' &&
      (each.offset !== undefined || each.depth !== undefined || each.startsWith),
  )
  return { tcpPacket: placed && !draft.streamOnly, tcpStream: true, datagram: true }
}
