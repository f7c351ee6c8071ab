/** DNP3: function, indications, objects. */
import type { IcsMessage, Transaction } from '../../decode/records.ts'
import { type KeywordTable, type OptionalKeyword, parts, valued, whole } from './keyword.ts'
import { Refused } from './rule-text.ts'

/** The part of a message's fields that rules ask about. */
interface Dnp3Fields {
  application: { function_code: number; objects: readonly { group: number; variation: number }[] }
  iin?: { indicators: readonly string[] }
}

/** Suricata's names of functions, by number. */
const FUNCTIONS: Readonly<Record<string, number>> = numbered([
  [0, 'confirm read write select operate direct_operate direct_operate_nr immed_freeze'],
  [8, 'immed_freeze_nr freeze_clear freeze_clear_nr freeze_at_time freeze_at_time_nr'],
  [13, 'cold_restart warm_restart initialize_data initialize_appl start_appl stop_appl'],
  [19, 'save_config enable_unsolicited disable_unsolicited assign_class delay_measure'],
  [24, 'record_current_time open_file close_file delete_file get_file_info authenticate_file'],
  [30, 'abort_file activate_config authenticate_req authenticate_err'],
  [129, 'response unsolicited_response authenticate_resp'],
])
/** Indications, from the highest bit. */
const INDICATORS =
  'device_restart device_trouble local_control need_time class_3_events class_2_events class_1_events all_stations reserved_1 reserved_2 config_corrupt already_executing event_buffer_overflow parameter_error object_unknown no_func_code_support'.split(
    ' ',
  )

function numbered(rows: readonly (readonly [number, string])[]): Record<string, number> {
  return Object.fromEntries(
    rows.flatMap(([from, names]) => names.split(' ').map((name, i) => [name, from + i])),
  )
}

function fieldsOf(tx: Transaction): Dnp3Fields | undefined {
  return tx.proto === 'dnp3' ? (tx.ics as IcsMessage).fields as unknown as Dnp3Fields : undefined // biome-ignore format: the decoder's own fields
}

function asked(
  read: (value: string, name: string) => (fields: Dnp3Fields) => boolean,
): OptionalKeyword {
  return valued((draft, value, name) => {
    const test = read(value, name)
    draft.useProto(name, 'dnp3')
    draft.transactionTests.push({
      bothSides: true,
      test: (tx) => {
        const fields = fieldsOf(tx)
        return fields !== undefined && test(fields)
      },
    })
  })
}

/** A number, or one of the names. */
function numberOf(name: string, text: string, names: Readonly<Record<string, number>>): number {
  const known = names[text.toLowerCase()]
  return known ?? whole(name, text, 0xffff)
}

export const DNP3_KEYWORDS: KeywordTable = {
  dnp3_func: asked((value, name) => {
    const wanted = numberOf(name, value, FUNCTIONS)
    return ({ application }) => application.function_code === wanted
  }),
  dnp3_ind: asked((value, name) => {
    const wanted = parts(value).flatMap((word) => indicators(name, word))
    return ({ iin }) => iin?.indicators.some((each) => wanted.includes(each)) ?? false
  }),
  dnp3_obj: asked((value, name) => {
    const [group = '', variation = '', more] = parts(value)
    if (more !== undefined) throw new Refused(name, `"${value}" is not a group and a variation`)
    const [one, two] = [whole(name, group, 255), whole(name, variation, 255)]
    return ({ application }) =>
      application.objects.some((each) => each.group === one && each.variation === two)
  }),
}

/** A name, or the bits of a number. */
function indicators(name: string, word: string): string[] {
  if (INDICATORS.includes(word.toLowerCase())) return [word.toLowerCase()]
  const bits = whole(name, word, 0xffff)
  return INDICATORS.filter((_, i) => (bits & (0x8000 >> i)) !== 0)
}
