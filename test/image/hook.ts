/**
 * An act from inside, for tests alone: a unit that the kernel image itself brings on its command line. Such an image is
 * another image: its measurements are signed with the key of the test build, and what a release signed has none of it.
 */
import { Esp } from './esp.ts'
import type { Machine } from './machine.ts'
import { takeApart, textOf, type Ukify } from './uki.ts'

/** What the kernel takes on x86; the rest would be cut off. */
const CMDLINE_CHARS_MAX = 2_000
/** The product takes no credentials from outside; a test's image does. */
const CLOSED = /\s?\bsystemd\.import_credentials=\S+/g

/** Opened anew each time: the console hangs up whoever had the line before it. Its prompt may stand there. */
const SAY = 'say() { (echo; echo $*) >/dev/ttyS0; }; '

export interface Hook {
  ukify: Ukify
  pcrKey: string
  /** Run by a shell, as root, when multi-user.target starts. `say` writes a line to the serial console. */
  script: string
}

/** The kernel image of that box, by its path on the ESP: the only one, or the newest. */
export function ukiPath(esp: Esp): string {
  const found = esp.list().filter((path) => /^\/EFI\/Linux\/[^/]+\.efi$/.test(path))
  const path = found.at(-1)
  if (!path) throw new Error('there is no kernel image on the ESP')
  return path
}

/** Puts the hook in the place of the image's own kernel image. Gives back what undoes that. */
export function install(machine: Machine, { ukify, pcrKey, script }: Hook): () => void {
  const esp = new Esp(machine.disk)
  const path = ukiPath(esp)
  const original = esp.read(path)
  const parts = takeApart(original)
  const cmdline = `${textOf(parts, '.cmdline').replace(CLOSED, '')} ${brought(script)}`
  if (cmdline.length > CMDLINE_CHARS_MAX) throw new Error(`the hook's words are ${cmdline.length}`)
  esp.write(path, ukify.image(parts, { cmdline, pcrKey }))
  return () => {
    const now = new Esp(machine.disk)
    now.write(ukiPath(now), original)
  }
}

function brought(script: string): string {
  const unit = `[Service]\nType=oneshot\nExecStart=/bin/sh -c "${inUnit(SAY + script)}"\n`
  const wanted = '[Unit]\nWants=picket-hook.service\n'
  const credential = (name: string, text: string) =>
    `systemd.set_credential_binary=${name}:${Buffer.from(text).toString('base64')}`
  return [
    credential('systemd.extra-unit.picket-hook.service', unit),
    credential('systemd.unit-dropin.multi-user.target', wanted),
  ].join(' ')
}

/** systemd reads words in quotes like a shell, and `%` and `$` as its own. */
function inUnit(script: string): string {
  return script.replaceAll('%', '%%').replaceAll('$', '$$$$').replace(/["\\]/g, '\\$&')
}
