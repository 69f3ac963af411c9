/** Why a checkpoint was given up: a newer one came, it was called off, or an input ended before its barrier. */
export type AbortReason = 'subsumed' | 'cancelled' | 'end-of-input'

/** What becomes of an input that ends while others still wait for a barrier. */
export type EndRule =
  /** It is waited for no longer: what it gave is all before the barrier. */
  | 'counts-as-aligned'
  /** The checkpoint that is pending is given up. */
  | 'aborts'

export interface AlignerListener {
  /** The barrier has come from every channel that is waited for: the cut is now. No channel is blocked any more. */
  onAligned(checkpointId: number): void
  onAborted(checkpointId: number, reason: AbortReason): void
}

/**
 * Aligns barriers over several channels, by the rules of Flink's SingleCheckpointBarrierHandler in aligned mode. Pure
 * bookkeeping: it holds no element. Whoever reads the channels takes nothing from one that is blocked.
 *
 * 1. The first barrier of a checkpoint newer than all before starts its alignment. One that is still pending is
 *    subsumed: aborted, its channels free.
 * 2. A channel whose barrier has come is blocked until the barrier has come from all that are open.
 * 3. A barrier of an older checkpoint, or of one that is over, is ignored.
 * 4. A cancel ends the pending checkpoint, or forbids a newer one that has not begun; of an older one it is ignored.
 * 5. A channel that ended is not waited for. Barriers may still come behind its end: they count for nothing else than
 *    to start a checkpoint, so that a task whose inputs have all ended still takes part.
 *
 * Laws: checkpoint ids that are aligned ascend; for each id at most one of aligned and aborted is told; after
 * onAligned and onAborted of the pending checkpoint no channel is blocked.
 */
export class BarrierAligner {
  private readonly listener: AlignerListener
  private readonly endRule: EndRule
  /** 1: the barrier of the pending checkpoint has come. */
  private readonly arrived: Uint8Array
  private readonly ended: Uint8Array
  private pending = false
  /** Open channels whose barrier is still out. */
  private missing = 0
  private open: number
  private latest = 0

  constructor(channels: number, listener: AlignerListener, endRule: EndRule = 'counts-as-aligned') {
    this.arrived = new Uint8Array(channels)
    this.ended = new Uint8Array(channels)
    this.open = channels
    this.listener = listener
    this.endRule = endRule
  }

  /** The newest checkpoint that it has heard of; 0 before the first. */
  get latestId(): number {
    return this.latest
  }

  get isPending(): boolean {
    return this.pending
  }

  /** Whether nothing may be taken from the channel now. */
  isBlocked(channel: number): boolean {
    return this.pending && this.arrived[channel] === 1
  }

  barrier(checkpointId: number, channel: number): void {
    if (checkpointId < this.latest || (checkpointId === this.latest && !this.pending)) return
    if (checkpointId > this.latest) this.begin(checkpointId)
    this.arrive(channel)
  }

  cancel(checkpointId: number): void {
    if (checkpointId < this.latest || (checkpointId === this.latest && !this.pending)) return
    if (this.pending && checkpointId > this.latest) this.abort('subsumed')
    this.latest = checkpointId
    this.abort('cancelled')
  }

  /** Nothing but barriers follows on the channel. */
  end(channel: number): void {
    if (this.ended[channel] === 1) return
    this.ended[channel] = 1
    this.open -= 1
    if (!this.pending) return
    if (this.endRule === 'aborts') this.abort('end-of-input')
    else if (this.arrived[channel] === 0) this.countDown()
  }

  private begin(checkpointId: number): void {
    if (this.pending) this.abort('subsumed')
    this.latest = checkpointId
    this.pending = true
    this.missing = this.open
    this.arrived.fill(0)
  }

  private arrive(channel: number): void {
    if (this.arrived[channel] === 1) return
    this.arrived[channel] = 1
    if (this.ended[channel] === 0) this.countDown()
    else if (this.missing === 0) this.complete()
  }

  private countDown(): void {
    this.missing -= 1
    if (this.missing === 0) this.complete()
  }

  private complete(): void {
    this.pending = false
    this.listener.onAligned(this.latest)
  }

  private abort(reason: AbortReason): void {
    this.pending = false
    this.listener.onAborted(this.latest, reason)
  }
}
