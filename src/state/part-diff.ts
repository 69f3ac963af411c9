import { BlockIndex } from './block-index.js'
import { aligned, equalRun, wordsOf } from './equal-run.js'
import { PatchWriter } from './part-patch.js'

/** Bytes that are looked at between two turns of whoever runs it. */
const STRIDE_BYTES = 1 << 20
const STRIDE_BLOCKS = 1 << 13
const STRIDE_ROLLS = 1 << 15
const STRIDE_EDITS = 256
/** So far behind a change what was in its place is looked for, before all of the base is. */
const NEAR_BYTES = 256
/** Fewer equal bytes are not worth an edit of their own. */
const LEAST_RUN = 8
/** Where runs are shorter than this, what seems to stand still may have moved. */
const SHORT_RUN = 64
/**
 * So many short runs in a row are let pass before it is looked for: none once it was found, and twice as many each time
 * that nothing better was. At first a few, since the fields of one record change together, and looking takes an index.
 */
const FIRST_PATIENCE = 4
const MOST_PATIENCE = 1024
/** How far what may have moved is looked for, and how much of it is compared. */
const LOOK_BYTES = 4096

/**
 * The patch (part-patch.ts) that makes `next` out of `base`: empty where they are equal, undefined where it would be
 * longer than `mostBytes`. It yields after each bounded piece of work.
 *
 * 1. Both are compared step by step: what stands still costs nothing but that.
 * 2. Behind a change in its place they are equal again near by: the change is written.
 * 3. Otherwise something was put in, left out or moved: a rolling hash over `next` finds a block of the base, and what
 *    is equal before it counts as well. It is asked also where (2) finds only short runs, such as zeros in numbers.
 */
export function* diffParts(
  base: Uint8Array,
  next: Uint8Array,
  mostBytes: number,
): Generator<void, Uint8Array | undefined, void> {
  const differ = new PartDiffer(aligned(base), aligned(next))
  const writer = new PatchWriter()
  let from = 0
  let to = 0
  let edits = 0
  let shortRuns = 0
  let patience = FIRST_PATIENCE
  for (;;) {
    const copied = yield* differ.run(from, to)
    shortRuns = copied < SHORT_RUN ? shortRuns + 1 : 0
    from += copied
    to += copied
    if (to === next.length) {
      if (copied === base.length && copied === next.length) return new Uint8Array()
      if (copied > 0) writer.edit(copied, 0, next.subarray(to))
      break
    }
    const room = mostBytes - writer.length
    let found = differ.near(from, to)
    if (found === undefined) {
      found = yield* differ.anywhere(to, room)
    } else if (shortRuns >= patience || (patience === 1 && differ.runOf(found) < SHORT_RUN)) {
      const moved = yield* differ.anywhere(to, Math.min(room, LOOK_BYTES))
      const isBetter = moved !== undefined && differ.runOf(moved) > 2 * differ.runOf(found)
      if (isBetter) found = moved
      patience = isBetter ? 1 : Math.min(MOST_PATIENCE, patience * 2)
      shortRuns = 0
    }
    const behind = found?.to ?? next.length
    if (behind - to > room) return undefined
    writer.edit(copied, (found?.from ?? from) - from, next.subarray(to, behind))
    edits += 1
    if (edits % STRIDE_EDITS === 0) yield
    if (writer.length > mostBytes) return undefined
    if (found === undefined) break
    from = found.from
    to = found.to
  }
  return writer.finish(base.length, next.length)
}

/** Where both are equal again. */
interface Match {
  readonly from: number
  readonly to: number
}

class PartDiffer {
  private readonly base: Uint8Array
  private readonly next: Uint8Array
  private readonly baseWords: Int32Array
  private readonly nextWords: Int32Array
  private index: BlockIndex | undefined
  private compared = 0

  constructor(base: Uint8Array, next: Uint8Array) {
    this.base = base
    this.next = next
    this.baseWords = wordsOf(base)
    this.nextWords = wordsOf(next)
  }

  /** How many bytes are equal from here on. */
  *run(from: number, to: number): Generator<void, number, void> {
    const most = Math.min(this.base.length - from, this.next.length - to)
    let run = 0
    while (run < most) {
      const limit = Math.min(STRIDE_BYTES, most - run)
      const equal = this.equal(from + run, to + run, limit)
      run += equal
      this.compared += equal + NEAR_BYTES
      if (this.compared >= STRIDE_BYTES) {
        this.compared = 0
        yield
      }
      if (equal < limit) break
    }
    return run
  }

  /** Where they are equal again without a shift. */
  near(from: number, to: number): Match | undefined {
    const { base, next } = this
    const most = Math.min(NEAR_BYTES, base.length - from, next.length - to)
    let equal = 0
    for (let step = 0; step < most; step++) {
      equal = base[from + step] === next[to + step] ? equal + 1 : 0
      if (equal === LEAST_RUN) return { from: from + step + 1 - equal, to: to + step + 1 - equal }
    }
    // Both end alike.
    const isEnd = most === base.length - from && most === next.length - to
    return isEnd && equal > 0 ? { from: from + most - equal, to: to + most - equal } : undefined
  }

  /** The next block of the base that stands in `next`, within `room` bytes; begun where it is equal before already. */
  *anywhere(to: number, room: number): Generator<void, Match | undefined, void> {
    const index = this.index ?? (yield* this.indexed())
    const { base, next } = this
    const { blockBytes } = index
    const last = Math.min(next.length - blockBytes, to + room)
    if (last < to) return undefined
    let hash = index.hash(next, to)
    for (let at = to; ; at++) {
      const from = index.find(hash)
      if (from >= 0 && this.equal(from, at, blockBytes) === blockBytes) {
        let before = 0
        while (at - before > to && before < from && base[from - before - 1] === next[at - before - 1]) before++
        return { from: from - before, to: at - before }
      }
      if (at === last) return undefined
      hash = index.roll(hash, next[at] as number, next[at + blockBytes] as number)
      if ((at - to) % STRIDE_ROLLS === STRIDE_ROLLS - 1) yield
    }
  }

  /** How long a match is, as far as it matters. */
  runOf({ from, to }: Match): number {
    return this.equal(from, to, Math.min(LOOK_BYTES, this.base.length - from, this.next.length - to))
  }

  private *indexed(): Generator<void, BlockIndex, void> {
    const index = new BlockIndex(this.base)
    while (index.add(STRIDE_BLOCKS)) yield
    this.index = index
    return index
  }

  private equal(from: number, to: number, limit: number): number {
    return equalRun(this.base, this.next, this.baseWords, this.nextWords, from, to, limit)
  }
}
