/** One data connection of FTP: the file it carries, or the listing, to its end. */
import type { FtpData } from '../decode/records-it.ts'
import type { AppParser, AppSink, Verdict } from './app-parser.ts'
import { FileBytes } from './file-bytes.ts'

export class FtpDataFlow implements AppParser {
  readonly proto = 'ftp-data'
  readonly #sink: AppSink
  readonly #about: FtpData
  #file: FileBytes | undefined
  #told = false

  constructor(sink: AppSink, about: FtpData) {
    this.#sink = sink
    this.#about = about
  }

  get held(): number {
    return this.#file?.held ?? 0
  }

  stream(toServer: boolean, bytes: Buffer): Verdict {
    if (!this.#told) {
      this.#told = true
      this.#sink.transaction({ proto: 'ftp-data', stage: 'request', ftpData: this.#about })
    }
    this.#file ??= new FileBytes(toServer)
    if (this.#file.toServer === toServer) this.#file.add(bytes)
    return 'more'
  }

  gap(_toServer: boolean, missing: number): Verdict {
    this.#file?.missed(missing)
    return 'more'
  }

  ended(): void {
    const file = this.#file
    this.#file = undefined
    if (!file) return
    const { command, filename } = this.#about
    if (filename !== '' && (command === 'RETR' || command === 'STOR'))
      file.carry(0, filename, true, (carried) =>
        this.#sink.transaction({
          proto: 'ftp-data',
          stage: 'file',
          ftpData: this.#about,
          file: carried,
        }),
      )
    this.#sink.transaction({ proto: 'ftp-data', stage: 'done', ftpData: this.#about })
  }
}
