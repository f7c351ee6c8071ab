/** `picket check-config`: the effective configuration, and which boundaries are real on this machine. */
import { loadConfig } from '../../base/config.ts'
import { agentInspection } from '../../inspection.ts'
import { boundaries } from '../boundaries.ts'
import { type Command, dataFolder, print, printJson, readOptions, table } from './options.ts'

export const command: Command = {
  usage:
    'picket check-config [--data DIR] [--config FILE] [--json]\n\nPrints the effective configuration and which boundaries are real here.',
  async run(args) {
    const { values } = readOptions(args, {})
    const data = dataFolder(values.data)
    const loaded = loadConfig(data, values.config)
    const found = await boundaries(data)
    const config = { ...loaded, inspection: agentInspection(loaded.inspection) }
    if (values.json) return printJson({ config, boundaries: found })
    print(JSON.stringify(config, null, 2))
    print('')
    print(
      table(found.map(({ name, real, because }) => [real ? 'real' : 'not real', name, because])),
    )
  },
}
