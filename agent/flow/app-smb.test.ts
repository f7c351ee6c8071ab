import { expect, test } from 'vitest'
import { framed, SMB2_ANSWERED, SMB2_ASKED } from '../../test/golden/smb-messages.ts'
import { SMB1_TALK, SMB2_TALK } from '../../test/golden/talks-it.ts'
import { heard } from '../../test/traffic/app-talk.ts'

test.each([1e6, 7, 1])('SMB2: who opened what, in segments of %d bytes', (size) => {
  const { proto, said, faults } = heard(SMB2_TALK, size)
  expect([proto, faults]).toEqual(['smb', []])
  expect(said).toMatchObject([
    { smb: { command: 0, dialects: ['2.02', '3.11'], dialect: '3.11', status: 0 } },
    {
      smb: {
        command: 1,
        user: 'anna',
        domain: 'OFFICE',
        login: { host: 'FRONT-DESK', version: '10.0 build 19041 rev 15' },
        status: 0xc000_006d,
      },
    },
    { smb: { command: 3, share: '\\\\files\\plans', service: 'FILE', treeId: 5 } },
    {
      smb: {
        command: 5,
        filename: 'secret\\plan.docx',
        share: '\\\\files\\plans',
        disposition: 1,
        deleteOnClose: true,
      },
    },
  ])
})

test('SMB1: a login without NTLM messages, and a tree connect that rides on it', () => {
  const { proto, said, faults } = heard(SMB1_TALK, 11)
  expect([proto, faults]).toEqual(['smb', []])
  expect(said).toMatchObject([
    { smb: { version: 1, command: 0x72, dialect: 'NT LM 0.12', answered: true } },
    { smb: { command: 0x73, user: 'anna', domain: 'OFFICE', clientOs: 'Unix', answered: false } },
    { smb: { command: 0x75, share: '\\\\files\\plans', service: '?????' } },
  ])
})

test('a compound of two requests is read as two', () => {
  const [, , tree, create] = SMB2_ASKED as [Buffer, Buffer, Buffer, Buffer]
  const first = Buffer.concat([tree, Buffer.alloc((8 - (tree.length % 8)) % 8)])
  first.writeUInt32LE(first.length, 20)
  const compound = framed(Buffer.concat([first, create]))
  const { said } = heard({ port: 445, turns: [{ toServer: true, bytes: compound }] })
  expect(said).toMatchObject([{ smb: { command: 3 } }, { smb: { command: 5, answered: false } }])
})

test('what is encrypted is passed by, what is not SMB is a fault', () => {
  const [ask] = SMB2_ASKED as [Buffer]
  const [answer] = SMB2_ANSWERED as [Buffer]
  const sealed = Buffer.concat([Buffer.from('\xfdSMB', 'latin1'), Buffer.alloc(60)])
  const turn = (toServer: boolean, message: Buffer) => ({ toServer, bytes: framed(message) })
  const talk = [turn(true, ask), turn(false, answer), turn(true, sealed), turn(true, ask)]
  const { said, faults } = heard({ port: 445, turns: talk })
  expect(said).toMatchObject([{ smb: { answered: true } }, { smb: { answered: false } }])
  expect(faults).toEqual([])
  const wrong = [turn(true, ask), turn(true, Buffer.alloc(100))]
  wrong[1]?.bytes.write('\xfeXYZ', 4, 'latin1')
  expect(heard({ port: 445, turns: wrong }).faults).toEqual(['bad-protocol-id'])
})
