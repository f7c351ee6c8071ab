/** What a rule is: its name, numbers, class, and what is said about it. */
import type { Tag } from '../tags.ts'
import { bare, type KeywordTable, parts, valued, whole } from './keyword.ts'
import { quoted, Refused } from './rule-text.ts'

const METADATA_MAX = 64
/** What a tag without a count keeps, as in Suricata. */
const TAGGED_PACKETS = 256
const METRICS = ['packets', 'bytes', 'seconds'] as const
const SIDES = ['src', 'dst'] as const

export const RULE_KEYWORDS: KeywordTable = {
  msg: valued((draft, value, name) => {
    const { negated, text } = quoted(name, value)
    if (negated) throw new Refused(name, 'it cannot be negated')
    draft.msg = text.replace(/\\([;:"\\])/g, '$1')
  }),
  sid: valued((draft, value, name) => {
    draft.sid = whole(name, value)
    if (draft.sid === 0) throw new Refused(name, 'it must not be 0')
  }),
  rev: valued((draft, value, name) => {
    draft.rev = whole(name, value)
  }),
  gid: valued((draft, value, name) => {
    draft.gid = whole(name, value)
  }),
  classtype: valued((draft, value) => {
    draft.classtype = value
  }),
  priority: valued((draft, value, name) => {
    draft.priority = whole(name, value, 255)
  }),
  reference: valued((draft, value) => {
    draft.references.push(value)
  }),
  metadata: valued((draft, value) => {
    for (const part of value.split(',').slice(0, METADATA_MAX)) {
      const [, key, text = ''] = /^\s*(\S+)\s*(.*?)\s*$/.exec(part) ?? []
      if (key !== undefined) addMetadata(draft.metadata, key, text)
    }
  }),
  target: valued((_draft, value, name) => {
    if (value !== 'src_ip' && value !== 'dest_ip')
      throw new Refused(name, 'it is src_ip or dest_ip')
  }),
  tag: valued((draft, value, name) => draft.tags.push(tagOf(name, value))),
  // What passes is told too; other rules are told anyway.
  alert: bare((draft) => {
    draft.tells = true
  }),
  bypass: bare((draft) => {
    draft.bypass = true
  }),
  config: valued((draft, value, name) => {
    const found = new Map(
      parts(value).map((part) => part.split(/\s+/, 2) as [string, string | undefined]),
    )
    const [type, scope] = [found.get('type'), found.get('scope')]
    if (found.get('logging') !== 'disable' || type !== 'tx' || (scope !== 'tx' && scope !== 'flow'))
      throw new Refused(
        name,
        `"${value}" is not logging disable, type tx and a scope of tx or flow`,
      )
    draft.silences = scope
  }),
  noalert: bare((draft) => {
    draft.noalert = true
  }),
  // Says how the rule should be prefiltered, never what it matches.
  prefilter: bare(() => {}),
}

/** `session` · `session,20,packets` · `host,60,seconds,src` */
function tagOf(name: string, value: string): Tag {
  const [scope, count, metric, side = 'src', more] = parts(value)
  const [what, whose] = [
    METRICS.find((each) => each === metric),
    SIDES.find((each) => each === side),
  ]
  if ((scope !== 'session' && scope !== 'host') || !whose || more !== undefined)
    throw new Refused(name, `"${value}" is not a session or a host, a count, a unit and a side`)
  if (count === undefined) return { scope, count: TAGGED_PACKETS, metric: 'packets', side: whose }
  if (!what) throw new Refused(name, 'a count is of packets, bytes or seconds')
  return { scope, count: whole(name, count), metric: what, side: whose }
}

function addMetadata(metadata: Record<string, string[]>, key: string, text: string): void {
  if (Object.hasOwn(metadata, key)) metadata[key]?.push(text)
  else Object.defineProperty(metadata, key, { value: [text], enumerable: true })
}

/** ATT&CK ids of `mitre_technique_id`, `mitre_attack` and their like; tactics are no techniques. */
export function attackIds(metadata: Readonly<Record<string, readonly string[]>>): string[] {
  const ids = new Set<string>()
  for (const [key, values] of Object.entries(metadata)) {
    if (!/^(mitre_technique_id|mitre_attack|mitre_ics_technique_id|attack_id)$/i.test(key)) continue
    for (const value of values)
      for (const id of value.toUpperCase().match(/\bT\d{4}(\.\d{3})?\b/g) ?? []) ids.add(id)
  }
  return [...ids]
}
