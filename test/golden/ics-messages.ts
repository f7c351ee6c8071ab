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
  /** A connection, then a stop; its acknowledgement. */
  s7: {
    port: 102,
    question: hex(
      '03000016 11e00000000100c00109c1020100c2020102 03000021 02f080 3201 0000 3500 0010 0000 29 0000000000 09 505f50524f4752414d',
    ),
    answer: hex(
      '03000016 11d00001000200c00109c1020100c2020102 03000014 02f080 3203 0000 3500 0001 0000 0000 29',
    ),
  },
  /** A command; its confirmation. */
  iec104: {
    port: 2404,
    question: hex('680407000000 680e 0000 0000 2d 01 06 00 0a00 0c0000 01'),
    answer: hex('68040b000000 680e 0000 0200 2d 01 07 00 0a00 0c0000 01'),
  },
  /** A controller is stopped; it says that it did. */
  enip: {
    port: 44_818,
    question: hex(
      '7000 1c00 01002a00 00000000 0000000000000000 00000000 00000000 0000 0200 a100 0400 224095ff b100 0800 0601 0702 208e 2401',
    ),
    answer: hex(
      '7000 1a00 01002a00 00000000 0000000000000000 00000000 00000000 0000 0200 a100 0400 224095ff b100 0600 0601 8700 0000',
    ),
  },
  /** A property is written; it is acknowledged. */
  bacnet: {
    port: 47_808,
    question: hex('810a 0018 0104 00 05 01 0f 0c 00800003 19 55 3e 44 42c80000 3f'),
    answer: hex('810a 0009 0100 20 01 0f'),
    udp: true,
  },
}
