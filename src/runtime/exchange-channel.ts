import type { StreamElement } from '../core/element.js'

/** Elements that one subtask may have sent without the other having taken them. */
export const CHANNEL_CAPACITY = 16
/**
 * Rows, in the same way: eight batches of the default size, which a receiver works off in a few turns of its event loop.
 * What is under way is bounded by this and what one step makes.
 */
export const CHANNEL_ROWS = 65_536

/** What counts against the credit of a channel. */
export interface Credit {
  readonly elements: number
  readonly rows: number
}

/** Whether a sender that has so much under way may send more. */
export function hasCredit({ elements, rows }: Credit): boolean {
  return elements < CHANNEL_CAPACITY && rows < CHANNEL_ROWS
}

/** The sending end of a channel between two subtasks. */
export interface ElementWriter {
  /** Without credit: the sender makes no further element. What a step has already made is taken all the same. */
  readonly isFull: boolean
  /** `isOwned`: the buffers of the batch are nobody else's, so they may leave this thread. Default false. */
  push(element: StreamElement, isOwned?: boolean): void
  /** Calls back whenever there is credit again. */
  onSpace(wake: () => void): void
}

/** The receiving end. */
export interface ElementReader {
  readonly length: number
  shift(): StreamElement | undefined
  /** Calls back whenever an element comes. */
  onElement(wake: () => void): void
}

/**
 * A channel between two subtasks of one thread. A sender that is out of credit stops, and with it what feeds it.
 * Laws: elements come out in the order in which they went in, each once.
 */
export class LocalChannel implements ElementWriter, ElementReader {
  private elements: (StreamElement | undefined)[] = []
  private head = 0
  private rows = 0
  private wakeSender: () => void = () => undefined
  private wakeReceiver: () => void = () => undefined

  get length(): number {
    return this.elements.length - this.head
  }

  get isFull(): boolean {
    return !hasCredit({ elements: this.length, rows: this.rows })
  }

  push(element: StreamElement): void {
    this.elements.push(element)
    this.rows += rowsOf(element)
    this.wakeReceiver()
  }

  shift(): StreamElement | undefined {
    const element = this.elements[this.head]
    if (element === undefined) return undefined
    const wasFull = this.isFull
    this.elements[this.head] = undefined
    this.rows -= rowsOf(element)
    this.head += 1
    if (this.head === this.elements.length) {
      this.elements = []
      this.head = 0
    }
    if (wasFull && !this.isFull) this.wakeSender()
    return element
  }

  onSpace(wake: () => void): void {
    this.wakeSender = wake
  }

  onElement(wake: () => void): void {
    this.wakeReceiver = wake
  }
}

function rowsOf(element: StreamElement): number {
  return element.kind === 'batch' ? element.batch.rowCount : 0
}
