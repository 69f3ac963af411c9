/* Timers as one writes them in JavaScript: a binary heap, and a set that knows which timers are there. */

interface Timer {
  readonly time: number
  readonly order: number
  readonly slot: number
}

const isBefore = (a: Timer, b: Timer): boolean => a.time < b.time || (a.time === b.time && a.order < b.order)

/** Fires in the order of (time, registration); one timer a time and slot. */
export class TimerHeap {
  private readonly heap: Timer[] = []
  /** By slot, its times. */
  private readonly known = new Map<number, Set<number>>()
  private registered = 0

  register(time: number, slot: number): void {
    let times = this.known.get(slot)
    if (times === undefined) {
      times = new Set()
      this.known.set(slot, times)
    }
    if (times.has(time)) return
    times.add(time)
    this.push({ time, order: this.registered++, slot })
  }

  /** The earliest timer at or below `limit`, taken out. */
  poll(limit: number): Timer | undefined {
    const [first] = this.heap
    if (first === undefined || first.time > limit) return undefined
    const last = this.heap.pop()
    if (last !== undefined && this.heap.length > 0) this.sink(last)
    const times = this.known.get(first.slot)
    times?.delete(first.time)
    if (times?.size === 0) this.known.delete(first.slot)
    return first
  }

  private push(timer: Timer): void {
    const { heap } = this
    let at = heap.length
    heap.push(timer)
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = heap[parent] as Timer
      if (!isBefore(timer, above)) break
      heap[at] = above
      at = parent
    }
    heap[at] = timer
  }

  private sink(timer: Timer): void {
    const { heap } = this
    const { length } = heap
    let at = 0
    for (;;) {
      let child = at * 2 + 1
      if (child >= length) break
      if (child + 1 < length && isBefore(heap[child + 1] as Timer, heap[child] as Timer)) child++
      if (!isBefore(heap[child] as Timer, timer)) break
      heap[at] = heap[child] as Timer
      at = child
    }
    heap[at] = timer
  }
}
