/** S7comm-plus, as S7-1200 and S7-1500 speak it: what is asked, as far as it is in the clear. */
import type { Cursor } from '../base/cursor.ts'
import type { Fault } from '../base/fault.ts'
import { icsMessage, type Operation, TECHNIQUE } from './ics.ts'
import type { IcsMessage } from './records.ts'

const KEEP_ALIVE = 0xff
const EVENT = 0xfe
/** From this version on a digest of 32 bytes with its length stands before the data. */
const WITH_DIGEST = 3
const OPCODE: Record<number, string> = { 49: 'request', 50: 'response', 51: 'notification' }

const FUNCTIONS: Record<number, Operation> = {
  1201: { name: 'plus_error' },
  1211: { name: 'plus_explore' },
  1226: { name: 'plus_create_object' },
  1236: { name: 'plus_delete_object' },
  1266: { name: 'plus_set_variable', write: true, attackIds: [TECHNIQUE.parameter] },
  1316: { name: 'plus_get_link' },
  1346: { name: 'plus_set_multi_variables', write: true, attackIds: [TECHNIQUE.parameter] },
  1356: { name: 'plus_get_multi_variables' },
  1366: { name: 'plus_begin_sequence' },
  1376: { name: 'plus_end_sequence' },
  1387: { name: 'plus_invoke' },
  1414: { name: 'plus_get_var_sub_streamed' },
}

/** After the protocol id. What is encrypted or unknown is told as data. */
export function decodeS7Plus(cursor: Cursor, toServer: boolean): IcsMessage | Fault {
  const version = cursor.u8()
  const fields: Record<string, unknown> = { rosctr: 's7plus', version }
  if (version === KEEP_ALIVE || version === EVENT) {
    const name = version === EVENT ? 'plus_event' : 'plus_keep_alive'
    return icsMessage({ name }, { toServer, request: false, about: '', fields })
  }
  cursor.u16() // how many bytes
  if (version >= WITH_DIGEST && cursor.bytes[cursor.offset] === 32) cursor.take(33)
  const opcode = OPCODE[cursor.u8()]
  if (cursor.fault) return cursor.fault
  if (opcode === undefined)
    return icsMessage({ name: 'plus_data' }, { toServer, request: false, about: '', fields })
  fields.opcode = opcode
  if (opcode === 'notification')
    return icsMessage(
      { name: 'plus_notification' },
      { toServer, request: false, about: '', fields },
    )
  cursor.u16()
  const code = cursor.u16()
  if (cursor.fault) return cursor.fault
  fields.function = code
  return icsMessage(FUNCTIONS[code] ?? { name: `plus_function_${code}` }, {
    toServer,
    request: opcode === 'request',
    about: '',
    fields,
  })
}
