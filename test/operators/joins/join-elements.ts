/* Random input of two streams for the tests of joins. */
import fc from 'fast-check'
import type { Batch } from '../../../src/core/batch.js'
import { BatchBuilder } from '../../../src/core/batch-builder.js'
import type { KeyGroupRange } from '../../../src/core/key-groups.js'
import { Schema } from '../../../src/core/schema.js'
import { nullable } from '../../../src/core/types.js'
import { KeyCoder } from '../../../src/operators/key-coder.js'
import type { Operator, OperatorFactory, OperatorState, Steps } from '../../../src/operators/operator.js'
import type { TestElement, TestOutput } from '../../../src/testing/operator-harness.js'
import { builds } from '../../kernel/builds.js'

const shared = (builds[0] as (typeof builds)[number]).create()
/** One for all operators of a test file: what they do not give back shows in `bytesInUse`. */
export const kernel = () => shared

export const leftSchema = Schema.of({ k: nullable('utf8'), n: 'i32' })
export const rightSchema = Schema.of({ key: nullable('utf8'), m: 'i32' })

export interface JoinRow {
  readonly input: 0 | 1
  readonly key: string | null
  readonly timestamp: number
  /** Counts the rows of both inputs. */
  readonly number: number
  /** The coalesced watermark in force before it. */
  readonly watermark: number
}

export type JoinStep = JoinRow | { readonly watermark: number }

const step = fc.record({
  input: fc.constantFrom(0 as const, 1 as const),
  key: fc.constantFrom('a', 'b', '__proto__', null),
  timestamp: fc.integer({ min: 0, max: 30 }),
  rise: fc.constantFrom(0, 0, 0, 1, 2, 5),
  isRow: fc.constantFrom(true, true, true, false),
})

/** What happens, in terms of the coalesced watermark, and the same as elements for the harness. */
export const joinInput = (maxLength = 30) => fc.array(step, { maxLength }).map(toInput)

function toInput(steps: readonly (typeof step extends fc.Arbitrary<infer S> ? S : never)[]) {
  const reached = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY]
  const elements: TestElement[] = []
  const events: JoinStep[] = []
  for (const [number, { input, key, timestamp, rise, isRow }] of steps.entries()) {
    const before = reached[input] ?? 0
    const own = rise === 0 ? before : Math.max(before, 0) + rise
    reached[input] = own
    const watermark = Math.min(...reached)
    if (isRow) {
      const row = input === 0 ? { k: key, n: number } : { key, m: number }
      elements.push({ kind: 'row', row, timestamp, watermark: own, input })
      events.push({ input, key, timestamp, number, watermark })
    } else {
      elements.push({ kind: 'watermark', timestamp: own, input })
      events.push({ watermark })
    }
  }
  for (const input of [0, 1] as const) {
    reached[input] = Number.POSITIVE_INFINITY
    elements.push({ kind: 'watermark', timestamp: Number.POSITIVE_INFINITY, input })
    events.push({ watermark: Math.min(...reached) })
  }
  return { elements, events }
}

export const rowsOf = (outputs: readonly TestOutput[], output = 'main') =>
  outputs.flatMap(out => ('output' in out && out.output === output ? [out] : []))

export const watermarksOf = (outputs: readonly TestOutput[]) =>
  outputs.flatMap(out => ('watermark' in out && !('row' in out) ? [out.watermark] : []))

/** An operator driven by hand, with key groups of its own. */
export class Subtask {
  readonly outputs: TestOutput[] = []
  private readonly operator: Operator

  constructor(create: OperatorFactory, keyGroups: KeyGroupRange) {
    this.operator = create({
      id: 'tested',
      kernel: kernel(),
      keyGroups,
      processingTime: { now: () => 0, wakeAt: () => {} },
      wake: () => {},
      output: {
        batch: batch => this.record('main', batch),
        side: (output, batch) => this.record(output, batch),
        watermark: watermark => this.outputs.push({ watermark }),
        idle: () => this.outputs.push({ status: 'idle' }),
        active: () => this.outputs.push({ status: 'active' }),
      },
    })
  }

  give(element: TestElement): void {
    if (element.kind === 'watermark') finish(this.operator.onWatermark(element.timestamp, element.input ?? 0))
    if (element.kind !== 'row') return
    const { row, timestamp = 0, watermark = 0, input = 0 } = element
    const schema: Schema = input === 0 ? leftSchema : rightSchema
    const builder = new BatchBuilder(schema)
    builder.append(row)
    const times = { timestamps: Float64Array.of(timestamp), watermarks: Float64Array.of(watermark) }
    finish(this.operator.onBatch(builder.finish().with(times), input))
  }

  snapshot(): OperatorState {
    const { state, parts } = this.operator.snapshot()
    return { state: JSON.parse(JSON.stringify(state)), parts }
  }

  restore(states: readonly OperatorState[]): void {
    this.operator.restore(states)
  }

  gauges(): Readonly<Record<string, number>> {
    return this.operator.gauges()
  }

  close(): void {
    this.operator.close()
  }

  private record(output: string, batch: Batch): void {
    batch.forEachRow(row => {
      const { timestamps, watermarks } = batch
      const times = { timestamp: timestamps?.[row] ?? Number.NaN, watermark: watermarks?.[row] ?? Number.NaN }
      this.outputs.push({ output, row: batch.row(row) as object, ...times })
    })
  }
}

function finish(steps: Steps | undefined): void {
  while (steps?.next().done === false) {
    // A runtime would do other work here.
  }
}

/** The key groups of the keys that joinInput uses. */
export const KEY_GROUPS: ReadonlyMap<string | null, number> = keyGroups()

function keyGroups(): Map<string | null, number> {
  const keys = ['a', 'b', '__proto__', null]
  const coder = new KeyCoder(shared, [leftSchema.field('k')])
  const builder = new BatchBuilder(leftSchema)
  for (const k of keys) builder.append({ k, n: 0 })
  const ids = coder.code(builder.finish())
  const groups = new Map(keys.map((key, at) => [key, coder.index.groupOf(ids[at] ?? 0)]))
  coder.close()
  return groups
}
