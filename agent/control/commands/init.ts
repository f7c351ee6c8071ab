/** `picket init`: makes a data folder with its keys, or adds a tenant to one. */
import { initTenant } from '../init-tenant.ts'
import { type Command, dataFolder, print, printJson, readOptions, required } from './options.ts'

export const command: Command = {
  usage:
    'picket init --tenant NAME [--fleet NAME] [--data DIR] [--json]\n\n' +
    'Makes the data folder with its keys, or adds a tenant to it. The fleet is named like the tenant by default.',
  async run(args) {
    const { values } = readOptions(args, { tenant: { type: 'string' }, fleet: { type: 'string' } })
    const data = dataFolder(values.data)
    const tenant_id = required(values.tenant, 'tenant')
    const tenant = await initTenant(data, {
      tenant_id,
      ...(values.fleet && { fleet_id: values.fleet }),
    })
    if (values.json) return printJson(tenant)
    print(`Tenant ${tenant.tenant_id} of fleet ${tenant.fleet_id} is ready in ${data}.`)
    print(`Start the box with: picket up --data ${data}`)
  },
}
