/** `$NAME`s of rule headers: Suricata's defaults, with the site's own networks put in. */

export interface Variables {
  addresses: Readonly<Record<string, string>>
  ports: Readonly<Record<string, string>>
}

const HOME = '[192.168.0.0/16,10.0.0.0/8,172.16.0.0/12]'

/** suricata.yaml as it is shipped. `home`: the site's prefixes, else RFC 1918 as Suricata has it. */
export function defaultVariables(home: readonly string[] = []): Variables {
  return {
    addresses: {
      HOME_NET: home.length > 0 ? `[${home.join(',')}]` : HOME,
      EXTERNAL_NET: '!$HOME_NET',
      HTTP_SERVERS: '$HOME_NET',
      SMTP_SERVERS: '$HOME_NET',
      SQL_SERVERS: '$HOME_NET',
      DNS_SERVERS: '$HOME_NET',
      TELNET_SERVERS: '$HOME_NET',
      AIM_SERVERS: '$EXTERNAL_NET',
      DC_SERVERS: '$HOME_NET',
      DNP3_SERVER: '$HOME_NET',
      DNP3_CLIENT: '$HOME_NET',
      MODBUS_CLIENT: '$HOME_NET',
      MODBUS_SERVER: '$HOME_NET',
      ENIP_CLIENT: '$HOME_NET',
      ENIP_SERVER: '$HOME_NET',
    },
    ports: {
      HTTP_PORTS: '80',
      SHELLCODE_PORTS: '!80',
      ORACLE_PORTS: '1521',
      SSH_PORTS: '22',
      DNP3_PORTS: '20000',
      MODBUS_PORTS: '502',
      FILE_DATA_PORTS: '[$HTTP_PORTS,110,143]',
      FTP_PORTS: '21',
      GENEVE_PORTS: '6081',
      VXLAN_PORTS: '4789',
      TEREDO_PORTS: '3544',
    },
  }
}
