/*
 * The exported functions of the module, as a host sees them: every parameter and result is a number. A u32 result
 * arrives as i32: take `>>> 0` of a pointer, a hash or an id.
 */

import type { CsvExports } from './csv-exports.js'
import type { EncodeExports } from './encode-exports.js'
import type { JoinExports } from './join-exports.js'
import type { JsonExports } from './json-exports.js'
import type { TimerExports } from './timers-exports.js'

export interface MemoryExports {
  readonly memory: WebAssembly.Memory
  abiVersion(): number
  allocate(bytes: number): number
  release(pointer: number): void
  resultPtr(): number
  setMemoryLimit(bytes: number): void
  memoryInUse(): number
}

export interface HashExports {
  hashXxh32(pointer: number, length: number, seed: number): number
  hashXxh64(pointer: number, length: number, seedLow: number, seedHigh: number): void
  hashXxh64Begin(seedLow: number, seedHigh: number): void
  hashXxh64Stripes(pointer: number, length: number): number
  hashXxh64End(pointer: number, length: number): void
  hashXxh3(pointer: number, length: number, seedLow: number, seedHigh: number): void
  hashMurmur2(pointer: number, length: number): number
  hashMurmur3x86(pointer: number, length: number, seed: number): number
  hashMurmur3x64(pointer: number, length: number, seed: number): void
  hashCrc32c(pointer: number, length: number, before: number): number
}

export interface KeyExports {
  keysCreate(kind: number, seedLow: number, seedHigh: number, maxParallelism: number): number
  keysDestroy(keys: number): void
  keysCode32(keys: number, source: number, validity: number, from: number, to: number, ids: number): number
  keysCode64(keys: number, source: number, validity: number, from: number, to: number, ids: number): number
  keysCodeUtf8(
    keys: number,
    offsets: number,
    bytes: number,
    validity: number,
    from: number,
    to: number,
    ids: number,
  ): number
  keysCodeComposite(keys: number, components: number, count: number, from: number, to: number, ids: number): number
  dictionaryBind(keys: number): number
  dictionaryExtend(binding: number, offsets: number, bytes: number, count: number): number
  dictionaryRelease(binding: number): void
  keysCodeDictionary(binding: number, codes: number, validity: number, from: number, to: number, ids: number): number
  keysRetain(keys: number, id: number): void
  keysDrop(keys: number, id: number): void
  keysSettle(keys: number): number
  keysGroupOf(keys: number, id: number): number
  keysHashRows(component: number, rows: number, hashes: number): number
  keysGroupRows(hashes: number, rows: number, maxParallelism: number): number
  keysHighWater(keys: number): number
  keysCount(keys: number): number
  keysContains(keys: number, id: number): number
  keysRead32(keys: number, ids: number, count: number, out: number, validity: number): number
  keysRead64(keys: number, ids: number, count: number, out: number, validity: number): number
  keysReadUtf8(keys: number, ids: number, count: number, offsets: number, validity: number): number
  keysReadComponent(
    keys: number,
    ids: number,
    count: number,
    component: number,
    type: number,
    out: number,
    validity: number,
  ): number
  keysReadBlock(keys: number, pointer: number, end: number, idMap: number, idMapLength: number): number
}

export interface TimeExports {
  watermarksCreate(boundMs: number): number
  watermarksRelease(generator: number): void
  watermarksCurrent(generator: number): number
  watermarksMax(generator: number): number
  watermarksSet(generator: number, maxTimestamp: number): void
  timestampsAssign(
    generator: number,
    source: number,
    type: number,
    unit: number,
    validity: number,
    from: number,
    to: number,
    outTimestamps: number,
    outWatermarks: number,
  ): number
  coalescerCreate(inputs: number): number
  coalescerRelease(coalescer: number): void
  coalescerAdvance(coalescer: number, input: number, watermark: number): number
  coalescerIdle(coalescer: number, input: number): number
  coalescerActive(coalescer: number, input: number): number
  coalescerWatermark(coalescer: number): number
  coalescerIsIdle(coalescer: number): number
  coalescerInputWatermark(coalescer: number, input: number): number
  coalescerHolder(coalescer: number): number
  coalescerStateBytes(coalescer: number): number
  coalescerExport(coalescer: number, target: number): void
  coalescerImport(coalescer: number, source: number, bytes: number): number
}

export interface WindowExports {
  windowCreate(
    keys: number,
    sizeMs: number,
    slideMs: number,
    offsetMs: number,
    columns: number,
    columnCount: number,
  ): number
  windowRelease(window: number): void
  windowAdd(
    window: number,
    ids: number,
    timestamps: number,
    watermarks: number,
    columnPointers: number,
    validityPointers: number,
    from: number,
    to: number,
  ): number
  windowMerge(window: number, ids: number, timestamps: number, parts: number, rows: number): number
  windowAdvance(window: number, watermark: number): void
  windowFire(window: number): number
  windowWatermark(window: number): number
  windowNextFire(window: number): number
  windowOutput(window: number, column: number): number
  windowLateRows(window: number): number
  windowLateCount(window: number): number
  windowClearLate(window: number): void
  windowLateTotal(window: number): number
  windowGapTotal(window: number): number
  windowSlices(window: number): number
  windowRecords(window: number): number
  windowStateBytes(window: number): number
  windowOpen(window: number): number
  windowSnapshot(window: number): number
  windowSnapshotRelease(window: number): void
  windowRestore(window: number, source: number, length: number, firstGroup: number, lastGroup: number): number
}

export interface SessionExports {
  sessionCreate(keys: number, gapMs: number, columns: number, columnCount: number): number
  sessionRelease(sessions: number): void
  sessionAdd(
    sessions: number,
    ids: number,
    timestamps: number,
    watermarks: number,
    gaps: number,
    columnPointers: number,
    validityPointers: number,
    from: number,
    to: number,
  ): number
  sessionFire(sessions: number): number
  sessionSettle(sessions: number): number
  sessionSnapshot(sessions: number): number
  sessionRestore(sessions: number, source: number, length: number, firstGroup: number, lastGroup: number): number
}

export interface KernelExports
  extends MemoryExports,
    HashExports,
    KeyExports,
    TimeExports,
    WindowExports,
    TimerExports,
    SessionExports,
    JsonExports,
    CsvExports,
    EncodeExports,
    JoinExports {}
