/** `picket install`: the unit table as systemd units, with the users and folders they need. */
import { mkdirSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { writeWhole } from '../../base/files.ts'
import { applianceUnits } from '../appliance-units.ts'
import { sysusersText, tmpfilesText } from '../box-folders.ts'
import { type SystemdOptions, systemdUnits, TARGET } from '../systemd.ts'
import { type Command, dataFolder, print, printJson, readOptions } from './options.ts'

const CLONE = fileURLToPath(new URL('../../..', import.meta.url))
const APPLIANCE = '/usr/lib/picket'
const APPLIANCE_DATA = '/var/lib/picket'

/** What is first in config.json: on the appliance the pages are for the network, with a certificate. */
const APPLIANCE_CONFIG = '{"web":{"host":"0.0.0.0","https":true}}'

/** Path below the root → text. */
export function installed(data: string, isAppliance: boolean): Map<string, string> {
  const options: SystemdOptions = isAppliance
    ? {
        node: `${APPLIANCE}/node`,
        data: APPLIANCE_DATA,
        programAt: (path) => join(APPLIANCE, relative(CLONE, path)).replace(/\.ts$/, '.js'),
        isAppliance,
      }
    : { node: process.execPath, data, programAt: (path) => path, isAppliance }
  const [units, config] = isAppliance ? ['usr/lib', APPLIANCE_CONFIG] : ['etc', '{}']
  const texts = new Map<string, string>()
  const all = [...systemdUnits(options), ...(isAppliance ? applianceUnits(options) : [])]
  for (const [name, text] of all) texts.set(join(units, 'systemd/system', name), text)
  texts.set(join(units, 'sysusers.d/picket.conf'), sysusersText(options.data, isAppliance))
  texts.set(join(units, 'tmpfiles.d/picket.conf'), tmpfilesText(options.data, config, isAppliance))
  return texts
}

export const command: Command = {
  usage:
    'picket install [--root DIR] [--data DIR] [--appliance] [--json]\n\n' +
    'Writes systemd units from the same table that picket up runs by, with a user for each. --root writes below another\n' +
    'root; --appliance writes what the image has.',
  async run(args) {
    const { values } = readOptions(args, {
      root: { type: 'string' },
      appliance: { type: 'boolean' },
    })
    const written: string[] = []
    for (const [inside, text] of installed(dataFolder(values.data), values.appliance === true)) {
      const path = join(values.root ?? '/', inside)
      mkdirSync(dirname(path), { recursive: true })
      writeWhole(path, text, 0o644)
      written.push(path)
    }
    if (values.json) return printJson({ written })
    for (const path of written) print(path)
    print(
      `Then: systemd-sysusers && systemd-tmpfiles --create && systemctl daemon-reload && systemctl enable --now ${TARGET}`,
    )
  },
}
