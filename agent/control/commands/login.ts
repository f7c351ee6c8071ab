/** `picket login`: a code for one login as admin, for the first visit and for who forgot the password. */
import { borrow } from '../borrow.ts'
import { keysForCli } from '../keys-client.ts'
import { type Command, dataFolder, print, printJson, readOptions } from './options.ts'

export const command: Command = {
  usage:
    'picket login [--data DIR] [--tenant T] [--json]\n\nPrints a code for one login as admin within the hour.',
  async run(args) {
    const { values } = readOptions(args, { tenant: { type: 'string' } })
    const data = dataFolder(values.data)
    const { code, expiresAt } = await borrow(
      { data, config: values.config },
      ['keys'],
      async () => {
        const keys = keysForCli(data)
        try {
          return await keys.oneTimeLogin(values.tenant ? { tenant_id: values.tenant } : {})
        } finally {
          keys.close()
        }
      },
    )
    if (values.json) return printJson({ code, expiresAt })
    print(`One-time login: ${code} (until ${new Date(expiresAt / 1000).toISOString()})`)
  },
}
