/** Cases of suricata-verify one after another: a program of its own, so that one that hangs can be ended. */
import { type Case, judge } from './suricata-verify-cases.ts'

process.on('message', ({ folder, each }: { folder: string; each: Case }) => {
  judge(folder, each).then(
    (done) => process.send?.(done),
    (error: Error) =>
      process.send?.({ id: each.id, passed: false, why: [`it threw: ${error.stack}`] }),
  )
})
