import type { StreamElement } from '../../core/element.js'
import {
  CHANNEL_CAPACITY,
  CHANNEL_ROWS,
  type Credit,
  type ElementReader,
  type ElementWriter,
  hasCredit,
} from '../exchange-channel.js'
import { BatchDecoder, BatchEncoder, notTransferable, type WireBatch } from './batch-codec.js'
import type { Port } from './port.js'

type WireElement = Exclude<StreamElement, { kind: 'batch' }> | { readonly kind: 'batch'; readonly batch: WireBatch }

interface PeerMessage {
  readonly elements: readonly (readonly [channel: string, element: WireElement])[]
  /** What was taken from a channel since the last message. */
  readonly credits: readonly (readonly [channel: string, taken: Credit])[]
}

/** Elements that go out together at most, so that a receiver does not wait for a long step of the sender. */
const BUNDLE = 8
/** Credit is given back in pieces of this size: a message costs more than an element. */
const CREDIT_STEP: Credit = { elements: CHANNEL_CAPACITY / 4, rows: CHANNEL_ROWS / 4 }
const NOTHING: Credit = { elements: 0, rows: 0 }

/**
 * All channels between two workers over one port. What is sent within one turn goes out as one message; batches go as
 * transferred buffers. A sender has credit for CHANNEL_CAPACITY elements and CHANNEL_ROWS rows a channel, which comes back
 * as they are taken.
 */
export class PeerLink {
  private readonly writers = new Map<string, RemoteWriter>()
  private readonly readers = new Map<string, RemoteReader>()
  private elements: (readonly [string, WireElement])[] = []
  private credits = new Map<string, Credit>()
  private isFlushing = false

  private readonly port: Port
  private readonly onFailure: (cause: unknown) => void

  constructor(port: Port, onFailure: (cause: unknown) => void) {
    this.port = port
    this.onFailure = onFailure
    port.onMessage(message => this.receive(message as PeerMessage))
  }

  writer(channel: string): ElementWriter {
    const writer = new RemoteWriter(element => this.send(channel, element))
    this.writers.set(channel, writer)
    return writer
  }

  reader(channel: string): ElementReader {
    const reader = new RemoteReader(taken => this.giveCredit(channel, taken))
    this.readers.set(channel, reader)
    return reader
  }

  close(): void {
    this.port.close()
  }

  private receive({ elements, credits }: PeerMessage): void {
    for (const [channel, taken] of credits) this.writers.get(channel)?.credit(taken)
    for (const [channel, element] of elements) this.readers.get(channel)?.receive(element)
  }

  private send(channel: string, element: WireElement): void {
    this.elements.push([channel, element])
    if (this.elements.length >= BUNDLE) this.flush()
    else this.flushSoon()
  }

  private giveCredit(channel: string, taken: Credit): void {
    this.credits.set(channel, sum(this.credits.get(channel) ?? NOTHING, taken))
    this.flushSoon()
  }

  private flushSoon(): void {
    if (this.isFlushing) return
    this.isFlushing = true
    void Promise.resolve().then(() => {
      this.isFlushing = false
      this.flush()
    })
  }

  private flush(): void {
    const { elements } = this
    const credits = [...this.credits]
    if (elements.length === 0 && credits.length === 0) return
    this.elements = []
    this.credits = new Map()
    const message: PeerMessage = { elements, credits }
    const transfer = elements.flatMap(([, element]) => (element.kind === 'batch' ? element.batch.buffers : []))
    try {
      this.port.post(message, transfer)
    } catch (cause) {
      this.onFailure(notTransferable(cause, `channel ${elements[0]?.[0]}`))
    }
  }
}

class RemoteWriter implements ElementWriter {
  private readonly encoder = new BatchEncoder()
  private outstanding = NOTHING
  private wake: () => void = () => undefined
  private readonly send: (element: WireElement) => void

  constructor(send: (element: WireElement) => void) {
    this.send = send
  }

  get isFull(): boolean {
    return !hasCredit(this.outstanding)
  }

  push(element: StreamElement, isOwned = false): void {
    const sent: WireElement =
      element.kind === 'batch' ? { kind: 'batch', batch: this.encoder.encode(element.batch, isOwned) } : element
    this.outstanding = sum(this.outstanding, costOf(sent))
    this.send(sent)
  }

  onSpace(wake: () => void): void {
    this.wake = wake
  }

  credit({ elements, rows }: Credit): void {
    const wasFull = this.isFull
    this.outstanding = sum(this.outstanding, { elements: -elements, rows: -rows })
    if (wasFull && !this.isFull) this.wake()
  }
}

class RemoteReader implements ElementReader {
  private readonly decoder = new BatchDecoder()
  private elements: WireElement[] = []
  private head = 0
  private taken = NOTHING
  private wake: () => void = () => undefined
  private readonly giveCredit: (taken: Credit) => void

  constructor(giveCredit: (taken: Credit) => void) {
    this.giveCredit = giveCredit
  }

  get length(): number {
    return this.elements.length - this.head
  }

  shift(): StreamElement | undefined {
    const element = this.elements[this.head]
    if (element === undefined) return undefined
    this.head += 1
    this.taken = sum(this.taken, costOf(element))
    if (this.head === this.elements.length) {
      this.elements = []
      this.head = 0
    }
    const { taken } = this
    if (taken.elements >= CREDIT_STEP.elements || taken.rows >= CREDIT_STEP.rows || this.length === 0) {
      this.giveCredit(taken)
      this.taken = NOTHING
    }
    return element.kind === 'batch' ? { kind: 'batch', batch: this.decoder.decode(element.batch) } : element
  }

  onElement(wake: () => void): void {
    this.wake = wake
  }

  receive(element: WireElement): void {
    this.elements.push(element)
    this.wake()
  }
}

function costOf(element: WireElement): Credit {
  return { elements: 1, rows: element.kind === 'batch' ? element.batch.rows : 0 }
}

function sum(a: Credit, b: Credit): Credit {
  return { elements: a.elements + b.elements, rows: a.rows + b.rows }
}
