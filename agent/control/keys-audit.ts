/** The audit trail as people read it: sentences with names, and the check of the whole. */
import type { Line } from '../audit/line.ts'
import { type PageQuery, pageOf } from '../audit/page.ts'
import { sentenceOf } from '../audit/verb.ts'
import { verifyChain } from '../audit/verify.ts'
import { isoFromUs } from '../base/clock.ts'
import type { KeysBox } from './keys-box.ts'
import type { AuditCheck, AuditItem, AuditPage } from './keys-client.ts'

export function pageFor(box: KeysBox, query: PageQuery): AuditPage {
  const { lines, before } = pageOf(box.chain.folder, query)
  const items = lines.map(({ line, hash }) => itemOf(box, line, hash))
  const { boxWide: numbered } = query
  return { items, numbered, intact: box.chain.intact, ...(before !== undefined && { before }) }
}

export function verifyAudit({ chain, signer }: KeysBox): AuditCheck {
  const { intact, lines, checkpointSeq, sentence } = verifyChain(chain.folder, signer.known())
  return { intact, lines, checkpointSeq, sentence }
}

function itemOf(box: KeysBox, line: Line, hash: string): AuditItem {
  const { seq, at, verb, outcome, tenant_id } = line
  const actor = named(box, line.actor)
  const subject = named(box, line.subject)
  const sentence = sentenceOf({ verb, outcome, actor, subject, count: line.count })
  const text = line.digest === undefined ? undefined : box.texts.find(line.tenant_uid, seq)
  return {
    ...{ seq, at: isoFromUs(at), sentence, verb, outcome, tenant_id, actor, subject, hash },
    ...(text !== undefined && { text }),
  }
}

/** Names stand beside the chain: an erased one shows as its id. */
function named({ accounts }: KeysBox, word: string): string {
  if (word === 'console') return "The box's own operator"
  const [kind, id = ''] = word.split(':')
  if (kind === 'process') return `picket-${id}`
  return kind === 'user' ? (accounts.nameOf(id) ?? `account ${id.slice(0, 8)}`) : word
}
