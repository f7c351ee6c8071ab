/** Keywords that compare one number of a record. */
import type { Transaction } from '../../decode/records.ts'
import type { TxProto } from './buffer-source.ts'
import { parseNumberTest, passes } from './condition.ts'
import { type OptionalKeyword, valued } from './keyword.ts'
import { Refused } from './rule-text.ts'

/** `read`: the number, undefined where the record has none. `bothSides`: of question and answer alike. `late`: asked at the end. */
export function numberKeyword(
  protos: readonly TxProto[],
  read: (tx: Transaction, response: boolean) => number | undefined,
  { bothSides = false, late = false } = {},
): OptionalKeyword {
  return valued((draft, value, name) => {
    const test = parseNumberTest(value.replace(/\s+/g, ''))
    if (!test) throw new Refused(name, `"${value}" is not a number or a range`)
    draft.useProto(name, ...protos)
    draft.transactionTests.push({
      bothSides,
      late,
      test: (tx, response) => {
        const number = read(tx, response)
        return number !== undefined && passes(test, number)
      },
    })
  })
}
