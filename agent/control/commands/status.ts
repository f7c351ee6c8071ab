/** `picket status`: the sentence of this site and what it stands on, from the running agent. */
import { AgentClient } from '../agent-client.ts'
import { type Command, dataFolder, print, printJson, readOptions } from './options.ts'

export const command: Command = {
  usage:
    'picket status [--data DIR] [--json]\n\nThe sentence of this site and its basis, from the running agent.',
  async run(args) {
    const { values } = readOptions(args, {})
    const agent = await AgentClient.open(dataFolder(values.data), 'cli')
    const status = await agent.status()
    agent.close()
    if (values.json) return printJson(status)
    print(status.sentence)
    print(status.basis.join(' · '))
  },
}
