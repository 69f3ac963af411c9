import { Batch } from '../core/batch.js'
import { BatchBuilder } from '../core/batch-builder.js'
import { ALL_KEY_GROUPS } from '../core/key-groups.js'
import { INSERT, type RowKind } from '../core/row-kind.js'
import type { Schema } from '../core/schema.js'
import type { Kernel } from '../kernel/module.js'
import type { Operator, OperatorFactory, OperatorState, Output, ProcessingTime, Steps } from '../operators/operator.js'

/** Input of a test, in the order in which it comes. */
export type TestElement =
  | {
      readonly kind: 'row'
      readonly row: object
      /** Event time in ms, and the watermark in force before the row; both or none. */
      readonly timestamp?: number
      readonly watermark?: number
      /** An insert unless said otherwise. */
      readonly rowKind?: RowKind
      readonly input?: number
      /** The split of the source that it comes from. */
      readonly split?: number
    }
  | { readonly kind: 'watermark'; readonly timestamp: number; readonly input?: number }
  /** Processing time moves on to `timestamp`, ms. */
  | { readonly kind: 'processing-time'; readonly timestamp: number }
  | { readonly kind: 'idle'; readonly input: number; readonly split?: number }
  | { readonly kind: 'active'; readonly input: number; readonly split?: number }

/** What came out, a row or a watermark at a time. */
export type TestOutput =
  | {
      readonly output: string
      readonly row: object
      readonly timestamp?: number
      readonly watermark?: number
      /** Absent where the row is an insert. */
      readonly rowKind?: RowKind
    }
  | { readonly watermark: number }
  | { readonly status: 'idle' | 'active'; readonly split?: number }

export interface HarnessMode {
  readonly name: string
  /** Rows that go into one batch at most. */
  readonly batchRows: number
  /** After each element the operator's state is moved into a new operator. */
  readonly restores: boolean
  /** Rows come as a selection within a larger batch. */
  readonly selects: boolean
}

/** Every case runs in all of them, with the same outcome. */
export const HARNESS_MODES: readonly HarnessMode[] = [
  { name: 'batched', batchRows: 8192, restores: false, selects: false },
  { name: 'row by row', batchRows: 1, restores: false, selects: false },
  { name: 'in threes', batchRows: 3, restores: false, selects: false },
  { name: 'selected', batchRows: 5, restores: false, selects: true },
  { name: 'restored after each row', batchRows: 1, restores: true, selects: false },
  { name: 'restored after each batch', batchRows: 4, restores: true, selects: false },
]

/** Runs an operator over a list of elements in one mode. */
export function runOperator(
  create: OperatorFactory,
  kernel: () => Kernel,
  inputs: readonly Schema[],
  elements: readonly TestElement[],
  mode: HarnessMode,
): TestOutput[] {
  const recorder = new Recorder()
  const time = new HarnessTime()
  const open = (): Operator => {
    time.wishes.clear()
    return create({
      id: 'tested',
      kernel: kernel(),
      output: recorder,
      keyGroups: ALL_KEY_GROUPS,
      processingTime: time,
      wake: () => {
        throw new TypeError('An operator that waits for something outside is tested in a job')
      },
    })
  }
  let operator = open()
  for (const element of inBatches(elements, inputs, mode)) {
    if (element.kind !== 'processing-time') finish(deliver(operator, element))
    else for (const now of time.moveTo(element.timestamp)) finish(operator.onProcessingTime?.(now))
    if (!mode.restores) continue
    const state = throughJson(operator.snapshot())
    operator.close()
    operator = open()
    operator.restore([state])
  }
  operator.close()
  return recorder.outputs
}

/** Processing time that stands still between the elements that move it. */
class HarnessTime implements ProcessingTime {
  readonly wishes = new Set<number>()
  private current = 0

  now(): number {
    return this.current
  }

  wakeAt(timeMs: number): void {
    this.wishes.add(timeMs)
  }

  /** The times at which the operator is to be called on the way, in order. */
  *moveTo(timestamp: number): Generator<number, void, void> {
    for (;;) {
      const next = Math.min(...this.wishes)
      if (next > timestamp) break
      this.wishes.delete(next)
      this.current = Math.max(this.current, next)
      yield this.current
    }
    this.current = Math.max(this.current, timestamp)
  }
}

type BatchedElement =
  | { readonly kind: 'batch'; readonly batch: Batch; readonly input: number }
  | Exclude<TestElement, { kind: 'row' }>

function deliver(operator: Operator, element: Exclude<BatchedElement, { kind: 'processing-time' }>): Steps | undefined {
  switch (element.kind) {
    case 'batch':
      return operator.onBatch(element.batch, element.input)
    case 'watermark':
      return operator.onWatermark(element.timestamp, element.input ?? 0)
    case 'idle':
      return operator.onIdle?.(element.input, element.split)
    case 'active':
      return operator.onActive?.(element.input, element.split)
  }
}

function finish(steps: Steps | undefined): void {
  while (steps?.next().done === false) {
    // Between two steps a runtime does other work.
  }
}

/** As a checkpoint would keep it. */
function throughJson({ state, parts }: OperatorState): OperatorState {
  return {
    state: JSON.parse(JSON.stringify(state)),
    parts: parts.map(({ name, bytes }) => ({ name, bytes: bytes.slice() })),
  }
}

function* inBatches(
  elements: readonly TestElement[],
  schemas: readonly Schema[],
  mode: HarnessMode,
): Generator<BatchedElement, void, void> {
  let rows: Extract<TestElement, { kind: 'row' }>[] = []
  const flush = function* (): Generator<BatchedElement, void, void> {
    const [first] = rows
    if (first === undefined) return
    const input = first.input ?? 0
    const schema = schemas[input]
    if (schema === undefined) throw new TypeError(`There is no schema of input ${input}`)
    yield { kind: 'batch', batch: batchOf(rows, schema, mode.selects), input }
    rows = []
  }
  for (const element of elements) {
    const [first] = rows
    const breaks =
      element.kind !== 'row' ||
      (element.input ?? 0) !== (first?.input ?? 0) ||
      element.split !== first?.split ||
      rows.length >= mode.batchRows
    if (breaks) yield* flush()
    if (element.kind === 'row') rows.push(element)
    else yield element
  }
  yield* flush()
}

function batchOf(rows: readonly Extract<TestElement, { kind: 'row' }>[], schema: Schema, selects: boolean): Batch {
  const builder = new BatchBuilder(schema)
  // Each row twice, and the first of the two selected: what is not selected must not be seen.
  const physical = selects ? rows.flatMap(row => [row, row]) : rows
  for (const { row } of physical) builder.append(row)
  const isTimed = rows.every(({ timestamp }) => timestamp !== undefined)
  const batch = builder.finish()
  return new Batch({
    schema,
    columns: batch.columns,
    rowCount: batch.rowCount,
    timestamps: isTimed ? Float64Array.from(physical, ({ timestamp }) => timestamp ?? 0) : undefined,
    watermarks: isTimed
      ? Float64Array.from(physical, ({ watermark }) => watermark ?? Number.NEGATIVE_INFINITY)
      : undefined,
    kinds: rows.some(({ rowKind = INSERT }) => rowKind !== INSERT)
      ? Uint8Array.from(physical, ({ rowKind = INSERT }) => rowKind)
      : undefined,
    split: rows[0]?.split,
    selection: selects ? Uint32Array.from(rows, (_row, index) => index * 2) : undefined,
  })
}

class Recorder implements Output {
  readonly outputs: TestOutput[] = []

  batch(batch: Batch): void {
    this.record('main', batch)
  }

  side(output: string, batch: Batch): void {
    this.record(output, batch)
  }

  watermark(timestamp: number): void {
    this.outputs.push({ watermark: timestamp })
  }

  idle(split?: number): void {
    this.outputs.push(split === undefined ? { status: 'idle' } : { status: 'idle', split })
  }

  active(split?: number): void {
    this.outputs.push(split === undefined ? { status: 'active' } : { status: 'active', split })
  }

  private record(output: string, batch: Batch): void {
    batch.forEachRow(physicalRow => {
      const { timestamps, watermarks } = batch
      const times =
        timestamps === undefined
          ? {}
          : { timestamp: timestamps[physicalRow] ?? Number.NaN, watermark: watermarks?.[physicalRow] ?? Number.NaN }
      const rowKind = (batch.kinds?.[physicalRow] ?? INSERT) as RowKind
      const kind = rowKind === INSERT ? {} : { rowKind }
      this.outputs.push({ output, row: batch.row(physicalRow) as object, ...times, ...kind })
    })
  }
}
