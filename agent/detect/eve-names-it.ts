/** Words EVE uses for numbers of office protocols. */

export const DHCP_TYPE: Record<number, string> = {
  1: 'discover',
  2: 'offer',
  3: 'request',
  4: 'decline',
  5: 'ack',
  6: 'nak',
  7: 'release',
  8: 'inform',
}

/** Options a client asks for (option 55) that EVE has a word for. */
export const DHCP_PARAMETER: Record<number, string> = {
  1: 'subnet_mask',
  3: 'router',
  6: 'dns_server',
  12: 'hostname',
  15: 'domain',
  35: 'arp_timeout',
  42: 'ntp_server',
  66: 'tftp_server_name',
  67: 'tftp_file_name',
}
