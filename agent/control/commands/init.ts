/** `picket init`: makes a data folder with its keys, or adds a tenant to one. */
import { firstNames, giveRoles } from '../first-start.ts'
import { initTenant } from '../init-tenant.ts'
import { type Command, dataFolder, print, printJson, readOptions, required } from './options.ts'

export const command: Command = {
  usage:
    'picket init --tenant NAME [--fleet NAME] [--data DIR] [--json]\n\n' +
    'Makes the data folder with its keys, or adds a tenant to it. The fleet is named like the tenant by default.\n' +
    '--appliance in place of --tenant is what the appliance does at its first start.',
  async run(args) {
    const { values } = readOptions(args, {
      tenant: { type: 'string' },
      fleet: { type: 'string' },
      appliance: { type: 'boolean' },
    })
    const data = dataFolder(values.data)
    const given = values.appliance ? firstNames(process.env) : values
    const tenant_id = required(given.tenant, 'tenant')
    const tenant = await initTenant(data, {
      tenant_id,
      ...(given.fleet && { fleet_id: given.fleet }),
    })
    if (values.appliance) giveRoles(data)
    if (values.json) return printJson(tenant)
    print(`Tenant ${tenant.tenant_id} of fleet ${tenant.fleet_id} is ready in ${data}.`)
    if (!values.appliance) print(`Start the box with: picket up --data ${data}`)
  },
}
