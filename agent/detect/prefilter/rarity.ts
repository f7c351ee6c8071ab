/** How likely bytes are to be seen in traffic, coarsely: half of it text of pages, scripts and headers, half of it noise. */
import { gramAt } from './table-layout.ts'

const TEXT_SHARE = 0.5

/** How often a character is seen in so much text. */
const OFTEN: readonly (readonly [characters: string, weight: number])[] = [
  [' ', 80],
  ['et', 60],
  ['aoinsr', 45],
  ['cdlmpuh', 25],
  ['bfgvwyk', 12],
  ['./"=-<>:;\n0', 15],
  ['\r1234,()_', 9],
  ["56789'{}", 6],
  ['jqxzACDESTPMR', 4],
  ['BFGHIJKLNOQUVWXYZ#%&?+!', 2],
  ['$*@[\\]^`|~\t', 1],
]
const TEXT_OF = OFTEN.reduce((all, [{ length }, weight]) => all + length * weight, 0)

export const LIKELY: Float64Array = Float64Array.from({ length: 256 }, (_, c) => {
  const weight = OFTEN.find(([characters]) => characters.includes(String.fromCharCode(c)))?.[1] ?? 0
  const noise = c === 0 ? 0.04 : c === 0xff ? 0.01 : 0.95 / 256
  return (TEXT_SHARE * weight) / TEXT_OF + (1 - TEXT_SHARE) * noise
})

const FOLDED = LIKELY.map((_, c) => (LIKELY[c | 0x20] as number) + (LIKELY[c & ~0x20] as number))

/** At how many places there are zeros and more zeros: they come in rows. */
export const ZEROS_LIKELY = 0.01

/** What pages, scripts, headers and mail are made of: bytes that follow one another here do so far more often than by chance. */
const COMMON = [
  '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8" content="width=device-width"><title></title><link rel="stylesheet" type="text/css" href="/css/style.css">',
  '</head><body><div class="container" id="main" style="display:none;height:100%"></div><a href="https://www.example.com/index.html" target="_blank"><img src="/images/logo.png" alt="">',
  '<ul class="menu"><li class="active"><a class="button"><span class="title"><p class="text"><i class="icon"><table class="list"><td class="left"><section class="header"><form class="form">',
  '</a></span></p></li></ul></td></tr></table><br><input type="hidden" name="value"></form><iframe></iframe><h1></h1></body></html><?xml version="1.0" encoding="UTF-8"?>',
  '<script type="text/javascript">(function(){var a=document.getElementById("button").innerHTML;window.location.href=this.length;if(typeof b===undefined)return null;else{new Date()}',
  'for(i=0;i<data.length;i++)element.appendChild(document.createElement("script"));String.fromCharCode().push().toString().replace().split().prototype.addEventListener(event.target)',
  '.style.display="block";true,false;try{}catch(e){}jQuery(document).ready();parseInt(Math.random());array.join("");object.setAttribute()</script>',
  'HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Mon, 01 Jan 2020 00:00:00 GMT\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: 0\r\nConnection: keep-alive\r\nCache-Control: no-cache, max-age=0\r\n',
  'Set-Cookie: session=; path=/; expires=\r\nLast-Modified: \r\nETag: \r\nTransfer-Encoding: chunked\r\nContent-Encoding: gzip, deflate\r\nAccept-Language: en-US\r\nVary: \r\nLocation: \r\nReferer: http://\r\nHost: \r\n\r\n',
  'GET / POST / User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/ Safari/ Content-Disposition: form-data; filename="application/octet-stream',
  'MAIL FROM: RCPT TO: Subject: Received: from by with ESMTP; Message-ID: MIME-Version: 1.0 Content-Transfer-Encoding: base64 quoted-printable boundary="',
  '{"id":"","name":"","type":"","status":"success","message":"","url":"","time":"","data":[{"user":',
  ' the and that this with for you are not have was your all can will about more which their other there when what over also into only some than then them these would make like just part page information contact search home service',
  ' system please click here email user password login account support product world server client error file request response message host network connection document window function program personal country private command icon control playing background',
] as const
const COMMON_LIKELY = 5e-4

/** How often each gram of so many bytes is in COMMON. */
const commonOf = [3, 4].map((width) => {
  const seen = new Map<number, number>()
  for (const line of COMMON) {
    const bytes = Buffer.from(line)
    for (let at = 0; at + width <= bytes.length; at++) {
      const gram = gramAt(bytes, at, width)
      seen.set(gram, (seen.get(gram) ?? 0) + 1)
    }
  }
  return seen
})

/** At how many of all places such bytes lie, in either case. */
export function likelyGram(bytes: Uint8Array, at: number, width: number): number {
  let likely = 1
  let all = 0
  for (let i = at; i < at + width; i++) {
    likely *= FOLDED[bytes[i] as number] as number
    all |= bytes[i] as number
  }
  if ((all | 0x20) === 0x20) likely += ZEROS_LIKELY
  return likely + (commonOf[width - 3]?.get(gramAt(bytes, at, width)) ?? 0) * COMMON_LIKELY
}

export function likelyBytes(bytes: Uint8Array, nocase: boolean): number {
  const likely = bytes.reduce((all, c) => all * ((nocase ? FOLDED : LIKELY)[c] as number), 1)
  return likely + (bytes.every((c) => c === 0) ? ZEROS_LIKELY : 0)
}

/** The place in [first, last] that costs least. */
export function rarestFrom(first: number, last: number, costOf: (at: number) => number): number {
  let best = first
  let least = Number.POSITIVE_INFINITY
  for (let at = first; at <= last; at++) {
    const own = costOf(at)
    if (own >= least) continue
    least = own
    best = at
  }
  return best
}
