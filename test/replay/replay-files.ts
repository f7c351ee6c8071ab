/**
 * The path of `picket replay` over many files in one process: a fresh Replay a file, one line of JSON each. A program
 * of its own, so that the test can end it when a file hangs.
 */
import { Failure } from '../../agent/base/failure.ts'
import { openFile } from '../../agent/capture/file.ts'
import { Replay, type ReplayResult } from '../../agent/replay.ts'
import { shippedRuleFiles } from '../../agent/rules-on-disk.ts'

const HOME = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7']

export interface Replayed extends ReplayResult {
  file: string
  ms: number
  /** The sentence of a file that is broken. */
  broken?: string
  /** Anything thrown that is no Failure of the file. */
  crashed?: string
}

async function replay(file: string): Promise<Replayed> {
  const start = performance.now()
  const run = new Replay({ ruleFiles: shippedRuleFiles(), baselines: true, home: HOME })
  const ended: Pick<Replayed, 'broken' | 'crashed'> = {}
  try {
    await run.read(openFile(file))
  } catch (error) {
    if (error instanceof Failure && error.kind === 'invalid') ended.broken = error.message
    else ended.crashed = (error as Error)?.stack ?? String(error)
  }
  const result = run.end()
  return { file, ms: performance.now() - start, ...ended, ...result }
}

process.on('message', (file: string) => {
  replay(file).then(
    (done) => process.send?.(done),
    (error: Error) => process.send?.({ file, crashed: error.stack }),
  )
})
