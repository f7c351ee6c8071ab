/** What EVE says of a message of an industrial protocol, and what a person would. */
import { brief } from '../base/text.ts'
import type { IcsMessage, IcsProto, Transaction } from '../decode/records.ts'
import type { Ends, Json } from './eve-app.ts'

const ABOUT_CHARS_MAX = 120

/** What a person calls the protocol. */
export const ICS_NAME: Record<IcsProto, string> = {
  dnp3: 'DNP3',
  s7: 'S7comm',
  iec104: 'IEC 104',
  enip: 'EtherNet/IP',
  bacnet: 'BACnet',
}

export type IcsTransaction = Extract<Transaction, { ics: IcsMessage }>

/** Whether it is worth a row: what is asked of a device, and for DNP3 what Suricata logs: answers too. */
export function icsHasRow({ proto, ics }: IcsTransaction): boolean {
  return ics.request || (proto === 'dnp3' && ics.operation !== 'confirm')
}

/** One object for all of them, and the one of Suricata where it has one. */
export function eveIcs({ proto, ics }: IcsTransaction): Json {
  const { operation, write, request, about, attackIds, fields } = ics
  const shared: Json = {
    protocol: proto,
    operation,
    direction: request ? 'request' : 'response',
    write,
  }
  if (about !== '') shared.about = about
  if (attackIds.length > 0) shared.attack_ids = attackIds
  if (proto !== 'dnp3') return { ics: { ...shared, ...fields } }
  return { ics: shared, dnp3: fields }
}

export function icsSentence({ proto, ics }: IcsTransaction, { client, server }: Ends): string {
  const [from, to] = ics.toServer ? [client, server] : [server, client]
  const operation = icsWords(ics.operation)
  const about = ics.about === '' ? '' : ` (${brief(ics.about, ABOUT_CHARS_MAX)})`
  const verb = ics.request ? 'asked' : 'told'
  return `${from} ${verb} ${to} by ${ICS_NAME[proto]}: ${operation}${about}.`
}

/** `direct_operate` as a person reads it. */
export function icsWords(operation: string): string {
  return operation.replaceAll('_', ' ')
}
