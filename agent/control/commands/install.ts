/** `picket install`: the unit table written as systemd units; nothing is started. */
import { mkdirSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { Failure } from '../../base/failure.ts'
import { writeWhole } from '../../base/files.ts'
import { systemdUnits, sysusersText, TARGET } from '../systemd.ts'
import { UNITS } from '../units.ts'
import { type Command, dataFolder, print, printJson, readOptions } from './options.ts'

export const command: Command = {
  usage:
    'picket install [--root DIR] [--user NAME] [--data DIR] [--json]\n\n' +
    'Writes systemd units for all programs of a box, and starts nothing. --root writes below DIR instead of /.',
  async run(args) {
    const { values } = readOptions(args, { root: { type: 'string' }, user: { type: 'string' } })
    const user = values.user ?? 'picket'
    if (!/^[a-z_][a-z0-9_-]{0,30}$/.test(user))
      throw new Failure('invalid', `"${user}" is no user name.`)
    const options = { node: process.execPath, data: resolve(dataFolder(values.data)), user }
    const root = values.root ?? '/'
    const files = [...systemdUnits(UNITS, options)].map(
      ([name, text]) => [join(root, 'etc/systemd/system', name), text] as const,
    )
    files.push([join(root, 'etc/sysusers.d/picket.conf'), sysusersText(options)])
    for (const [path, text] of files) {
      mkdirSync(dirname(path), { recursive: true })
      writeWhole(path, text, 0o644)
    }
    if (values.json) return printJson({ files: files.map(([path]) => path) })
    for (const [path] of files) print(`wrote ${path}`)
    print('')
    print(
      `Start it: systemd-sysusers && systemctl daemon-reload && systemctl enable --now ${TARGET}`,
    )
  },
}
