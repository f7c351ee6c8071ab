/** `picket install`: the unit table as systemd units. */
import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Failure } from '../../base/failure.ts'
import { writeWhole } from '../../base/files.ts'
import { brief } from '../../base/text.ts'
import { systemdUnits, sysusersText, TARGET } from '../systemd.ts'
import { UNITS } from '../units.ts'
import { type Command, dataFolder, print, printJson, readOptions } from './options.ts'

/** What useradd takes, so that no name is another line of a unit. */
const USER_NAME = /^[a-z_][a-z0-9_-]{0,30}$/

export const command: Command = {
  usage:
    'picket install [--root DIR] [--data DIR] [--user NAME] [--json]\n\n' +
    'Writes systemd units from the same table that picket up runs by. --root writes below another root.',
  async run(args) {
    const { values } = readOptions(args, { root: { type: 'string' }, user: { type: 'string' } })
    const root = values.root ?? '/'
    const user = values.user ?? 'picket'
    if (!USER_NAME.test(user))
      throw new Failure(
        'invalid',
        `--user takes a user name such as picket, not ${brief(user, 40)}.`,
      )
    const options = { node: process.execPath, data: dataFolder(values.data), user }
    const written: string[] = []
    const write = (path: string, text: string) => {
      mkdirSync(dirname(path), { recursive: true })
      writeWhole(path, text, 0o644)
      written.push(path)
    }
    for (const [name, text] of systemdUnits(UNITS, options))
      write(join(root, 'etc/systemd/system', name), text)
    write(join(root, 'etc/sysusers.d/picket.conf'), sysusersText(options))
    if (values.json) return printJson({ written })
    for (const path of written) print(path)
    print(`Then: systemd-sysusers && systemctl daemon-reload && systemctl enable --now ${TARGET}`)
  },
}
