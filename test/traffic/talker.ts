/**
 * An ordinary program that talks, run inside a network namespace by the tests. It ends when its standard
 * input does, so it never outlives who started it.
 *   talker.ts udp-listen PORT | tcp-listen PORT        one line on stdout for each message that arrived
 *   talker.ts udp-send HOST PORT MS [FROM] | tcp-send HOST PORT MS [FROM]
 *   talker.ts dns-ask HOST PORT MS [FROM]              another name each time, ten at a time
 */
import { createSocket } from 'node:dgram'
import { createConnection, createServer } from 'node:net'
import { DNS_TYPE, encodeQuery } from './programs/dns-message.ts'

const [verb, ...rest] = process.argv.slice(2)
process.stdin.resume().on('end', () => process.exit(0))

switch (verb) {
  case 'udp-listen': {
    const socket = createSocket({ type: 'udp6', ipv6Only: false })
    socket.on('message', (_, from) => say(from.address))
    socket.bind(Number(rest[0]), '::', () => say('ready'))
    break
  }
  case 'tcp-listen': {
    const server = createServer((peer) => {
      peer.on('data', () => say(peer.remoteAddress ?? ''))
      peer.on('error', () => peer.destroy())
    })
    server.listen(Number(rest[0]), '::', () => say('ready'))
    break
  }
  case 'udp-send': {
    const [host = '', port, every, from] = rest
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
    socket.on('error', () => {})
    socket.bind(0, from, () => {
      say('ready')
      setInterval(() => socket.send('hello', Number(port), host), Number(every))
    })
    break
  }
  case 'dns-ask': {
    const [host = '', port, every, from] = rest
    const socket = createSocket('udp4')
    socket.on('error', () => {})
    let n = 0
    socket.bind(0, from, () => {
      say('ready')
      setInterval(() => {
        for (let i = 0; i < 10; i++, n++) {
          const name = `unit-${n % 1000}.plant.example`
          socket.send(encodeQuery({ id: n & 0xffff, name, type: DNS_TYPE.A }), Number(port), host)
        }
      }, Number(every))
    })
    break
  }
  case 'tcp-send': {
    const [host = '', port, every, from] = rest
    const socket = createConnection({
      host,
      port: Number(port),
      noDelay: true,
      ...(from && { localAddress: from }),
    })
    socket.on('connect', () => {
      say('ready')
      setInterval(() => socket.write('hello'), Number(every))
    })
    socket.on('error', () => process.exit(1))
    break
  }
  default:
    process.exit(2)
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
