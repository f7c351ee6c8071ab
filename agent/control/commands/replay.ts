/** `picket replay`: captures through the real path. Writes nothing but --eve and stdout, unless --data is given. */

import { once } from 'node:events'
import { createWriteStream, statSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Writable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { loadConfig } from '../../base/config.ts'
import type { EventDraft } from '../../base/event.ts'
import { Failure } from '../../base/failure.ts'
import { silentLog } from '../../base/log.ts'
import { openFile } from '../../capture/file.ts'
import type { CaptureSource, FrameBatch } from '../../capture/source.ts'
import { fewerCollections } from '../../heap.ts'
import { readInspection } from '../../inspection.ts'
import { openJournal } from '../../journal.ts'
import { segmentKeyOf } from '../../lake/segment.ts'
import { stampEvent } from '../../lake/stamp.ts'
import { ringFolder } from '../../packets/folder.ts'
import { Recorder } from '../../packets/recorder.ts'
import { Replay, type ReplayResult } from '../../replay.ts'
import { shippedRuleFiles } from '../../rules-on-disk.ts'
import type { Tenant } from '../../tenancy/tenant.ts'
import { borrow } from '../borrow.ts'
import { keysForAgent } from '../keys-client.ts'
import { readOverrides } from './explain.ts'
import { type Command, print, printJson, readOptions, table } from './options.ts'

const HOME = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7']
const ROWS_WAITING_MAX = 2000

/** Where rows go besides the result. */
interface Sink {
  row(draft: EventDraft): void
  /** Each batch of frames before it is looked at. */
  frames?(batch: FrameBatch): Promise<void>
  /** Waits while too much is unwritten. */
  drain(): Promise<void>
  /** `whole`: every file was read to its end. */
  end(whole: boolean): Promise<void>
}

export const command: Command = {
  usage:
    'picket replay FILE… [--rules FILE]… [--home-net CIDR,…] [--options F] [--overrides F] [--eve OUT] [--data DIR [--packets]] [--warm] [--json]\n\n' +
    'Decodes and detects over captures (pcap, pcapng, also gzipped; - is standard input) as one stream.\n' +
    '--rules replaces the shipped content, and then no baseline runs; --rules none runs none.\n' +
    '--options names a JSON file with settings by the names Suricata has for them: checksum, midstream, vars, eve_types …\n' +
    '--overrides names what `picket rules tuned --json` printed; what it holds back is not found.\n' +
    'With --data the rows go into that lake, with --packets the frames into its packet ring too (not while its agent runs).\n' +
    '--warm looks at traffic of its own first, as the agent does before it opens an interface: for who measures.\n' +
    'A broken file is reported up to its last whole frame, then said: exit 2.',
  async run(args) {
    const { values, positionals } = readOptions(args, {
      rules: { type: 'string', multiple: true },
      'home-net': { type: 'string' },
      eve: { type: 'string' },
      options: { type: 'string' },
      packets: { type: 'boolean' },
      warm: { type: 'boolean' },
      overrides: { type: 'string' },
    })
    if (positionals.length === 0)
      throw new Failure('invalid', 'Name at least one capture file. Try --help.')
    if (values.packets && values.data === undefined)
      throw new Failure('invalid', '--packets needs --data: a ring belongs to a site.')
    const eve = values.eve
    if (eve !== undefined && positionals.some((file) => isSame(file, eve)))
      throw new Failure(
        'invalid',
        `--eve would overwrite the capture ${eve}. Give it another name.`,
      )
    const chosen = values.rules
    fewerCollections()
    const sinks: Sink[] = []
    const replay = new Replay({
      ruleFiles:
        chosen === undefined ? shippedRuleFiles() : chosen.filter((file) => file !== 'none'),
      baselines: chosen === undefined,
      home: values['home-net']?.split(',') ?? HOME,
      ...(values.overrides !== undefined && { overrides: readOverrides(values.overrides) }),
      ...(values.options !== undefined && { inspection: readInspection(values.options) }),
      ...((values.eve !== undefined || values.data !== undefined) && {
        onRow: (draft: EventDraft) => {
          for (const sink of sinks) sink.row(draft)
        },
      }),
    })
    if (values.warm) await replay.warmUp()
    const work = async () => {
      if (eve !== undefined) sinks.push(eveSink(eve))
      if (values.data !== undefined)
        sinks.push(await lakeSink(values.data, { config: values.config, packets: values.packets }))
      await readAll(replay, positionals, sinks, values.json ?? false)
    }
    if (values.data === undefined) await work()
    else await borrow({ data: values.data, config: values.config }, ['keys', 'lake'], work)
  },
}

/** By name or, where both are there, by what is behind the names: a link leads back to a capture too. */
function isSame(capture: string, eve: string): boolean {
  if (capture === '-' || eve === '-') return false
  if (resolve(capture) === resolve(eve)) return true
  const [one, other] = [capture, eve].map((path) => statSync(path, { throwIfNoEntry: false }))
  return one !== undefined && one.dev === other?.dev && one.ino === other.ino
}

/** What was whole before a broken file is counted and said; then the file's failure. */
async function readAll(
  replay: Replay,
  files: string[],
  sinks: Sink[],
  asJson: boolean,
): Promise<void> {
  let failure: unknown
  for (const file of files)
    try {
      await replay.read(keeping(openFile(file), sinks), () =>
        Promise.all(sinks.map((sink) => sink.drain())),
      )
    } catch (error) {
      failure = error
      break
    }
  const result = replay.end()
  for (const sink of sinks) await sink.end(failure === undefined)
  if (failure === undefined || result.packets > 0) {
    if (asJson) printJson(result)
    else print(inWords(result))
  }
  if (failure !== undefined) throw failure
}

/** A source whose frames go to the sinks that keep frames, too. */
function keeping(source: CaptureSource, sinks: readonly Sink[]): CaptureSource {
  if (!sinks.some((sink) => sink.frames)) return source
  return {
    name: source.name,
    stop: () => source.stop(),
    async *[Symbol.asyncIterator]() {
      for await (const batch of source) {
        for (const sink of sinks) await sink.frames?.(batch)
        yield batch
      }
    },
  }
}

/** The file is made once a capture is being read: a slip in its name must not cost the last run's output. */
function eveSink(path: string): Sink {
  let out: Writable | undefined
  let full = false
  let broken: Promise<never> | undefined
  const open = () => {
    if (out) return out
    const made = path === '-' ? process.stdout : createWriteStream(path)
    broken = new Promise<never>((_, fail) =>
      made.on('error', (error) =>
        fail(new Failure('invalid', `${path} cannot be written: ${error.message}.`)),
      ),
    )
    broken.catch(() => {})
    out = made
    return made
  }
  return {
    row: ({ record }) => {
      if (record && 'event_type' in record)
        full = !open().write(`${JSON.stringify(record)}\n`) || full
    },
    drain: async () => {
      const to = open()
      if (full) await Promise.race([once(to, 'drain'), broken])
      full = false
    },
    end: async (whole) => {
      const to = whole ? open() : out
      if (!to || to === process.stdout) return
      to.end()
      await Promise.race([finished(to), broken])
    },
  }
}

async function lakeSink(
  data: string,
  { config, packets = false }: { config: string | undefined; packets: boolean | undefined },
): Promise<Sink> {
  const keys = keysForAgent(data)
  const [tenant] = (await keys.tenants()).tenants
  if (!tenant) throw new Failure('not-found', `${data} holds no tenant.`)
  const { tenant_id, fleet_id, appliance_id } = tenant
  const journal = await openJournal({
    data,
    tenant,
    keys,
    settleSeconds: 2,
    bytesMax: loadConfig(data, config).journal.bytes,
    log: silentLog,
  })
  const recorder = packets ? replayRecorder({ data, config, tenant, keys }) : undefined
  let rows: EventDraft[] = []
  const flush = async () => {
    const taken = rows
    rows = []
    const nowUs = Date.now() * 1000
    await journal.append(
      taken.map((draft) => stampEvent(draft, { tenant_id, fleet_id, appliance_id }, nowUs)),
    )
  }
  return {
    row: (draft) => void rows.push(draft),
    ...(recorder && { frames: (batch: FrameBatch) => recorder.record('replay', batch) }),
    drain: async () => {
      if (rows.length >= ROWS_WAITING_MAX) await flush()
    },
    end: async () => {
      await flush()
      await journal.close()
      await recorder?.close()
      keys.close()
    },
  }
}

function replayRecorder({
  data,
  config,
  tenant,
  keys,
}: {
  data: string
  config: string | undefined
  tenant: Tenant
  keys: ReturnType<typeof keysForAgent>
}): Recorder {
  const { tenant_uid, appliance_id } = tenant
  const { bytes } = loadConfig(data, config).ring
  if (bytes === 0) throw new Failure('invalid', 'This site keeps no frames: ring.bytes is 0.')
  return Recorder.open({
    folder: ringFolder(data, tenant_uid),
    ...{ tenant_uid, appliance_uid: appliance_id, quotaBytes: bytes },
    openSegment: async () => segmentKeyOf(await keys.openRing({ tenant_uid })),
  })
}

function inWords(result: ReplayResult): string {
  const { packets, processed, dropped, bytes, flows, findings, faults, seconds, cpuSeconds } =
    result
  const lines = [
    `${packets.toLocaleString('en')} packets = ${processed.toLocaleString('en')} processed + ${dropped} dropped; ${bytes.toLocaleString('en')} bytes, ${flows.toLocaleString('en')} flows`,
    `${seconds.toFixed(3)} s (${cpuSeconds.toFixed(3)} s of CPU)`,
  ]
  const broken = Object.entries(faults).map(([word, count]) => `${word} ${count}`)
  if (broken.length > 0) lines.push(`faults: ${broken.join(', ')}`)
  lines.push(
    findings.length === 0
      ? 'no finding'
      : table(
          findings.map(({ rule_id, severity, count, attack_ids }) => [
            severity,
            rule_id,
            String(count),
            attack_ids.join(' '),
          ]),
        ),
  )
  return lines.join('\n')
}
