/** `picket pcap`: frames out of the packet ring, as a pcapng that any tool reads. No key is in this process. */
import { closeSync, openSync, rmSync, writeSync } from 'node:fs'
import { isoFromUs, usFromIso } from '../../base/clock.ts'
import { Failure } from '../../base/failure.ts'
import { missingInWords } from '../../packets/cut.ts'
import { borrow } from '../borrow.ts'
import { keysForCli, type PacketsAnswer, type PacketsQuestion } from '../keys-client.ts'
import { type Command, dataFolder, print, printJson, readOptions } from './options.ts'

export const command: Command = {
  usage:
    'picket pcap --finding ID [--out FILE] [--data DIR] [--json]\n' +
    'picket pcap --flow COMMUNITY_ID [--from TIME] [--to TIME] [--tenant T] …\n' +
    'picket pcap --from TIME --to TIME [--tenant T] …\n\n' +
    'Writes the raw frames around a finding (its flow, from a minute before to a minute after), of a flow, or of a time,\n' +
    'as far as the packet ring still holds them. TIME is ISO 8601, UTC. At most 32 MiB; the file is plain: keep it safe.\n' +
    '--out - is standard output.',
  async run(args) {
    const { values } = readOptions(args, {
      finding: { type: 'string' },
      flow: { type: 'string' },
      from: { type: 'string' },
      to: { type: 'string' },
      tenant: { type: 'string' },
      out: { type: 'string' },
    })
    const question: PacketsQuestion = {
      ...(values.tenant !== undefined && { tenant_id: values.tenant }),
      ...(values.finding !== undefined && { finding_id: values.finding }),
      ...(values.flow !== undefined && { community_id: values.flow }),
      ...(values.from !== undefined && { from_us: timeOf(values.from, 'from') }),
      ...(values.to !== undefined && { to_us: timeOf(values.to, 'to') }),
    }
    check(question)
    const data = dataFolder(values.data)
    const out = values.out ?? `${values.finding ?? 'frames'}.pcapng`
    const file = out === '-' ? undefined : create(out) // a slip in its name is said before anything is read
    let answer: PacketsAnswer
    try {
      answer = await take({ data, config: values.config }, question)
      const bytes = Buffer.from(answer.pcapng, 'base64')
      if (file === undefined) process.stdout.write(bytes)
      else for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at)
    } catch (error) {
      if (file !== undefined) rmSync(out, { force: true })
      throw error
    } finally {
      if (file !== undefined) closeSync(file)
    }
    const { pcapng: _, ...facts } = answer
    if (file === undefined) process.stderr.write(`${inWords(answer, 'standard output')}\n`)
    else if (values.json) printJson({ ...facts, out })
    else print(inWords(answer, out))
  },
}

function check({ finding_id, community_id, from_us, to_us }: PacketsQuestion): void {
  const byTime = from_us !== undefined || to_us !== undefined
  if (finding_id === undefined && community_id === undefined && !byTime)
    throw new Failure('invalid', 'Say which frames: --finding, --flow, or --from and --to. Try --help.') // biome-ignore format: one line
  if (finding_id !== undefined && (community_id !== undefined || byTime))
    throw new Failure('invalid', '--finding has its own flow and time: give it alone.')
  if (from_us !== undefined && to_us !== undefined && from_us > to_us)
    throw new Failure('invalid', '--from is later than --to.')
}

function timeOf(text: string, option: string): number {
  const us = usFromIso(text)
  if (Number.isFinite(us) && us >= 0) return us
  throw new Failure('invalid', `--${option} is no time: write it as 2026-11-23T11:42:10Z.`)
}

/** Plain frames must not land in a file that others hold open, so never in one that is there. */
function create(path: string): number {
  try {
    return openSync(path, 'wx', 0o600)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST')
      throw new Failure('conflict', `${path} exists already. Give --out another name.`, {}, error)
    throw new Failure('invalid', `${path} cannot be written: ${code}.`, { path }, error)
  }
}

function take(
  at: { data: string; config: string | undefined },
  question: PacketsQuestion,
): Promise<PacketsAnswer> {
  return borrow(at, ['keys', 'lake'], async () => {
    const keys = keysForCli(at.data)
    try {
      return await keys.packets(question)
    } finally {
      keys.close()
    }
  })
}

function inWords(answer: PacketsAnswer, out: string): string {
  const { frames, tenant_id, holds_from_us } = answer
  const notes = [`${frames} frames of ${tenant_id} written to ${out}, unencrypted.`]
  const missing = missingInWords(answer)
  if (missing !== undefined) notes.push(missing)
  if (holds_from_us !== undefined) notes.push(`The packet ring begins at ${isoFromUs(holds_from_us)}: what was before is gone.`) // biome-ignore format: one line
  return notes.join('\n')
}
