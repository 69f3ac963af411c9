/**
 * A bounded queue between a producer and a consumer that run by turns on one event loop. Capacity is credit: a
 * producer waits for space before it makes the next item; what a step has already made may exceed it.
 * Laws: items come out in the order in which they went in; a failure is seen behind the items before it.
 */
export class Channel<Item extends object> {
  private items: (Item | undefined)[] = []
  private head = 0
  private spaceWaiters: (() => void)[] = []
  private itemWaiters: (() => void)[] = []

  readonly capacity: number

  constructor(capacity: number) {
    this.capacity = capacity
  }

  get length(): number {
    return this.items.length - this.head
  }

  get isFull(): boolean {
    return this.length >= this.capacity
  }

  push(item: Item): void {
    this.items.push(item)
    wake(this.itemWaiters)
  }

  shift(): Item | undefined {
    if (this.head === this.items.length) return undefined
    const item = this.items[this.head]
    this.items[this.head] = undefined
    this.head += 1
    if (this.head === this.items.length) {
      this.items = []
      this.head = 0
    }
    if (!this.isFull) wake(this.spaceWaiters)
    return item
  }

  /** Fulfilled once there is an item. */
  whenItem(): Promise<void> {
    return this.length > 0 ? Promise.resolve() : new Promise(resolve => this.itemWaiters.push(resolve))
  }

  /** Fulfilled once there is space. */
  whenSpace(): Promise<void> {
    return this.isFull ? new Promise(resolve => this.spaceWaiters.push(resolve)) : Promise.resolve()
  }

  /** Drops all items, so that a waiting producer can go on and see that it should stop. */
  clear(): void {
    this.items = []
    this.head = 0
    wake(this.spaceWaiters)
  }
}

function wake(waiters: (() => void)[]): void {
  for (const resolve of waiters.splice(0)) resolve()
}
