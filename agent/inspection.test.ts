import { describe, expect, test } from 'vitest'
import {
  agentInspection,
  eveTypes,
  INSPECTION,
  lookedPast,
  packetSettings,
  parseInspection,
} from './inspection.ts'

describe('the settings of inspection', () => {
  test('a key of no setting is refused in a sentence', () => {
    expect(() => parseInspection({ chekcsum: 'none' }, 'o.json')).toThrow(
      'o.json: there is no setting chekcsum.',
    )
    expect(() => parseInspection({ checksum: 'some' }, 'o.json')).toThrow(/^o\.json: checksum: /)
    expect(() => parseInspection([], 'o.json')).toThrow('a list where settings are due')
  })

  test('sizes, and what stream says over again', () => {
    expect(parseInspection({ reassembly_depth: '8kb' }, 'o').reassembly_depth).toBe(8192)
    const stream = { midstream: true, 'checksum-validation': false, reassembly: { depth: '1mb' } }
    expect(parseInspection({ stream }, 'o')).toMatchObject({
      midstream: true,
      checksum: 'none',
      reassembly_depth: 1_048_576,
    })
    expect(() => parseInspection({ reassembly_depth: 'much' }, 'o')).toThrow('a size is due')
  })

  test('what is written of single packets', () => {
    expect(packetSettings(INSPECTION)).toMatchObject({ payload: false, tagged: false, arp: false })
    const eve_types = [
      { alert: { payload: true, 'payload-buffer-size': '2kb', 'tagged-packets': true } },
      { anomaly: { types: { decode: true } } },
      'arp',
    ]
    expect(packetSettings(parseInspection({ eve_types }, 'o'))).toEqual({
      alertPackets: false,
      payload: true,
      payloadBytes: 2048,
      tagged: true,
      arp: true,
      decodeAnomalies: true,
      streamAnomalies: false,
    })
  })

  test('the agent’s own: as read as can be, what config.json says over it, and nothing is dropped', () => {
    expect(agentInspection({})).toEqual(INSPECTION)
    expect(
      agentInspection({ checksum: 'auto', vars: { 'port-groups': { P: '1' } } }),
    ).toMatchObject({
      checksum: 'auto',
      midstream: true,
      stream_inline: true,
      vars: { 'port-groups': { P: '1' } },
    })
    expect(() => agentInspection({ midsteram: true })).toThrow(
      'config.json: inspection: there is no setting midsteram.',
    )
    expect(() => agentInspection({ mode: 'ips' })).toThrow('the agent drops no packet')
  })

  test('types of records, with and without settings', () => {
    expect(eveTypes(INSPECTION)).toBe(undefined)
    const eve_types = ['alert', { files: { 'force-hash': ['md5'] } }, { dns: null }]
    expect(eveTypes(parseInspection({ eve_types }, 'o'))).toEqual(
      new Set(['alert', 'fileinfo', 'dns']),
    )
  })
})

test('what settings keep the agent from looking at is said; what it does by itself is not', () => {
  expect(lookedPast(INSPECTION)).toEqual([])
  const blinkered = agentInspection({
    app_layer: { dns: { enabled: false }, http: { enabled: 'detection-only' } },
    ...{ reassembly_depth: '8kb', midstream: false, http_decompress_layers: 0 },
    offload: 'malformed',
  })
  expect(lookedPast(blinkered)).toEqual([
    'the inside of dns, http',
    'streams behind 8,192 bytes',
    'streams without their beginning',
    'datagrams that say a length of 0',
    'compressed bodies',
  ])
})
