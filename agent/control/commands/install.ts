/** `picket install`: the unit table as systemd units. */
import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { writeWhole } from '../../base/files.ts'
import { systemdUnits, sysusersText, TARGET } from '../systemd.ts'
import { UNITS } from '../units.ts'
import { type Command, dataFolder, print, printJson, readOptions } from './options.ts'

export const command: Command = {
  usage:
    'picket install [--root DIR] [--data DIR] [--user NAME] [--json]\n\n' +
    'Writes systemd units from the same table that picket up runs by. --root writes below another root.',
  async run(args) {
    const { values } = readOptions(args, { root: { type: 'string' }, user: { type: 'string' } })
    const root = values.root ?? '/'
    const options = {
      node: process.execPath,
      data: dataFolder(values.data),
      user: values.user ?? 'picket',
    }
    const written: string[] = []
    const write = (path: string, text: string) => {
      mkdirSync(dirname(path), { recursive: true })
      writeWhole(path, text, 0o644)
      written.push(path)
    }
    for (const [name, text] of systemdUnits(UNITS, options))
      write(join(root, 'etc/systemd/system', name), text)
    write(join(root, 'usr/lib/sysusers.d/picket.conf'), sysusersText(options))
    if (values.json) return printJson({ written })
    for (const path of written) print(path)
    print(`Then: systemd-sysusers && systemctl daemon-reload && systemctl enable --now ${TARGET}`)
  },
}
