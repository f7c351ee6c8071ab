/** Writes the roles of the ports for systemd-networkd: `--data D --into FOLDER`. What an earlier configuration left goes. */
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { loadConfig } from '../base/config.ts'
import { writeWhole } from '../base/files.ts'
import { networkFiles } from './networks.ts'

const OURS = /^\d\d-picket-.*\.(network|netdev)$/
const option = { type: 'string' } as const
const { values } = parseArgs({ options: { data: option, into: option } })
const into = values.into ?? '/run/systemd/network'

const files = networkFiles(loadConfig(values.data ?? '/var/lib/picket'))
for (const name of readdirSync(into))
  if (OURS.test(name) && !files.has(name)) rmSync(join(into, name))
for (const [name, text] of files) writeWhole(join(into, name), text, 0o644)
