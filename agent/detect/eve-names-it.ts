/** Words EVE uses for numbers of office protocols. */

export const DHCP_TYPE: Record<number, string> = {
  1: 'discover',
  2: 'offer',
  3: 'request',
  4: 'decline',
  5: 'ack',
  6: 'nak',
  7: 'release',
  8: 'inform',
}

/** Of IPv6 (RFC 8415 §7.3, RFC 5007). */
export const DHCP6_TYPE: Record<number, string> = {
  1: 'solicit',
  2: 'advertise',
  3: 'request',
  4: 'confirm',
  5: 'renew',
  6: 'rebind',
  7: 'reply',
  8: 'release',
  9: 'decline',
  10: 'reconfigure',
  11: 'information_request',
  12: 'relay_forw',
  13: 'relay_repl',
  14: 'leasequery',
  15: 'leasequery_reply',
}

/** Options a client asks for (option 55) that EVE has a word for. */
export const DHCP_PARAMETER: Record<number, string> = {
  1: 'subnet_mask',
  3: 'router',
  6: 'dns_server',
  12: 'hostname',
  15: 'domain',
  35: 'arp_timeout',
  42: 'ntp_server',
  66: 'tftp_server_name',
  67: 'tftp_file_name',
}

export const SMB_COMMAND: Record<1 | 2, Record<number, string>> = {
  1: {
    ...numbered(0, 'CREATE_DIRECTORY DELETE_DIRECTORY OPEN CREATE CLOSE FLUSH DELETE RENAME'),
    ...numbered(8, 'QUERY_INFORMATION SET_INFORMATION READ WRITE LOCK UNLOCK CREATE_TEMPORARY'),
    ...numbered(15, 'CREATE_NEW CHECK_DIRECTORY PROCESS_EXIT SEEK'),
    ...numbered(36, 'LOCKING_ANDX TRANS TRANS_SECONDARY IOCTL IOCTL_SECONDARY COPY MOVE ECHO'),
    ...numbered(44, 'WRITE_AND_CLOSE OPEN_ANDX READ_ANDX WRITE_ANDX'),
    ...numbered(50, 'TRANS2 TRANS2_SECONDARY FIND_CLOSE2 FIND_NOTIFY_CLOSE'),
    ...numbered(112, 'TREE_CONNECT TREE_DISCONNECT NEGOTIATE_PROTOCOL SESSION_SETUP_ANDX'),
    ...numbered(116, 'LOGOFF_ANDX TREE_CONNECT_ANDX'),
    128: 'QUERY_INFORMATION_DISK',
    160: 'NT_TRANS',
    162: 'NT_CREATE_ANDX',
    164: 'NT_CANCEL',
  },
  2: {
    ...numbered(0, 'NEGOTIATE_PROTOCOL SESSION_SETUP SESSION_LOGOFF TREE_CONNECT TREE_DISCONNECT'),
    ...numbered(5, 'CREATE CLOSE FLUSH READ WRITE LOCK IOCTL CANCEL KEEPALIVE FIND CHANGE_NOTIFY'),
    ...numbered(16, 'GET_INFO SET_INFO OPLOCK_BREAK'),
  },
}

function numbered(from: number, names: string): Record<number, string> {
  return Object.fromEntries(names.split(' ').map((name, i) => [from + i, name]))
}

/** Errors of SMB1 servers that know no NT status: class 2, by code. */
export const SRV_ERROR: Record<number, string> = {
  1: 'SRV_ERROR',
  2: 'SRV_BADPW',
  4: 'SRV_ACCESS',
  5: 'SRV_INVNID',
  6: 'SRV_INVNETNAME',
  7: 'SRV_INVDEVICE',
  91: 'SRV_BADUID',
}

export const SMB_DISPOSITION: Record<number, string> = {
  0: 'FILE_SUPERSEDE',
  1: 'FILE_OPEN',
  2: 'FILE_CREATE',
  3: 'FILE_OPEN_IF',
  4: 'FILE_OVERWRITE',
  5: 'FILE_OVERWRITE_IF',
}

export const NT_STATUS: Record<number, string> = {
  0: 'STATUS_SUCCESS',
  259: 'STATUS_PENDING',
  2147483653: 'STATUS_BUFFER_OVERFLOW',
  2147483654: 'STATUS_NO_MORE_FILES',
  3221225474: 'STATUS_NOT_IMPLEMENTED',
  3221225480: 'STATUS_INVALID_HANDLE',
  3221225485: 'STATUS_INVALID_PARAMETER',
  3221225487: 'STATUS_NO_SUCH_FILE',
  3221225494: 'STATUS_MORE_PROCESSING_REQUIRED',
  3221225506: 'STATUS_ACCESS_DENIED',
  3221225523: 'STATUS_OBJECT_NAME_INVALID',
  3221225524: 'STATUS_OBJECT_NAME_NOT_FOUND',
  3221225525: 'STATUS_OBJECT_NAME_COLLISION',
  3221225530: 'STATUS_OBJECT_PATH_NOT_FOUND',
  3221225539: 'STATUS_SHARING_VIOLATION',
  3221225569: 'STATUS_PRIVILEGE_NOT_HELD',
  3221225572: 'STATUS_NO_SUCH_USER',
  3221225578: 'STATUS_WRONG_PASSWORD',
  3221225581: 'STATUS_LOGON_FAILURE',
  3221225582: 'STATUS_ACCOUNT_RESTRICTION',
  3221225585: 'STATUS_PASSWORD_EXPIRED',
  3221225586: 'STATUS_ACCOUNT_DISABLED',
  3221225658: 'STATUS_FILE_IS_A_DIRECTORY',
  3221225659: 'STATUS_NOT_SUPPORTED',
  3221225673: 'STATUS_NETWORK_NAME_DELETED',
  3221225676: 'STATUS_BAD_NETWORK_NAME',
  3221225731: 'STATUS_NOT_A_DIRECTORY',
  3221225987: 'STATUS_USER_SESSION_DELETED',
  3221226036: 'STATUS_ACCOUNT_LOCKED_OUT',
}

export const KRB_ETYPE: Record<number, string> = {
  1: 'des-cbc-crc',
  2: 'des-cbc-md4',
  3: 'des-cbc-md5',
  5: 'des3-cbc-md5',
  7: 'des3-cbc-sha1',
  16: 'des3-cbc-sha1-kd',
  17: 'aes128-cts-hmac-sha1-96',
  18: 'aes256-cts-hmac-sha1-96',
  19: 'aes128-cts-hmac-sha256-128',
  20: 'aes256-cts-hmac-sha384-192',
  23: 'rc4-hmac',
  24: 'rc4-hmac-exp',
  25: 'camellia128-cts-cmac',
  26: 'camellia256-cts-cmac',
}

export const KRB_WEAK_ETYPES: ReadonlySet<number> = new Set([1, 2, 3, 5, 7, 16, 23, 24])

export const KRB_ERROR: Record<number, string> = {
  1: 'KDC_ERR_NAME_EXP',
  2: 'KDC_ERR_SERVICE_EXP',
  3: 'KDC_ERR_BAD_PVNO',
  6: 'KDC_ERR_C_PRINCIPAL_UNKNOWN',
  7: 'KDC_ERR_S_PRINCIPAL_UNKNOWN',
  8: 'KDC_ERR_PRINCIPAL_NOT_UNIQUE',
  9: 'KDC_ERR_NULL_KEY',
  10: 'KDC_ERR_CANNOT_POSTDATE',
  11: 'KDC_ERR_NEVER_VALID',
  12: 'KDC_ERR_POLICY',
  13: 'KDC_ERR_BADOPTION',
  14: 'KDC_ERR_ETYPE_NOSUPP',
  15: 'KDC_ERR_SUMTYPE_NOSUPP',
  16: 'KDC_ERR_PADATA_TYPE_NOSUPP',
  17: 'KDC_ERR_TRTYPE_NOSUPP',
  18: 'KDC_ERR_CLIENT_REVOKED',
  19: 'KDC_ERR_SERVICE_REVOKED',
  20: 'KDC_ERR_TGT_REVOKED',
  21: 'KDC_ERR_CLIENT_NOTYET',
  22: 'KDC_ERR_SERVICE_NOTYET',
  23: 'KDC_ERR_KEY_EXPIRED',
  24: 'KDC_ERR_PREAUTH_FAILED',
  25: 'KDC_ERR_PREAUTH_REQUIRED',
  26: 'KDC_ERR_SERVER_NOMATCH',
  27: 'KDC_ERR_MUST_USE_USER2USER',
  28: 'KDC_ERR_PATH_NOT_ACCEPTED',
  29: 'KDC_ERR_SVC_UNAVAILABLE',
  31: 'KRB_AP_ERR_BAD_INTEGRITY',
  32: 'KRB_AP_ERR_TKT_EXPIRED',
  33: 'KRB_AP_ERR_TKT_NYV',
  34: 'KRB_AP_ERR_REPEAT',
  35: 'KRB_AP_ERR_NOT_US',
  36: 'KRB_AP_ERR_BADMATCH',
  37: 'KRB_AP_ERR_SKEW',
  41: 'KRB_AP_ERR_MODIFIED',
  52: 'KRB_ERR_RESPONSE_TOO_BIG',
  60: 'KRB_ERR_GENERIC',
  61: 'KRB_ERR_FIELD_TOOLONG',
  68: 'KDC_ERR_WRONG_REALM',
}

/** By PDU type. */
export const RPC_TYPE = [
  'REQUEST',
  'PING',
  'RESPONSE',
  'FAULT',
  'WORKING',
  'NOCALL',
  'REJECT',
  'ACK',
  'CL_CANCEL',
  'FACK',
  'CANCEL_ACK',
  'BIND',
  'BINDACK',
  'BINDNAK',
  'ALTER_CONTEXT',
  'ALTER_CONTEXT_RESP',
  'AUTH3',
  'SHUTDOWN',
  'CO_CANCEL',
  'ORPHANED',
  'RTS',
]

/** Interfaces that an operator, or an intruder, means by name. */
export const RPC_INTERFACE: Record<string, string> = {
  'e1af8308-5d1f-11c9-91a4-08002b14a0fa': 'epmapper',
  'e3514235-4b06-11d1-ab04-00c04fc2dcd2': 'drsuapi',
  '12345778-1234-abcd-ef00-0123456789ac': 'samr',
  '12345778-1234-abcd-ef00-0123456789ab': 'lsarpc',
  '12345678-1234-abcd-ef00-01234567cffb': 'netlogon',
  '367abb81-9844-35f1-ad32-98f038001003': 'svcctl',
  '4b324fc8-1670-01d3-1278-5a47bf6ee188': 'srvsvc',
  '1ff70682-0a51-30e8-076d-740be8cee98b': 'atsvc',
  '86d35949-83c9-4044-b424-db363231fd0c': 'itaskscheduler',
  '338cd001-2244-31f1-aaaa-900038001003': 'winreg',
  'c681d488-d850-11d0-8c52-00c04fd90f7e': 'efsrpc',
  'df1941c5-fe89-4e79-bf10-463657acf44d': 'efsr',
  '6bffd098-a112-3610-9833-46c3f87e345a': 'wkssvc',
  '3919286a-b10c-11d0-9ba8-00c04fd92ef5': 'dssetup',
  '12345678-1234-abcd-ef00-0123456789ab': 'spoolss',
  '00000131-0000-0000-c000-000000000046': 'iremunknown',
  '000001a0-0000-0000-c000-000000000046': 'isystemactivator',
  'f5cc5a18-4264-101a-8c59-08002b2f8426': 'nspi',
  'a4f1db00-ca47-1067-b31f-00dd010662da': 'exchange_mapi',
}
