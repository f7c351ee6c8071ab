/** A child that was taken over: it says more than its parent can hold. */
import { sendMessage } from '../../agent/lake/pipe.ts'

const PIECES = 96
const bytes = 'x'.repeat(1 << 20)
for (let i = 0; i < PIECES; i++) sendMessage(process.stdout, { type: 'piece', bytes })
