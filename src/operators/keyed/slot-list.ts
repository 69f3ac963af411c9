/** Past the ends of the list. */
const NONE = 0xffffffff

/**
 * A set of slots in the order in which they were added, linked through arrays by slot: adding and removing are a few
 * writes, and memory is by the highest slot.
 */
export class SlotList {
  private next: Uint32Array = new Uint32Array(64)
  private previous: Uint32Array = new Uint32Array(64)
  private members: Uint8Array = new Uint8Array(64)
  private first = NONE
  private last = NONE
  private count = 0

  get size(): number {
    return this.count
  }

  has(slot: number): boolean {
    return this.members[slot] === 1
  }

  /** Adds a slot that is not there. */
  add(slot: number): void {
    this.reserve(slot)
    this.members[slot] = 1
    this.next[slot] = NONE
    this.previous[slot] = this.last
    if (this.last === NONE) this.first = slot
    else this.next[this.last] = slot
    this.last = slot
    this.count++
  }

  /** Removes a slot that is there. */
  remove(slot: number): void {
    const next = this.next[slot] ?? NONE
    const previous = this.previous[slot] ?? NONE
    if (previous === NONE) this.first = next
    else this.next[previous] = next
    if (next === NONE) this.last = previous
    else this.previous[next] = previous
    this.members[slot] = 0
    this.count--
  }

  /** All slots, the one added first at the front. */
  toArray(): Uint32Array {
    const slots = new Uint32Array(this.count)
    let at = 0
    for (let slot = this.first; slot !== NONE; slot = this.next[slot] ?? NONE) slots[at++] = slot
    return slots
  }

  private reserve(slot: number): void {
    if (slot < this.members.length) return
    const capacity = Math.max(slot + 1, this.members.length * 2)
    const members = new Uint8Array(capacity)
    members.set(this.members)
    this.members = members
    this.next = grown(this.next, capacity)
    this.previous = grown(this.previous, capacity)
  }
}

function grown(array: Uint32Array, capacity: number): Uint32Array {
  const larger = new Uint32Array(capacity)
  larger.set(array)
  return larger
}
