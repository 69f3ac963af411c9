import { describe, expect, it } from 'vitest'
import { collect } from '../../../src/connectors/collect.js'
import { memory } from '../../../src/connectors/memory.js'
import { BatchBuilder } from '../../../src/core/batch-builder.js'
import { ALL_KEY_GROUPS } from '../../../src/core/key-groups.js'
import { Schema } from '../../../src/core/schema.js'
import { job } from '../../../src/graph/job.js'
import { left, right } from '../../../src/graph/join-projection.js'
import type { KeyedStream } from '../../../src/graph/keyed-stream.js'
import type { Stream } from '../../../src/graph/stream.js'
import { session, sliding, tumbling } from '../../../src/graph/windowing.js'
import type { Operator, Steps } from '../../../src/operators/operator.js'
import { builds } from '../../kernel/builds.js'

interface Row {
  readonly key: string
  readonly value: number
}
type Keyed = KeyedStream<Row, 'key'>

const schema = Schema.of({ key: 'utf8', value: 'f64' }) as Schema<Row>
const pair = { a: left('value'), b: right('value') } as const

/** A round has this many new keys, each with a few rows on both sides, and takes 100 ms. */
const KEYS = 50
const ROUND_MS = 100

function operatorOf(define: (a: Keyed, b: Keyed) => Stream<unknown>): Operator {
  const { nodes } = job('join', j => {
    const keyed = () => j.from(memory<Row>([], { schema })).withTimestamps('value', { outOfOrderness: 0 }).keyBy('key')
    define(keyed(), keyed()).changelog('op').to(collect<unknown>())
  }).plan()
  const role = nodes.find(({ inputs }) => inputs.length === 2)?.role
  if (role?.kind !== 'operator') throw new TypeError('no join')
  const nothing = (): void => {}
  return role.create({
    id: 'join',
    kernel: (builds[0] as (typeof builds)[number]).create(),
    output: { batch: nothing, side: nothing, watermark: nothing, idle: nothing, active: nothing },
    keyGroups: ALL_KEY_GROUPS,
    processingTime: { now: () => 0, wakeAt: nothing },
    wake: nothing,
  })
}

function finish(steps: Steps | undefined): void {
  while (steps?.next().done === false) {
    // Nothing else happens between two steps here.
  }
}

function addRound(operator: Operator, round: number): void {
  const watermark = round * ROUND_MS - 1
  for (const input of [0, 1]) {
    const builder = new BatchBuilder(schema)
    const times: number[] = []
    for (let n = 0; n < KEYS * 2; n++) {
      times.push(round * ROUND_MS + ((n * 37 + input) % ROUND_MS))
      // Some keys are on one side only.
      builder.append({ key: `${round}:${n % KEYS === 0 ? input : ''}${n % KEYS}`, value: n })
    }
    const timestamps = Float64Array.from(times)
    const watermarks = new Float64Array(times.length).fill(watermark)
    finish(operator.onBatch(builder.finish().with({ timestamps, watermarks }), input))
  }
  for (const input of [0, 1]) finish(operator.onWatermark(watermark + ROUND_MS, input))
}

const kept = (operator: Operator): number => {
  const { leftRows = 0, rightRows = 0, keys = 0, openWindows = 0 } = operator.gauges()
  return leftRows + rightRows + keys + openWindows
}

describe('joins of keys that live for a moment', () => {
  it.each<[string, (a: Keyed, b: Keyed) => Stream<unknown>]>([
    ['interval join', (a, b) => a.intervalJoin(b, { from: -50, to: 100 }).select(pair)],
    ['full interval join', (a, b) => a.intervalJoin(b, { from: -50, to: 100, type: 'full' }).select(pair)],
    ['window join', (a, b) => a.windowJoin(b, sliding(200, 100), { type: 'full' }).select(pair)],
    ['window join in sessions', (a, b) => a.windowJoin(b, session(80), { type: 'full' }).select(pair)],
    ['co-group', (a, b) => a.coGroup(b, tumbling(250), (x, y) => [{ n: x.length + y.length }], { n: 'f64' })],
    ['as-of join', (a, b) => a.asOfJoin(b, { tolerance: 100, type: 'left' }).select(pair)],
    ['nearest join', (a, b) => a.asOfJoin(b, { tolerance: 100, direction: 'nearest' }).select(pair)],
    ['regular join', (a, b) => a.join(b, { ttl: 150, type: 'full' }).select(pair)],
  ])('%s: state is flat, and goes when the watermark says so', (_name, define) => {
    const operator = operatorOf(define)
    const seen: number[] = []
    const [rounds, settled] = [40, 10]
    for (let round = 0; round < rounds; round++) {
      addRound(operator, round)
      seen.push(kept(operator))
    }
    expect(Math.max(...seen.slice(0, settled))).toBeGreaterThanOrEqual(KEYS)
    expect(Math.max(...seen.slice(settled))).toBeLessThanOrEqual(Math.max(...seen.slice(0, settled)))
    // No end of the input, but time enough for the last rows.
    for (const input of [0, 1]) finish(operator.onWatermark(rounds * ROUND_MS + 10_000_000, input))
    expect(kept(operator)).toBe(0)
    operator.close()
  })
})
