/** Distinct times, the earliest first: a binary heap. */
export class TimeHeap {
  private readonly times: number[] = []
  private readonly known = new Set<number>()

  /** +Infinity where there is none. */
  get earliest(): number {
    return this.times[0] ?? Number.POSITIVE_INFINITY
  }

  get isEmpty(): boolean {
    return this.times.length === 0
  }

  /** Adding a time twice is adding it once. */
  add(time: number): void {
    if (this.known.has(time)) return
    this.known.add(time)
    const { times } = this
    let at = times.length
    while (at > 0) {
      const parent = (at - 1) >>> 1
      if ((times[parent] ?? 0) <= time) break
      times[at] = times[parent] ?? 0
      at = parent
    }
    times[at] = time
  }

  removeEarliest(): void {
    const { times } = this
    this.known.delete(this.earliest)
    const last = times.pop()
    if (last === undefined || times.length === 0) return
    let at = 0
    for (;;) {
      let child = at * 2 + 1
      if (child >= times.length) break
      if (child + 1 < times.length && (times[child + 1] ?? 0) < (times[child] ?? 0)) child += 1
      if ((times[child] ?? 0) >= last) break
      times[at] = times[child] ?? 0
      at = child
    }
    times[at] = last
  }
}
