/** What EVE says of DCE/RPC, with Suricata 8's field names, and what a person would. */
import { PDU } from '../decode/dcerpc.ts'
import type { DcerpcCall } from '../decode/records-it.ts'
import type { Ends, Json } from './eve-app.ts'
import { RPC_INTERFACE, RPC_TYPE } from './eve-names-it.ts'
import { said } from './eve-said.ts'

const INTERFACES_MAX = 32

export function eveDcerpc(call: DcerpcCall): Json {
  const { request, response, login, challenge } = call
  const name = (type: number | undefined) =>
    type === undefined ? 'UNREPLIED' : (RPC_TYPE[type] ?? String(type))
  const isCall = request === PDU.request
  return said({
    request: request === undefined ? 'REQUEST_LOST' : name(request),
    response: name(response),
    req: isCall
      ? {
          opnum: call.opnum,
          frag_cnt: call.requestFragments,
          stub_data_size: call.requestBytes,
        }
      : undefined,
    res:
      response === PDU.response
        ? { frag_cnt: call.responseFragments, stub_data_size: call.responseBytes }
        : undefined,
    fault: response === PDU.fault ? `0x${call.status.toString(16)}` : undefined,
    interfaces: isCall ? bound(call) : asked(call),
    uuid: call.uuid,
    interface: RPC_INTERFACE[call.uuid || (call.interfaces[0]?.uuid ?? '')],
    ...(call.major === 4
      ? { activityuuid: call.activity, seqnum: call.sequence }
      : { call_id: call.callId }),
    rpc_version: `${call.major}.${call.minor}`,
    ntlmssp: login && said({ domain: login.domain, user: login.user, host: login.host, version: login.version }), // biome-ignore format: one object
    server: challenge && said({ computer: challenge.serverName, dns_computer: challenge.serverDnsName }), // biome-ignore format: one object
  })
}

/** A call in a pipe of SMB. */
export function evePipeCall(call: DcerpcCall): Json {
  const { rpc_version: _, ...json } = eveDcerpc(call)
  if (call.request === PDU.request) json.opnum = call.opnum
  // Only here Suricata says why an interface was refused.
  else json.interfaces = asked(call).map((each, i) => ({ ...each, ack_reason: call.reasons[i] }))
  return json
}

function asked(call: DcerpcCall): Json[] {
  const { interfaces, results } = call
  return interfaces
    .slice(0, INTERFACES_MAX)
    .map(({ uuid, version }, i) => said({ uuid, version, ack_result: results[i] }))
}

/** The interface that is called. */
function bound({ uuid, version, accepted }: DcerpcCall): Json[] {
  return uuid === '' ? [] : [said({ uuid, version, ack_result: accepted })]
}

export function dcerpcSentence(call: DcerpcCall, { client, server }: Ends): string {
  const uuid = call.uuid || (call.interfaces[0]?.uuid ?? '')
  const what = RPC_INTERFACE[uuid] ?? (uuid || 'an interface')
  if (call.login?.user) return `${client} logged in to RPC of ${server} as ${call.login.user}.`
  const answer = call.response === undefined ? ': no answer' : call.response === PDU.fault ? ': a fault' : '' // biome-ignore format: one thought
  if (call.request === PDU.request)
    return `${client} called operation ${call.opnum} of ${what} at ${server}${answer}.`
  if (call.request === PDU.bind || call.request === PDU.alter)
    return `${client} bound to ${what} at ${server}${call.response === PDU.bindNak ? ': refused' : answer}.`
  const type = call.request ?? call.response ?? 0
  return `${client} and ${server} spoke RPC: ${RPC_TYPE[type] ?? type}.`
}
