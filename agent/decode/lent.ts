/**
 * Bytes that are lent: they lie in memory that serves others as soon as all is told of what they are of. An alert that waits for
 * its packet reads them later, and has them kept so long.
 */
import type { Lent, Transaction } from './records.ts'
import { carriedFile } from './records-it.ts'

/** An alert waits that reads what the transaction lends. */
export function keepLent(tx: Transaction | undefined): void {
  const lent = lentBy(tx)
  if (lent) lent.waited = (lent.waited ?? 0) + 1
}

/** It has been told. */
export function readLent(tx: Transaction | undefined): void {
  const lent = lentBy(tx)
  if (!lent?.waited) return
  lent.waited--
  if (lent.waited === 0) lent.giveBack?.()
}

/** All is told: the memory is given back, now or after the alerts that wait. */
export function endLoan(lent: Lent, giveBack: () => void): void {
  if (lent.waited) lent.giveBack = giveBack
  else giveBack()
}

function lentBy(tx: Transaction | undefined): Lent | undefined {
  return tx?.proto === 'http' ? tx.http : tx && carriedFile(tx)
}
