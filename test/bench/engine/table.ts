/** What the turns of both engines come to, as figures and in words. */
import { percentile } from '../lake/spread.ts'
import type { Agreement } from './agreement.ts'
import type { PeerTaken } from './suricata.ts'

export interface Middle {
  median: number
  low: number
  high: number
}

/** Of one engine. */
export interface Side {
  /** Of the whole process, its start left out. */
  kppsPerCpuSecond: Middle
  /** By the engine's own clock. */
  kpps: Middle
  mbPerCpuSecond: Middle
  /** Of the packets that a longer capture has more: what a process costs that has run for a while. */
  laterKppsPerCpuSecond?: Middle
  startSeconds: Middle
  startCpuSeconds: Middle
  peakMb: Middle
}

export interface Compared {
  capture: string
  rules: number
  packets: number
  bytes: number
  suricata: Side
  picket: Side
  /** Picket's packets a CPU-second against Suricata's. */
  times: number
  laterTimes?: number
  agreement: Agreement
}

const DIFFERENCES_SHOWN = 24

interface Runs {
  whole: PeerTaken[]
  start: PeerTaken[]
  /** Of the longer capture; where there is one. */
  long: PeerTaken[]
}

export function compare(
  of: Pick<Compared, 'capture' | 'rules' | 'packets' | 'bytes'>,
  { suricata, picket }: Record<'suricata' | 'picket', Runs>,
  agreement: Agreement,
): Compared {
  const [theirs, ours] = [side(of, suricata), side(of, picket)]
  const times = ours.kppsPerCpuSecond.median / theirs.kppsPerCpuSecond.median
  const later = ratio(theirs.laterKppsPerCpuSecond, ours.laterKppsPerCpuSecond)
  return { ...of, suricata: theirs, picket: ours, times: Math.round(times * 100) / 100, ...(later !== undefined && { laterTimes: later }), agreement } // biome-ignore format: one line
}

function ratio(theirs: Middle | undefined, ours: Middle | undefined): number | undefined {
  return theirs && ours && Math.round((ours.median / theirs.median) * 100) / 100
}

function side(
  { packets, bytes }: { packets: number; bytes: number },
  { whole, start, long }: Runs,
): Side {
  const startCpu = percentile(start.map(({ cpuSeconds }) => cpuSeconds), 0.5) // biome-ignore format: one figure
  const cpu = whole.map(({ cpuSeconds }) => Math.max(0.001, cpuSeconds - startCpu))
  return {
    kppsPerCpuSecond: middle(cpu.map((seconds) => packets / 1000 / seconds)),
    kpps: middle(whole.map(({ engineSeconds }) => packets / 1000 / engineSeconds)),
    mbPerCpuSecond: middle(cpu.map((seconds) => bytes / 1e6 / seconds)),
    ...(long.length > 0 && { laterKppsPerCpuSecond: middle(long.map((run, i) => laterKpps(run, whole[i] as PeerTaken))) }),
    startSeconds: middle(start.map(({ wallSeconds }) => wallSeconds), 100),
    startCpuSeconds: middle(start.map(({ cpuSeconds }) => cpuSeconds), 100),
    peakMb: middle(whole.map(({ peakMb }) => peakMb)),
  } // biome-ignore format: a table
}

function laterKpps(long: PeerTaken, whole: PeerTaken): number {
  const seconds = Math.max(0.001, long.cpuSeconds - whole.cpuSeconds)
  return (long.packets - whole.packets) / 1000 / seconds
}

function middle(values: readonly number[], parts = 1): Middle {
  const round = (value: number) => Math.round(value * parts) / parts
  return { median: round(percentile(values, 0.5)), low: round(Math.min(...values)), high: round(Math.max(...values)) } // biome-ignore format: one line
}

export function inWords(of: Compared): string {
  const { capture, rules, suricata, picket, times, laterTimes, agreement } = of
  const show = ({ median, low, high }: Middle) => (low === high ? `${median}` : `${median} [${low}–${high}]`) // biome-ignore format: one line
  const both = (name: keyof Side) =>
    `${show(suricata[name] as Middle)} → ${show(picket[name] as Middle)}`
  const later =
    laterTimes === undefined
      ? ''
      : `\n  later ones: kpps a CPU-second ${both('laterKppsPerCpuSecond')} = ${laterTimes}×`
  return `${capture}, ${rules} rules: kpps a CPU-second ${both('kppsPerCpuSecond')} = ${times}×; kpps ${both('kpps')}; MB a CPU-second ${both('mbPerCpuSecond')}${later}
  start s ${both('startSeconds')} (CPU ${both('startCpuSeconds')}); peak MB ${both('peakMb')}
  ${agreementInWords(agreement)}`
}

export function agreementInWords({
  theirs,
  ours,
  share,
  explained,
  differences,
}: Agreement): string {
  const lines = differences.slice(0, DIFFERENCES_SHOWN).map(({ onlyTheirs, onlyOurs, example, why }) => `\n    ${example}: theirs +${onlyTheirs}, ours +${onlyOurs}. ${why ?? 'Nobody knows why.'}`) // biome-ignore format: one list
  return `alerts ${theirs} → ${ours}, the same ${(share * 100).toFixed(2)} %, with known differences ${(explained * 100).toFixed(2)} %${lines.join('')}`
}
