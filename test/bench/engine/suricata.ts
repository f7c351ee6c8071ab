/** The peer: Suricata of Debian 13 in a chroot that is made here, once, from this machine's own mirror. */
import { execFileSync, spawnSync } from 'node:child_process'
import {
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { measure, type Taken } from './measured.ts'
import { type SuricataSettings, suricataYaml } from './suricata-settings.ts'

const SUITE = 'trixie'
const MIRROR = /https?:\/\/\S+\/debian\/?(?=\s|$)/m
/** With what is bound over it, a process of its own namespaces: nothing of the machine is written. */
const INSIDE = `set -e; root=$1; work=$2; files=$3; shift 3
mount --make-rprivate /; mount --bind "$root" "$root"; mount --rbind /dev "$root/dev"; mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"; mount --bind "$work" "$root/bench"; mount --bind "$files" "$root/files"
exec chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 "$@"`

export interface Peer {
  root: string
  version: string
}

/** What is missing to have the peer; undefined: nothing. */
export function peerLacks(): string | undefined {
  if (process.getuid?.() !== 0) return 'root, for a chroot and its mounts'
  if (spawnSync('mmdebstrap', ['--version']).status !== 0) return 'mmdebstrap (a Debian package)'
  return mirror() === undefined ? 'a Debian mirror in /etc/apt' : undefined
}

export function makePeer(folder: string, say: (text: string) => void): Peer {
  const root = join(folder, `suricata-${SUITE}`)
  if (!existsSync(root)) {
    const from = mirror() as string
    say(`making a chroot of Debian ${SUITE} with Suricata in ${root}, from ${from}`)
    const start = performance.now()
    const part = `${root}.part`
    rmSync(part, { recursive: true, force: true })
    mkdirSync(folder, { recursive: true })
    execFileSync(
      'mmdebstrap',
      ['--quiet', '--mode=root', '--variant=minbase', '--include=suricata,tcpreplay', SUITE, part, `deb ${from} ${SUITE} main`, `deb ${from} ${SUITE}-updates main`], // biome-ignore format: one list
      { stdio: ['ignore', 'ignore', 'inherit'] },
    )
    for (const place of ['bench', 'files']) mkdirSync(join(part, place))
    renameSync(part, root)
    say(
      `made in ${((performance.now() - start) / 1000).toFixed(0)} s; it stays there until you delete it`,
    )
  }
  const said = execFileSync('chroot', [root, 'suricata', '-V'], { encoding: 'utf8' })
  return { root, version: /\d+\.\d+\.\d+/.exec(said)?.[0] ?? said }
}

function mirror(): string | undefined {
  for (const file of globSync('/etc/apt/{sources.list,sources.list.d/*}'))
    for (const line of readFileSync(file, 'utf8').split('\n')) {
      const found = /^\s*#/.test(line) ? undefined : MIRROR.exec(line)?.[0]
      if (found !== undefined) return found
    }
  return undefined
}

/** A command for `measure` or `spawn`: inside, /bench is `work` and /files is `files`. */
export function inPeer(
  { root }: Peer,
  { work, files }: { work: string; files: string },
  command: readonly string[],
): string[] {
  return ['unshare', '--mount', '--pid', '--fork', '--kill-child', 'sh', '-c', INSIDE, 'sh', root, work, files, ...command] // biome-ignore format: one list
}

export interface SuricataRun extends SuricataSettings {
  /** An empty folder: eve.json and stats.json are written there. */
  work: string
  files: string
  /** Below `files`. */
  capture: string
  rules: string
  checksums: boolean
  /** Whether a datagram that says a length of 0 is malformed to ours too. */
  offloadMalformed: boolean
}

export interface PeerTaken extends Taken {
  /** By its own clock: from the start of its threads to their end. */
  engineSeconds: number
  packets: number
  bytes: number
}

export function runSuricata(peer: Peer, run: SuricataRun): PeerTaken {
  writeFileSync(join(run.work, 'suricata.yaml'), suricataYaml(run))
  const command = ['suricata', '-v', '-c', '/bench/suricata.yaml', '--runmode', 'single', '-r', `/files/${run.capture}`, '-S', `/files/${run.rules}`, '-l', '/bench', '-k', run.checksums ? 'all' : 'none'] // biome-ignore format: one list
  const taken = measure(join(run.work, 'suricata'), inPeer(peer, run, command))
  const { log } = taken
  const [, packets, bytes] = /read 1 file, (\d+) packets, (\d+) bytes/.exec(log) ?? []
  const engineSeconds = Number(/time elapsed ([\d.]+)s/.exec(log)?.[1])
  return { ...taken, engineSeconds, packets: Number(packets), bytes: Number(bytes) }
}
