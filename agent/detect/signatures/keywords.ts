/** Every keyword that is honoured; a rule with any other is refused, since half a rule lies. */
import type { KeywordTable, OptionalKeyword } from './keyword.ts'
import { BYTE_KEYWORDS } from './keywords-bytes.ts'
import { CONTENT_KEYWORDS } from './keywords-content.ts'
import { FLOW_KEYWORDS } from './keywords-flow.ts'
import { PACKET_KEYWORDS } from './keywords-packet.ts'
import { protoKeywords } from './keywords-proto.ts'
import { RULE_KEYWORDS } from './keywords-rule.ts'
import { STATE_KEYWORDS } from './keywords-state.ts'
import { TLS_KEYWORDS } from './keywords-tls.ts'
import { DCERPC_KEYWORDS } from './proto-dcerpc.ts'
import { DHCP_KEYWORDS } from './proto-dhcp.ts'
import { DNP3_KEYWORDS } from './proto-dnp3.ts'
import { FILE_KEYWORDS } from './proto-file.ts'
import { FTP_KEYWORDS } from './proto-ftp.ts'
import { KRB5_KEYWORDS } from './proto-krb5.ts'
import { SMB_KEYWORDS } from './proto-smb.ts'
import { SNMP_KEYWORDS } from './proto-snmp.ts'

export const KEYWORDS: KeywordTable = {
  ...protoKeywords(),
  ...RULE_KEYWORDS,
  ...CONTENT_KEYWORDS,
  ...BYTE_KEYWORDS,
  ...FLOW_KEYWORDS,
  ...PACKET_KEYWORDS,
  ...STATE_KEYWORDS,
  ...TLS_KEYWORDS,
  ...FILE_KEYWORDS,
  ...FTP_KEYWORDS,
  ...SMB_KEYWORDS,
  ...DCERPC_KEYWORDS,
  dce_iface: DCERPC_KEYWORDS['dcerpc.iface'] as OptionalKeyword,
  dce_opnum: DCERPC_KEYWORDS['dcerpc.opnum'] as OptionalKeyword,
  ...KRB5_KEYWORDS,
  ...SNMP_KEYWORDS,
  ...DNP3_KEYWORDS,
  'dnp3.func': DNP3_KEYWORDS.dnp3_func as OptionalKeyword,
  'dnp3.ind': DNP3_KEYWORDS.dnp3_ind as OptionalKeyword,
  'dnp3.obj': DNP3_KEYWORDS.dnp3_obj as OptionalKeyword,
  ...DHCP_KEYWORDS,
}
