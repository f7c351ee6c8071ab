/** The image's name without a count, with the power cut behind each step of it: the next start leaves one image and nothing beside it. */
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs' // biome-ignore format: one line
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

const PROGRAMS = join(import.meta.dirname, 'overlay/usr/lib/picket')
const COUNTED = 'LoaderBootCountPath-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f'
const PLAIN = 'picket_2.0.0.efi'
const TRIED = 'picket_2.0.0+2-1.efi'
/** Programs that change the file system, as bless calls them. */
const STEPS = ['cp', 'mv', 'rm']

const mayMount = spawnSync('unshare', ['--mount', 'true']).status === 0
if (!mayMount) process.stderr.write('SKIPPED: a start that is called good is not tried, for want of mounts of its own.\n') // biome-ignore format: one line

let folder: string

const put = (name: string, bytes: string) => writeFileSync(join(folder, 'boot/EFI/Linux', name), bytes) // biome-ignore format: one line
const there = () => Object.fromEntries(readdirSync(join(folder, 'boot/EFI/Linux')).map((name) => [name, readFileSync(join(folder, 'boot/EFI/Linux', name), 'utf8')])) // biome-ignore format: one line

/** Undefined: the loader counts no image of this start. */
function counts(name: string | undefined): void {
  const path = join(folder, 'firmware/efi/efivars', COUNTED)
  if (name === undefined) rmSync(path, { force: true })
  else writeFileSync(path, Buffer.concat([Buffer.from([6, 0, 0, 0]), Buffer.from(`\\EFI\\Linux\\${name}\0`, 'utf16le')])) // biome-ignore format: one line
}

function run(program: string) {
  const mounts = `mount --bind ${folder}/boot /boot && mount --bind ${folder}/firmware /sys/firmware`
  return spawnSync('unshare', ['--mount', 'sh', '-c', `${mounts} && exec ${join(PROGRAMS, program)}`], { env: { PATH: `${folder}/bin:/usr/bin:/bin` }, encoding: 'utf8' }) // biome-ignore format: one line
}

/** The power goes before (or, of `cp`, in the middle of) the step of this number. */
function cutAt(step: number): void {
  writeFileSync(join(folder, 'step'), '')
  for (const name of STEPS) {
    const path = join(folder, 'bin', name)
    const half = name === 'cp' ? 'head -c 3 "$1" >"$2"; ' : ''
    writeFileSync(path, `#!/bin/sh\nprintf . >>${folder}/step\n[ $(wc -c <${folder}/step) -ne ${step} ] || { ${half}kill -9 $PPID; exit 1; }\nexec /usr/bin/${name} "$@"\n`) // biome-ignore format: one script
    chmodSync(path, 0o755)
  }
}
const powerIsBack = () => {
  for (const name of STEPS) rmSync(join(folder, 'bin', name), { force: true })
}

describe.skipIf(!mayMount)('an image that is called good', () => {
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'picket-bless-'))
    for (const each of ['bin', 'boot/EFI/Linux', 'firmware/efi/efivars'])
      mkdirSync(join(folder, each), { recursive: true })
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  test.each([1, 2, 3, 4])(
    'with the power cut at step %i is one image after the next good start',
    (step) => {
      put(TRIED, 'an image')
      counts(TRIED)
      cutAt(step)
      expect(run('bless').signal ?? 'SIGKILL').toBe('SIGKILL')
      powerIsBack()
      expect(there()).not.toEqual({ [PLAIN]: 'an image' })
      const boots = PLAIN in there() ? PLAIN : TRIED
      counts(boots === TRIED ? TRIED : undefined)
      expect(run('finish-bless')).toMatchObject({ status: 0, stderr: '' })
      if (boots === TRIED) expect(run('bless')).toMatchObject({ status: 0, stderr: '' })
      expect(there()).toEqual({ [PLAIN]: 'an image' })
    },
  )

  test.each(['bless', 'finish-bless'])(
    '%s: a name is gone from the disk before its blocks are free',
    (program) => {
      put(program === 'bless' ? TRIED : `${PLAIN}.new`, 'an image')
      counts(program === 'bless' ? TRIED : undefined)
      const path = join(folder, 'bin/sync')
      writeFileSync(path, `#!/bin/sh\nls -l /proc/$PPID/fd | grep -q 'efi.*(deleted)' && echo held >>${folder}/held || echo free >>${folder}/held\nexec /usr/bin/sync "$@"\n`) // biome-ignore format: one script
      chmodSync(path, 0o755)
      expect(run(program)).toMatchObject({ status: 0, stderr: '' })
      const seen = readFileSync(join(folder, 'held'), 'utf8').trim().split('\n')
      expect(seen.slice(-4)).toEqual(['held', 'held', 'free', 'free'])
    },
  )

  test('where the loader counts the old name though the new one is whole, bless has what it needs', () => {
    put(TRIED, 'an image')
    put(PLAIN, 'an image')
    counts(TRIED)
    expect(run('finish-bless').status).toBe(0)
    expect(run('bless').status).toBe(0)
    expect(there()).toEqual({ [PLAIN]: 'an image' })
  })

  test('what is no leftover stays: other images, other bytes, the only one there is', () => {
    const images = {
      'picket_1.0.0.efi': 'one',
      'picket_2.0.0+3.efi': 'two',
      'picket_3.0.0.efi': 'three',
      'picket_3.0.0+0-3.efi': 'three, but broken',
      'picket_4.0.0+3.efi.old': 'the only one',
    }
    for (const [name, bytes] of Object.entries(images)) put(name, bytes)
    expect(run('finish-bless')).toMatchObject({ status: 0, stdout: '', stderr: '' })
    expect(there()).toEqual(images)
  })

  test('pieces that fsck has found go', () => {
    put(PLAIN, 'an image')
    for (const name of ['FSCK0000.REC', 'FSCK0101.REC', 'loader.conf'])
      put(`../../${name}`, 'a piece')
    expect(run('finish-bless')).toMatchObject({ status: 0, stdout: 'left of a start that was cut off, found by fsck: 2 pieces\n', stderr: '' }) // biome-ignore format: one line
    expect(readdirSync(join(folder, 'boot')).sort()).toEqual(['EFI', 'loader.conf'])
    expect(there()).toEqual({ [PLAIN]: 'an image' })
  })

  test('nothing there is nothing to do', () => {
    expect(run('finish-bless')).toMatchObject({ status: 0, stdout: '', stderr: '' })
  })
})
