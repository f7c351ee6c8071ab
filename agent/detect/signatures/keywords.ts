/** Every keyword that is honoured; a rule with any other is refused, since half a rule lies. */
import type { KeywordTable } from './keyword.ts'
import { BYTE_KEYWORDS } from './keywords-bytes.ts'
import { CONTENT_KEYWORDS } from './keywords-content.ts'
import { FLOW_KEYWORDS } from './keywords-flow.ts'
import { PACKET_KEYWORDS } from './keywords-packet.ts'
import { protoKeywords } from './keywords-proto.ts'
import { RULE_KEYWORDS } from './keywords-rule.ts'
import { STATE_KEYWORDS } from './keywords-state.ts'
import { TLS_KEYWORDS } from './keywords-tls.ts'

export const KEYWORDS: KeywordTable = {
  ...protoKeywords(),
  ...RULE_KEYWORDS,
  ...CONTENT_KEYWORDS,
  ...BYTE_KEYWORDS,
  ...FLOW_KEYWORDS,
  ...PACKET_KEYWORDS,
  ...STATE_KEYWORDS,
  ...TLS_KEYWORDS,
}
