/** The root file system of the image, looked at without a boot: what its units may, and who could get in. */
import { execFileSync } from 'node:child_process'
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { built, openRoot, ownServices } from './built.ts'

const EXPOSURE_MAX = 2.0
/** Programs that are a way in over the network or for somebody at the keyboard. */
const DOORS = [
  'sshd',
  'telnetd',
  'in.telnetd',
  'dropbear',
  'rlogind',
  'rshd',
  'vsftpd',
  'xinetd',
  'inetd',
]
const ENABLED_NEVER =
  /^(ssh|sshd|telnet|getty@|serial-getty@|console-getty|debug-shell|emergency|rescue)/
/** A shell that is given its words is no shell that takes them. */
const SHELL = /sulogin|agetty|\blogin\b|\/(ba|da)?sh\b(?! -c)/
const PRIVATE_KEY = /-----BEGIN [A-Z ]*PRIVATE KEY-----/
const KEY_BYTES_MAX = 64 << 10

const image = await built()

describe.skipIf(!image)('the root file system', () => {
  let root: string
  let done: () => void
  beforeAll(() => {
    if (image) ({ root, done } = openRoot(image))
  })
  afterAll(() => done?.())

  test(`each of our units has an exposure of ${EXPOSURE_MAX} at most`, () => {
    const services = ownServices(root)
    expect(services.length).toBeGreaterThan(5)
    const found = services.map((name) => ({ name, exposure: exposure(root, name) }))
    process.stdout.write(found.map(({ name, exposure }) => `${exposure.toFixed(1)}  ${name}\n`).join('')) // biome-ignore format: one line
    expect(found.filter((each) => each.exposure > EXPOSURE_MAX)).toEqual([])
  })

  test('nobody has a password', () => {
    const lines = readFileSync(join(root, 'etc/shadow'), 'utf8').trim().split('\n')
    expect(lines.length).toBeGreaterThan(0)
    const open = lines.filter((line) => !/^[^:]+:[!*]/.test(line))
    expect(open).toEqual([])
  })

  test('no program listens for a login, and no console gives a shell', () => {
    const folders = ['usr/sbin', 'usr/bin', 'usr/lib/openssh', 'usr/libexec']
    expect(folders.flatMap((folder) => names(root, folder).filter((name) => DOORS.includes(name)))).toEqual([]) // biome-ignore format: one line
    const wanted = ['etc', 'usr/lib', 'run'].flatMap((at) => {
      const units = join(at, 'systemd/system')
      return names(root, units)
        .filter((name) => /\.(wants|requires|upholds)$/.test(name))
        .flatMap((name) => names(root, join(units, name)))
    })
    const open = wanted.filter((name) => ENABLED_NEVER.test(name) && !isMasked(root, name))
    expect(open).toEqual([])
  })

  test('no private key and no key of a login lies in it', () => {
    const keys: string[] = []
    for (const path of readdirSync(root, { recursive: true, encoding: 'utf8' })) {
      if (/authorized_keys|ssh_host_.*_key$/.test(path)) keys.push(path)
      if (!/^(etc|usr\/lib\/picket|usr\/share|var|root|home)\//.test(path)) continue
      const file = statSync(join(root, path), { throwIfNoEntry: false })
      if (!file?.isFile() || file.size > KEY_BYTES_MAX) continue
      if (PRIVATE_KEY.test(readFileSync(join(root, path), 'latin1'))) keys.push(path)
    }
    expect(keys).toEqual([])
  })

  test('what systemd would start by itself for a terminal or an emergency is masked', () => {
    const open = ['getty@', 'serial-getty@', 'console-getty', 'container-getty@', 'debug-shell']
      .concat('emergency', 'rescue')
      .map((name) => `${name}.service`)
      .filter((name) => !isMasked(root, name) && SHELL.test(started(root, name)))
    expect(open).toEqual([])
  })

  test('a good boot can be told from a bad one', () => {
    const parts = ['systemd-bless-boot', 'system-generators/systemd-bless-boot-generator']
    const gone = parts.filter((name) => !existsSync(join(root, 'usr/lib/systemd', name)))
    expect(gone).toEqual([])
  })

  test('nothing is swapped, and a program that dies leaves no picture of its memory', () => {
    expect(readFileSync(join(root, 'etc/fstab'), 'utf8')).not.toMatch(/\sswap\s/)
    expect(names(root, 'usr/lib/systemd').filter((name) => name === 'systemd-coredump')).toEqual([])
  })
})

/** An instance is masked where its template is. */
function isMasked(root: string, name: string): boolean {
  const names = [name, name.replace(/@.*\./, '@.')]
  return names.some((each) =>
    ['etc', 'usr/lib'].some((at) => {
      const path = join(root, at, 'systemd/system', each)
      const link = lstatSync(path, { throwIfNoEntry: false })
      return link?.isSymbolicLink() === true && readlinkSync(path) === '/dev/null'
    }),
  )
}

/** What a unit starts in the end, after all that is added to it. */
function started(root: string, name: string): string {
  const units = join(root, 'usr/lib/systemd/system')
  const more = names(root, `usr/lib/systemd/system/${name}.d`).map((file) =>
    join(`${name}.d`, file),
  )
  const lines = [name, ...more.sort()]
    .map((file) => join(units, file))
    .filter((path) => existsSync(path))
    .flatMap((path) => readFileSync(path, 'utf8').split('\n'))
    .filter((line) => line.startsWith('ExecStart='))
  return lines.slice(lines.lastIndexOf('ExecStart=') + 1).join('\n')
}

function exposure(root: string, name: string): number {
  const words = ['systemd-analyze', 'security', '--offline=yes', '--no-pager', name]
  const text = execFileSync('chroot', [root, ...words], { encoding: 'utf8' }) // biome-ignore format: one line
  const found = /exposure level for .*: ([\d.]+) /.exec(text)?.[1]
  if (!found) throw new Error(`${name}: systemd-analyze says no level`)
  return Number(found)
}

function names(root: string, folder: string): string[] {
  const path = join(root, folder)
  return existsSync(path) ? readdirSync(path) : []
}
