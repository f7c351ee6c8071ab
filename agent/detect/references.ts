/** Where a rule's references lead: Suricata's reference.config. */

const PREFIXES: Readonly<Record<string, string>> = {
  bugtraq: 'http://www.securityfocus.com/bid/',
  bid: 'http://www.securityfocus.com/bid/',
  cve: 'https://cve.mitre.org/cgi-bin/cvename.cgi?name=',
  cert: 'http://www.kb.cert.org/vuls/id/',
  et: 'http://doc.emergingthreats.net/',
  etpro: 'http://doc.emergingthreatspro.com/',
  exploitdb: 'https://www.exploit-db.com/exploits/',
  md5: 'http://www.threatexpert.com/report.aspx?md5=',
  msft: 'http://technet.microsoft.com/security/bulletin/',
  nessus: 'http://cgi.nessus.org/plugins/dump.php3?id=',
  openpacket: 'https://www.openpacket.org/capture/grab/',
  osvdb: 'http://osvdb.org/show/osvdb/',
  secunia: 'http://www.secunia.com/advisories/',
  securitytracker: 'http://securitytracker.com/id?',
  telus: 'http://',
  threatexpert: 'http://www.threatexpert.com/report.aspx?md5=',
  url: 'https://',
  xforce: 'http://xforce.iss.net/xforce/xfdb/',
}

/** `url,example.com/a` → `https://example.com/a`; what names its scheme keeps it. */
export function linkOf(reference: string): string {
  const comma = reference.indexOf(',')
  const [type, value] = [
    reference.slice(0, comma).trim().toLowerCase(),
    reference.slice(comma + 1).trim(),
  ]
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(value)) return value
  return `${Object.hasOwn(PREFIXES, type) ? PREFIXES[type] : ''}${value}`
}
