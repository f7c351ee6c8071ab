/** suricata.yaml for the bench: Debian's as it is shipped, but for what both must do alike. */
import { defaultVariables } from '../../../agent/detect/signatures/variables.ts'

export interface SuricataSettings {
  home: readonly string[]
  /** All record types instead of alerts alone: to hold what was seen against ours. */
  everything: boolean
  /** On a wire: so many workers, each with a ring of so much. */
  live?: { threads: number; ringMiB: number }
}

/** Of a frame in the ring, its header and the rounding included. */
const RING_FRAME_BYTES = 1632

/**
 * On a wire no flow of some seconds is old enough to be forgotten: with the memory that is Debian's, after a million packets segments
 * are no longer kept nor looked at (`tcp.insert_data_normal_fail`), and it costs half and finds less.
 */
const memory = (live: object | undefined) =>
  live ? { streams: '1gb', segments: '4gb' } : { streams: '64mb', segments: '256mb' }

/** Of HTTP bodies, as much as Picket keeps of each. */
const BODY = '64kb'
const named = (names: Readonly<Record<string, string>>) =>
  Object.entries(names).map(([name, value]) => `    ${name}: "${value}"`).join('\n') // biome-ignore format: one list
const EVERYTHING =
  'alert, flow, dns, {http: {extended: yes}}, tls, ssh, smb, files, modbus, dnp3, anomaly'

export function suricataYaml({ home, everything, live }: SuricataSettings): string {
  const { threads, ringMiB } = live ?? { threads: 1, ringMiB: 64 }
  const { streams, segments } = memory(live)
  const { addresses, ports } = defaultVariables(home)
  return `%YAML 1.1
---
vars:
  address-groups:
${named(addresses)}
  port-groups:
${named(ports)}
default-log-dir: /bench
stats: {enabled: yes, interval: 3600}
outputs:
  - eve-log: {enabled: yes, filetype: regular, filename: eve.json, types: [${everything ? EVERYTHING : 'alert'}]}
  - eve-log: {enabled: yes, filetype: regular, filename: stats.json, types: [{stats: {totals: yes, threads: no, deltas: no}}]}
logging:
  default-log-level: notice
  outputs:
    - console: {enabled: yes}
app-layer:
  protocols:
    tls: {enabled: yes, detection-ports: {dp: 443}}
    http:
      enabled: yes
      libhtp:
        default-config:
          personality: IDS
          request-body-limit: ${BODY}
          response-body-limit: ${BODY}
          request-body-minimal-inspect-size: 32kb
          request-body-inspect-window: 4kb
          response-body-minimal-inspect-size: 40kb
          response-body-inspect-window: 16kb
          response-body-decompress-layer-limit: 2
          http-body-inline: auto
    http2: {enabled: yes}
    dns:
      tcp: {enabled: yes, detection-ports: {dp: 53}}
      udp: {enabled: yes, detection-ports: {dp: 53}}
    smb: {enabled: yes, detection-ports: {dp: "139, 445"}}
    smtp: {enabled: yes, mime: {decode-mime: yes, decode-base64: yes, decode-quoted-printable: yes, header-value-depth: 2000, extract-urls: yes, body-md5: no}}
    modbus: {enabled: yes, detection-ports: {dp: 502}, stream-depth: 0}
    dnp3: {enabled: yes, detection-ports: {dp: 20000}}
    enip: {enabled: yes, detection-ports: {dp: 44818, sp: 44818}}
    telnet: {enabled: yes}
    rfb: {enabled: yes}
    mqtt: {enabled: yes}
    krb5: {enabled: yes}
    snmp: {enabled: yes}
    ike: {enabled: yes}
    dcerpc: {enabled: yes}
    ftp: {enabled: yes}
    rdp: {enabled: yes}
    ssh: {enabled: yes}
    nfs: {enabled: yes}
    tftp: {enabled: yes}
    ntp: {enabled: yes}
    quic: {enabled: yes}
    dhcp: {enabled: yes}
    sip: {enabled: yes}
    imap: {enabled: detection-only}
    bittorrent-dht: {enabled: yes}
pcre: {match-limit: 3500, match-limit-recursion: 1500}
host-os-policy: {windows: [0.0.0.0/0]}
defrag: {memcap: 32mb, hash-size: 65536, trackers: 65535, max-frags: 65535, prealloc: yes, timeout: 60}
flow: {memcap: 128mb, hash-size: 65536, prealloc: 10000, emergency-recovery: 30}
vlan: {use-for-tracking: true}
flow-timeouts:
  default: {new: 30, established: 300, closed: 0, bypassed: 100, emergency-new: 10, emergency-established: 100, emergency-closed: 0, emergency-bypassed: 50}
  tcp: {new: 60, established: 600, closed: 60, bypassed: 100, emergency-new: 5, emergency-established: 100, emergency-closed: 10, emergency-bypassed: 50}
  udp: {new: 30, established: 300, bypassed: 100, emergency-new: 10, emergency-established: 100, emergency-bypassed: 50}
  icmp: {new: 30, established: 300, bypassed: 100, emergency-new: 10, emergency-established: 100, emergency-bypassed: 50}
stream:
  memcap: ${streams}
  checksum-validation: yes
  inline: auto
  reassembly: {memcap: ${segments}, depth: 1mb, toserver-chunk-size: 2560, toclient-chunk-size: 2560, randomize-chunk-size: no}
host: {hash-size: 4096, prealloc: 1000, memcap: 32mb}
decoder:
  teredo: {enabled: true, ports: $TEREDO_PORTS}
  vxlan: {enabled: true, ports: $VXLAN_PORTS}
  geneve: {enabled: true, ports: $GENEVE_PORTS}
detect:
  profile: medium
  custom-values: {toclient-groups: 3, toserver-groups: 25}
  sgh-mpm-context: auto
  prefilter: {default: mpm}
mpm-algo: auto
spm-algo: auto
af-packet:
  - interface: default
    threads: ${threads}
    cluster-id: 99
    cluster-type: cluster_flow
    defrag: yes
    use-mmap: yes
    tpacket-v3: yes
    ring-size: ${Math.floor((ringMiB * 1_048_576) / RING_FRAME_BYTES)}
    block-size: 1048576
`
}
