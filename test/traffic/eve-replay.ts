/** Frames through the whole path with rules and settings of the test's own: the EVE records that come out. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openFile } from '../../agent/capture/file.ts'
import { parseInspection } from '../../agent/inspection.ts'
import { Replay } from '../../agent/replay.ts'
import { pcapFile, timed } from './frames.ts'

// biome-ignore lint/suspicious/noExplicitAny: records are looked into by name
export type Eve = Record<string, any>

export interface EveReplay {
  rules?: string
  options?: Record<string, unknown>
}

/** Checksums are not verified unless the options say so. */
export async function eveOf(
  frames: readonly Uint8Array[],
  { rules = '', options = {} }: EveReplay = {},
): Promise<Eve[]> {
  const folder = mkdtempSync(join(tmpdir(), 'picket-eve-'))
  try {
    writeFileSync(join(folder, 'own.rules'), rules)
    writeFileSync(join(folder, 'in.pcap'), pcapFile(timed(frames)))
    const records: Eve[] = []
    const replay = new Replay({
      ruleFiles: [join(folder, 'own.rules')],
      baselines: false,
      home: ['10.0.0.0/8'],
      inspection: parseInspection({ checksum: 'none', ...options }, 'the test'),
      onRow: ({ record }) => void (record?.event_type && records.push(record)),
    })
    if (replay.refused.length > 0) throw new Error(JSON.stringify(replay.refused))
    await replay.read(openFile(join(folder, 'in.pcap')))
    replay.end()
    return records
  } finally {
    rmSync(folder, { recursive: true })
  }
}

export const ofType = (records: readonly Eve[], type: string): Eve[] =>
  records.filter((each) => each.event_type === type)

/** The sids of alerts, in order. */
export const sids = (records: readonly Eve[]): number[] =>
  ofType(records, 'alert').map(({ alert }) => alert.signature_id)
