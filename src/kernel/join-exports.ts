/* The exported functions of the join kernels: assembly/join/exports.ts tells what each does. */

export interface JoinExports {
  timeQueueCreate(): number
  timeQueueRelease(queue: number): void
  timeQueueCount(queue: number): number
  timeQueuePut(queue: number, times: number, payloads: number, count: number): number
  timeQueueTake(queue: number, bound: number, times: number, payloads: number, capacity: number): number
  joinCreate(keys: number, lower: number, upper: number, outer: number): number
  joinRelease(join: number): void
  joinAdd(
    join: number,
    side: number,
    ids: number,
    times: number,
    watermarks: number,
    rows: number,
    from: number,
    to: number,
  ): number
  joinAdvance(join: number, watermark: number): number
  joinRestore(
    join: number,
    side: number,
    ids: number,
    times: number,
    rows: number,
    matched: number,
    count: number,
  ): number
  joinFlags(join: number, side: number, out: number): void
  joinSetWatermark(join: number, watermark: number): void
  joinRows(join: number, side: number): number
  joinOutput(join: number): number
  joinOutputRows(join: number, which: number): number
}
