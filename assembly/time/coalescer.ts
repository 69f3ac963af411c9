/*
 * The coalesced watermark: the minimum over the inputs that are aligned. The rules are those of Flink's
 * StatusWatermarkValve (FLINK-7728 and later):
 * 1. Each input has a watermark that only rises, and is active or idle. Watermarks of an idle input are ignored.
 * 2. An input is aligned when it is active and has caught up with the output since it was last idle. Only aligned
 *    inputs count towards the minimum; the output never falls.
 * 3. When the last active input turns idle, the maximum of what all inputs had reached is put out, then "idle".
 * 4. When an input turns active and is not behind the output, it is aligned again, and the minimum is taken anew.
 *
 * The minimum is lazy on two levels. `effective` holds an input's watermark where it is aligned, else +Infinity. A
 * block
 * of inputs knows its minimum and how many inputs hold it; it is scanned only when the last of these moves away. The
 * blocks' minima are kept in the same way. So an update touches one input and one block; a scan comes about once in
 * 256 updates of inputs that march together.
 *
 * The watermark of an aligned input stands in `effective` alone, so that a row of updates goes through one array; that
 * of
 * the others stands in `watermarks`.
 *
 * Behind the fixed fields (class Coalescer) stand: watermarks f64[inputs], effective f64[blocks * 256], block minima
 * f64[blocks],
 *   block holders u32[blocks], states u8[inputs] (bit 0 active, bit 1 aligned).
 */
import {
  COALESCED_ACTIVE, COALESCED_IDLE, COALESCED_WATERMARK, NO_ID, RESULT_DETAIL, RESULT_STATUS, STATUS_ARGUMENT,
  STATUS_OK,
} from '../abi'
import { copyTo, put } from '../guard'
import { allocate, release, resultPtr } from '../memory'

const BLOCK_SHIFT: u32 = 8
const BLOCK_INPUTS: u32 = 1 << BLOCK_SHIFT
const LIMIT_INPUTS: u32 = 1 << 24
const ACTIVE: u8 = 1
const ALIGNED: u8 = 2

@unmanaged class Coalescer {
  inputs: u32
  blocks: u32
  active: u32
  aligned: u32
  output: f64
  /** The maximum of the inputs' watermarks; they only rise, so it never falls. */
  highest: f64
  /** The minimum over the blocks, and how many blocks hold it. */
  minimum: f64
  holders: u32
  idle: u32
  watermarks: usize
  effective: usize
  blockMinima: usize
  blockHolders: usize
  states: usize
}

function refuse(argument: u32): void {
  put<i32>(resultPtr(), STATUS_ARGUMENT, RESULT_STATUS)
  put<u32>(resultPtr(), argument, RESULT_DETAIL)
}

/** A coalescer over `inputs` inputs, all active at -Infinity. 0 = failure, status in the result area. */
export function coalescerCreate(inputs: u32): usize {
  if (inputs == 0 || inputs > LIMIT_INPUTS) {
    refuse(0)
    return 0
  }
  const blocks = (inputs + BLOCK_INPUTS - 1) >> BLOCK_SHIFT
  const head = (offsetof<Coalescer>() + 15) & ~15
  const bytes = head + (<usize>inputs << 3) + (<usize>blocks << (BLOCK_SHIFT + 3)) + (<usize>blocks << 3)
    + (<usize>blocks << 2) + <usize>inputs
  const region = allocate(bytes)
  if (region == 0) return 0
  const c = changetype<Coalescer>(region)
  c.inputs = inputs
  c.blocks = blocks
  c.watermarks = region + head
  c.effective = c.watermarks + (<usize>inputs << 3)
  c.blockMinima = c.effective + (<usize>blocks << (BLOCK_SHIFT + 3))
  c.blockHolders = c.blockMinima + (<usize>blocks << 3)
  c.states = c.blockHolders + (<usize>blocks << 2)
  c.output = -Infinity
  for (let input: u32 = 0; input < inputs; input++) {
    put<f64>(c.watermarks + (<usize>input << 3), -Infinity)
    put<u8>(c.states + input, ACTIVE | ALIGNED)
  }
  rebuild(c)
  return region
}

export function coalescerRelease(coalescer: usize): void {
  release(coalescer)
}

/** Everything that follows from the watermarks, the states and the output. */
function rebuild(c: Coalescer): void {
  c.active = 0
  c.aligned = 0
  c.highest = -Infinity
  for (let input: u32 = 0; input < c.blocks << BLOCK_SHIFT; input++) {
    let effective = Infinity
    if (input < c.inputs) {
      const state = load<u8>(c.states + input)
      const watermark = load<f64>(c.watermarks + (<usize>input << 3))
      c.active += state & ACTIVE
      if (state & ALIGNED) {
        c.aligned++
        effective = watermark
      }
      c.highest = max<f64>(c.highest, watermark)
    }
    put<f64>(c.effective + (<usize>input << 3), effective)
  }
  c.idle = c.active == 0 ? 1 : 0
  for (let block: u32 = 0; block < c.blocks; block++) scanBlock(c, block)
  scanBlocks(c)
}

/** The minimum of `count` numbers goes to `minimumAt`; returns how many numbers equal it. */
function scan(numbers: usize, count: u32, minimumAt: usize): u32 {
  let minimum = Infinity
  let holders: u32 = 0
  for (let i: u32 = 0; i < count; i++) {
    const number = load<f64>(numbers + (<usize>i << 3))
    if (number < minimum) {
      minimum = number
      holders = 1
    } else if (number == minimum) holders++
  }
  put<f64>(minimumAt, minimum)
  return holders
}

/** The last watermark of an input. */
// @ts-ignore: decorator
@inline
function watermarkOf(c: Coalescer, input: u32): f64 {
  const own = (load<u8>(c.states + input) & ALIGNED) != 0 ? c.effective : c.watermarks
  return load<f64>(own + (<usize>input << 3))
}

function scanBlock(c: Coalescer, block: u32): void {
  const numbers = c.effective + (<usize>block << (BLOCK_SHIFT + 3))
  const count = min<u32>(BLOCK_INPUTS, c.inputs - (block << BLOCK_SHIFT))
  put<u32>(c.blockHolders + (<usize>block << 2), scan(numbers, count, c.blockMinima + (<usize>block << 3)))
}

function scanBlocks(c: Coalescer): void {
  c.holders = scan(c.blockMinima, c.blocks, changetype<usize>(c) + offsetof<Coalescer>('minimum'))
}

/** Input `input` now counts as `next` in the minimum. */
// @ts-ignore: decorator
@inline
function change(c: Coalescer, input: u32, next: f64): void {
  const at = c.effective + (<usize>input << 3)
  const before = load<f64>(at)
  if (before == next) return
  put<f64>(at, next)
  const block = input >> BLOCK_SHIFT
  const minimum = load<f64>(c.blockMinima + (<usize>block << 3))
  // Most updates: an input that is not at the block's minimum rises.
  if (before == minimum || next <= minimum) changeBlock(c, block, before, next, minimum)
}

function changeBlock(c: Coalescer, block: u32, before: f64, next: f64, minimum: f64): void {
  const holdersAt = c.blockHolders + (<usize>block << 2)
  const holders = load<u32>(holdersAt)
  if (next == minimum) {
    put<u32>(holdersAt, holders + 1)
    return
  }
  if (next < minimum) {
    put<f64>(c.blockMinima + (<usize>block << 3), next)
    put<u32>(holdersAt, 1)
  } else if (holders > 1) {
    put<u32>(holdersAt, holders - 1)
    return
  } else {
    scanBlock(c, block)
  }
  const after = load<f64>(c.blockMinima + (<usize>block << 3))
  if (after < c.minimum) {
    c.minimum = after
    c.holders = 1
  } else if (after == c.minimum) {
    c.holders++
  } else if (minimum == c.minimum) {
    if (c.holders > 1) c.holders--
    else scanBlocks(c)
  }
}

/** Puts the minimum of the aligned inputs out, if it is news. */
// @ts-ignore: decorator
@inline
function settle(c: Coalescer): i32 {
  if (c.aligned == 0 || !(c.minimum > c.output)) return 0
  c.output = c.minimum
  return COALESCED_WATERMARK
}

/** The watermark of an input rises; COALESCED_ bits of what changed, or a negative status. */
export function coalescerAdvance(coalescer: usize, input: u32, watermark: f64): i32 {
  const c = changetype<Coalescer>(coalescer)
  if (input >= c.inputs) {
    refuse(1)
    return STATUS_ARGUMENT
  }
  // An input that is not aligned counts as +Infinity, which nothing exceeds; nor does NaN exceed anything.
  if (watermark > load<f64>(c.effective + (<usize>input << 3))) {
    if (watermark > c.highest) c.highest = watermark
    change(c, input, watermark)
    return settle(c)
  }
  return catchUp(c, input, watermark)
}

/** The watermark of an input rises that is not aligned; other inputs stay as they are. */
function catchUp(c: Coalescer, input: u32, watermark: f64): i32 {
  const stateAt = c.states + input
  const at = c.watermarks + (<usize>input << 3)
  if (load<u8>(stateAt) != ACTIVE || !(watermark > load<f64>(at))) return 0
  put<f64>(at, watermark)
  if (watermark > c.highest) c.highest = watermark
  if (watermark < c.output) return 0
  put<u8>(stateAt, ACTIVE | ALIGNED)
  c.aligned++
  change(c, input, watermark)
  return settle(c)
}

/** An input turns idle; COALESCED_ bits of what changed, or a negative status. */
export function coalescerIdle(coalescer: usize, input: u32): i32 {
  const c = changetype<Coalescer>(coalescer)
  if (input >= c.inputs) {
    refuse(1)
    return STATUS_ARGUMENT
  }
  const stateAt = c.states + input
  const state = load<u8>(stateAt)
  if (!(state & ACTIVE)) return 0
  put<u8>(stateAt, 0)
  c.active--
  if (state & ALIGNED) {
    c.aligned--
    put<f64>(c.watermarks + (<usize>input << 3), load<f64>(c.effective + (<usize>input << 3)))
    change(c, input, Infinity)
  }
  if (c.active > 0) return settle(c)
  c.idle = 1
  if (!(c.highest > c.output)) return COALESCED_IDLE
  c.output = c.highest
  return COALESCED_WATERMARK | COALESCED_IDLE
}

/** An input turns active; COALESCED_ bits of what changed, or a negative status. */
export function coalescerActive(coalescer: usize, input: u32): i32 {
  const c = changetype<Coalescer>(coalescer)
  if (input >= c.inputs) {
    refuse(1)
    return STATUS_ARGUMENT
  }
  const stateAt = c.states + input
  if (load<u8>(stateAt) & ACTIVE) return 0
  c.active++
  const wasIdle = c.idle
  c.idle = 0
  const watermark = load<f64>(c.watermarks + (<usize>input << 3))
  let changed = wasIdle ? COALESCED_ACTIVE : 0
  if (watermark >= c.output) {
    put<u8>(stateAt, ACTIVE | ALIGNED)
    c.aligned++
    change(c, input, watermark)
    changed |= settle(c)
  } else {
    put<u8>(stateAt, ACTIVE)
  }
  return changed
}

export function coalescerWatermark(coalescer: usize): f64 {
  return changetype<Coalescer>(coalescer).output
}

/** 1 while all inputs are idle. */
export function coalescerIsIdle(coalescer: usize): i32 {
  return changetype<Coalescer>(coalescer).idle
}

/** The last watermark of one input. */
export function coalescerInputWatermark(coalescer: usize, input: u32): f64 {
  const c = changetype<Coalescer>(coalescer)
  return input < c.inputs ? watermarkOf(c, input) : NaN
}

/**
 * The input that holds the watermark back: of the aligned inputs at the minimum the first; when none is aligned, the
 * first of the active ones that are furthest behind; NO_ID when all are idle.
 */
export function coalescerHolder(coalescer: usize): u32 {
  const c = changetype<Coalescer>(coalescer)
  let holder: u32 = NO_ID
  let lowest = Infinity
  const wanted = c.aligned > 0 ? ALIGNED : ACTIVE
  for (let input: u32 = 0; input < c.inputs; input++) {
    if (!(load<u8>(c.states + input) & wanted)) continue
    const watermark = watermarkOf(c, input)
    if (holder == NO_ID || watermark < lowest) {
      holder = input
      lowest = watermark
    }
  }
  return holder
}

// ---- state for snapshots: output f64 | watermarks f64[inputs] | states u8[inputs]
// ------------------------------------

export function coalescerStateBytes(coalescer: usize): u32 {
  return 8 + changetype<Coalescer>(coalescer).inputs * 9
}

/** Writes coalescerStateBytes() bytes. */
export function coalescerExport(coalescer: usize, target: usize): void {
  const c = changetype<Coalescer>(coalescer)
  put<f64>(target, c.output)
  for (let input: u32 = 0; input < c.inputs; input++) put<f64>(target + 8 + (<usize>input << 3), watermarkOf(c, input))
  copyTo(target + 8 + (<usize>c.inputs << 3), c.states, c.inputs)
}

/** Takes exported state of a coalescer over as many inputs; STATUS_ARGUMENT changes nothing. */
export function coalescerImport(coalescer: usize, source: usize, bytes: u32): i32 {
  const c = changetype<Coalescer>(coalescer)
  const states = source + 8 + (<usize>c.inputs << 3)
  let valid = bytes == coalescerStateBytes(coalescer) && !isNaN(load<f64>(source))
  for (let input: u32 = 0; valid && input < c.inputs; input++) {
    const state = load<u8>(states + input)
    valid = (state == 0 || state == ACTIVE || state == (ACTIVE | ALIGNED))
      && !isNaN(load<f64>(source + 8 + (<usize>input << 3)))
  }
  if (!valid) {
    refuse(1)
    return STATUS_ARGUMENT
  }
  c.output = load<f64>(source)
  copyTo(c.watermarks, source + 8, <usize>c.inputs << 3)
  copyTo(c.states, states, c.inputs)
  rebuild(c)
  return STATUS_OK
}
