/** Where a rule's `reference` can be read: the addresses that Suricata's reference.config gives the systems. */
const SYSTEMS: Readonly<Record<string, string>> = {
  bugtraq: 'http://www.securityfocus.com/bid/',
  bid: 'http://www.securityfocus.com/bid/',
  cve: 'https://cve.mitre.org/cgi-bin/cvename.cgi?name=',
  exploitdb: 'http://www.exploit-db.com/exploits/',
  et: 'http://doc.emergingthreats.net/',
  etpro: 'http://doc.emergingthreatspro.com/',
  malwaredomainlist: 'http://www.malwaredomainlist.com/mdl.php?search=',
  mcafee: 'http://vil.nai.com/vil/content/v_',
  md5: 'http://www.threatexpert.com/report.aspx?md5=',
  msft: 'http://technet.microsoft.com/security/bulletin/',
  nessus: 'http://cgi.nessus.org/plugins/dump.php3?id=',
  osvdb: 'http://osvdb.org/show/osvdb/',
  secunia: 'http://www.secunia.com/advisories/',
  snort: 'http://www.snort.org/search/sid/',
  url: 'https://',
  xforce: 'http://xforce.iss.net/xforce/xfdb/',
}

/** `cve,2014-0160` as an address; what already is one stays. */
export function referenceUrl(text: string): string {
  const comma = text.indexOf(',')
  const system = text.slice(0, comma).trim().toLowerCase()
  const id = text.slice(comma + 1).trim()
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(id)) return id
  return Object.hasOwn(SYSTEMS, system) ? `${SYSTEMS[system]}${id}` : text.trim()
}
