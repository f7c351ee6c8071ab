/** Words EVE uses for numbers on the wire. A number without a word is shown as itself. */

const RR_TYPE: Record<number, string> = {
  1: 'A',
  2: 'NS',
  3: 'MD',
  4: 'MF',
  5: 'CNAME',
  6: 'SOA',
  7: 'MB',
  8: 'MG',
  9: 'MR',
  10: 'NULL',
  11: 'WKS',
  12: 'PTR',
  13: 'HINFO',
  14: 'MINFO',
  15: 'MX',
  16: 'TXT',
  17: 'RP',
  18: 'AFSDB',
  19: 'X25',
  20: 'ISDN',
  21: 'RT',
  22: 'NSAP',
  24: 'SIG',
  25: 'KEY',
  26: 'PX',
  27: 'GPOS',
  28: 'AAAA',
  29: 'LOC',
  30: 'NXT',
  33: 'SRV',
  35: 'NAPTR',
  36: 'KX',
  37: 'CERT',
  38: 'A6',
  39: 'DNAME',
  41: 'OPT',
  42: 'APL',
  43: 'DS',
  44: 'SSHFP',
  45: 'IPSECKEY',
  46: 'RRSIG',
  47: 'NSEC',
  48: 'DNSKEY',
  49: 'DHCID',
  50: 'NSEC3',
  51: 'NSEC3PARAM',
  52: 'TLSA',
  55: 'HIP',
  59: 'CDS',
  60: 'CDNSKEY',
  64: 'SVCB',
  65: 'HTTPS',
  99: 'SPF',
  249: 'TKEY',
  250: 'TSIG',
  251: 'IXFR',
  252: 'AXFR',
  255: 'ANY',
  256: 'URI',
  257: 'CAA',
}

const RCODE = [
  'NOERROR',
  'FORMERR',
  'SERVFAIL',
  'NXDOMAIN',
  'NOTIMP',
  'REFUSED',
  'YXDOMAIN',
  'YXRRSET',
  'NXRRSET',
  'NOTAUTH',
  'NOTZONE',
]

const TLS_VERSION: Record<number, string> = {
  2: 'SSLv2',
  768: 'SSLv3',
  769: 'TLSv1',
  770: 'TLS 1.1',
  771: 'TLS 1.2',
  772: 'TLS 1.3',
  65279: 'DTLS 1.0',
  65277: 'DTLS 1.2',
  65276: 'DTLS 1.3',
}

export function rrTypeName(type: number): string {
  return RR_TYPE[type] ?? String(type)
}

export function rcodeName(rcode: number): string {
  return RCODE[rcode] ?? String(rcode)
}

export function tlsVersionName(version: number): string {
  if (version >> 8 === 0x7f)
    return (version & 0xff) < 16 ? 'TLS 1.3 draft-<16' : `TLS 1.3 draft-${version & 0xff}`
  return TLS_VERSION[version] ?? 'UNDETERMINED'
}

/** Code, what it touches, and the words for a person, by Modbus function. */
export const MODBUS_FUNCTION: Record<number, { code: string; access: string; words: string }> = {
  1: { code: 'RdCoils', access: 'READ | COILS', words: 'coils' },
  2: { code: 'RdDiscreteInputs', access: 'READ | DISCRETES', words: 'discrete inputs' },
  3: { code: 'RdHoldRegs', access: 'READ | HOLDING', words: 'holding registers' },
  4: { code: 'RdInputRegs', access: 'READ | INPUT', words: 'input registers' },
  5: { code: 'WrSingleCoil', access: 'WRITE | COILS | SINGLE', words: 'coil' },
  6: { code: 'WrSingleReg', access: 'WRITE | HOLDING | SINGLE', words: 'register' },
  7: { code: 'RdExcStatus', access: 'NONE', words: 'exception status' },
  8: { code: 'Diagnostic', access: 'NONE', words: 'diagnostics' },
  11: { code: 'GetCommEventCtr', access: 'NONE', words: 'event counter' },
  12: { code: 'GetCommEventLog', access: 'NONE', words: 'event log' },
  15: { code: 'WrMultCoils', access: 'WRITE | COILS | MULTIPLE', words: 'coils' },
  16: { code: 'WrMultRegs', access: 'WRITE | HOLDING | MULTIPLE', words: 'registers' },
  17: { code: 'RptServerID', access: 'NONE', words: 'server id' },
  20: { code: 'RdFileRec', access: 'NONE', words: 'file record' },
  21: { code: 'WrFileRec', access: 'NONE', words: 'file record' },
  22: { code: 'MaskWrReg', access: 'WRITE | HOLDING', words: 'register' },
  23: { code: 'RdWrMultRegs', access: 'READ | WRITE | HOLDING | MULTIPLE', words: 'registers' },
  24: { code: 'RdFIFOQueue', access: 'NONE', words: 'queue' },
  43: { code: 'MEI', access: 'NONE', words: 'device identification' },
}

export const MODBUS_EXCEPTION: Record<number, string> = {
  1: 'IllegalFunction',
  2: 'IllegalDataAddr',
  3: 'IllegalDataValue',
  4: 'SlaveDeviceFail',
  5: 'Ack',
  6: 'SlaveDeviceBusy',
  7: 'NegAck',
  8: 'MemParityErr',
  10: 'GatewayPathUnavailable',
  11: 'GatewayTargetFailToResp',
}
