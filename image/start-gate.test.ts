/** What the gate before a blessed start decides, with the loader's partition and systemd's answers as a test puts them. */
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

const OVERLAY = join(import.meta.dirname, 'overlay/usr/lib')
const GATE = join(OVERLAY, 'picket/start-gate')
const COUNTED = 'LoaderBootCountPath-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f'
const RUNS = 'picket_2.0.0+2-1.efi'

const mayMount = spawnSync('unshare', ['--mount', 'true']).status === 0
if (!mayMount) process.stderr.write('SKIPPED: the gate of a start is not tried, for want of mounts of its own.\n') // biome-ignore format: one line

let folder: string

describe.skipIf(!mayMount)('the gate before a start that counts', () => {
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'picket-gate-'))
    for (const each of ['bin', 'boot/EFI/Linux', 'firmware/efi/efivars'])
      mkdirSync(join(folder, each), { recursive: true })
    writeFileSync(join(folder, 'firmware/efi/efivars', COUNTED), `\x06\0\0\0\\\0E\0F\0I\0\\\0L\0i\0n\0u\0x\0\\\0${[...RUNS].map((each) => `${each}\0`).join('')}`) // biome-ignore format: one line
    writeFileSync(join(folder, 'uptime'), '100.50 50.00\n')
    program('sleep', passes('$1'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  /** Whether it called the start good, and whether it asked for another one. */
  function decides({
    isAgentUp,
    images,
    lookS = 0,
  }: {
    isAgentUp: boolean
    images: readonly string[]
    lookS?: number
  }) {
    // biome-ignore format: one line
    const asked = join(folder, 'asked')
    const state = `[ "$3" = picket-agent.service ] && ${!isAgentUp} && echo ActiveState=activating || echo ActiveState=active`
    program(
      'systemctl',
      `case $1 in show) ${passes(String(lookS))}; ${state} ;; *) echo "$@" >>${asked} ;; esac`,
    )
    writeFileSync(asked, '')
    for (const name of images) writeFileSync(join(folder, 'boot/EFI/Linux', name), '')
    const mounts = `mount --bind ${folder}/boot /boot && mount --bind ${folder}/firmware /sys/firmware && mount --bind ${folder}/uptime /proc/uptime`
    const { status, stderr } = spawnSync(
      'unshare',
      ['--mount', 'sh', '-c', `${mounts} && exec ${GATE}`],
      {
        // biome-ignore format: one line
        env: { PATH: `${folder}/bin:/usr/bin:/bin` },
        encoding: 'utf8',
      },
    )
    expect(stderr).toBe('')
    const tookS = Number(readFileSync(join(folder, 'uptime'), 'utf8').split('.')[0]) - 100
    return { isGood: status === 0, asks: readFileSync(asked, 'utf8').trim(), tookS }
  }
  const AGAIN = '--no-block reboot'

  test('a start whose programs are all up is good', () => {
    expect(decides({ isAgentUp: true, images: [RUNS] })).toEqual({
      isGood: true,
      asks: '',
      tookS: 75,
    })
  })

  test.each([
    ['a blessed one', 'picket_1.0.0.efi'],
    ['one with tries left', 'picket_1.0.0+1-2.efi'],
  ])('a start without an agent ends where the loader has %s beside it', (_, other) => {
    const images = [RUNS, other]
    expect(decides({ isAgentUp: false, images })).toEqual({
      isGood: false,
      asks: AGAIN,
      tookS: 300,
    })
  })

  test.each([
    ['is alone', [RUNS]],
    ['has one beside it that had its tries', [RUNS, 'picket_1.0.0+0-3.efi']],
    ['has files beside it that are no images', [RUNS, 'picket_1.0.0.efi.new']],
    ['cannot see what is there', []],
  ])('one that %s stays up', (_, images) => {
    expect(decides({ isAgentUp: false, images })).toEqual({ isGood: false, asks: '', tookS: 300 })
  })

  test('a look that takes its time on a slow machine does not make the wait longer than it is', () => {
    const slow = decides({ isAgentUp: false, images: [RUNS, 'picket_1.0.0.efi'], lookS: 3 })
    expect(slow).toMatchObject({ isGood: false, asks: AGAIN })
    expect(slow.tookS).toBeLessThan(330)
  })
})

test("the gate waits longer than the loader's partition stays mounted unused, and so must not end with it", () => {
  const unit = readFileSync(join(OVERLAY, 'systemd/system/start-gate.service'), 'utf8')
  expect(unit).not.toMatch(/^(RequiresMountsFor|Requires|BindsTo|PartOf)=.*boot(\b|\.mount)/m)
})

function program(name: string, script: string): void {
  const path = join(folder, 'bin', name)
  writeFileSync(path, `#!/bin/sh\n${script}\n`)
  chmodSync(path, 0o755)
}

/** So many seconds, in a script. */
function passes(seconds: string): string {
  return `read -r up _ </proc/uptime; echo "$(($\{up%.*} + ${seconds})).00 0" >${folder}/uptime`
}
