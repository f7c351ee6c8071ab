/** Messages of industrial protocols, as hex: one question and its answer each. */
import type { IcsProto } from '../../agent/decode/records.ts'

interface IcsTalk {
  port: number
  question: Buffer
  answer: Buffer
  udp?: true
}

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')

export const ICS_TALKS: Record<IcsProto, IcsTalk> = {
  /** A read of all classes; an answer with indications and no objects. */
  dnp3: {
    port: 20_000,
    question: hex('056414c4010064006 7d6 c6c7 01 3c0206 3c0306 3c0406 3c0106 73c0'),
    answer: hex('05640a4400000200 1288 c1cb 81 9002 4f9c'),
  },
}
