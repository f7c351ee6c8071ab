/** Runs tasks one after the other: one tenant's lake has one writer. */
export class Serial {
  #last: Promise<unknown> = Promise.resolve()

  run<T>(task: () => Promise<T>): Promise<T> {
    const next = this.#last.then(task)
    this.#last = next.catch(() => {})
    return next
  }
}
