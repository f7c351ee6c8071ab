/**
 * What is odd about a packet or its stream, by the names that rules have for it (decode-event, stream-event). A fault
 * says that we gave up; an event says what was seen, and reading may go on.
 */
export const DECODE_EVENTS = [
  'ethernet.pkt_too_small',
  'ethernet.unknown_ethertype',
  'ipv4.pkt_too_small',
  'ipv4.hlen_too_small',
  'ipv4.iplen_smaller_than_hlen',
  'ipv4.trunc_pkt',
  'ipv4.wrong_ip_version',
  'ipv4.frag_pkt_too_large',
  'ipv4.frag_overlap',
  'ipv6.pkt_too_small',
  'ipv6.trunc_pkt',
  'ipv6.trunc_exthdr',
  'ipv6.wrong_ip_version',
  'ipv6.exthdr_dupl_fh',
  'ipv6.exthdr_useless_fh',
  'ipv6.frag_pkt_too_large',
  'ipv6.frag_overlap',
  'ipv6.frag_invalid_length',
  'tcp.pkt_too_small',
  'tcp.hlen_too_small',
  'tcp.invalid_optlen',
  'udp.pkt_too_small',
  'udp.len_invalid',
  'icmpv4.pkt_too_small',
  'icmpv6.pkt_too_small',
] as const
export const STREAM_EVENTS = [
  'reassembly_seq_gap',
  'reassembly_overlap_different_data',
  'pkt_invalid_timestamp',
  '3whs_syn_flood',
  'suspected_rst_inject',
] as const

export type DecodeEvent = (typeof DECODE_EVENTS)[number]
export type StreamEvent = (typeof STREAM_EVENTS)[number]
export type PacketEvent = DecodeEvent | StreamEvent
