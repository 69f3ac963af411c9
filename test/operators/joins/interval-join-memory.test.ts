import { expect, it } from 'vitest'
import { Batch } from '../../../src/core/batch.js'
import { Float64Column, Int32Column } from '../../../src/core/columns-fixed.js'
import { ALL_KEY_GROUPS } from '../../../src/core/key-groups.js'
import { Schema } from '../../../src/core/schema.js'
import { intervalJoinOperator } from '../../../src/operators/joins/interval-join.js'
import { kernel } from './join-elements.js'

const ROWS = 8192
const BATCHES = 96
const schema = Schema.of({ key: 'i32', value: 'f64' })
const side = { keys: ['key'], schema }

/** Rows of keys that no other batch of the side has, one each ms. */
function batchOf(number: number): Batch {
  const first = (number >> 1) * ROWS
  const key = Int32Array.from({ length: ROWS }, (_, row) => first + row)
  const timestamps = Float64Array.from(key)
  const columns = [new Int32Column(key), new Float64Column(timestamps.slice())]
  return new Batch({ schema, columns, rowCount: ROWS, timestamps, watermarks: timestamps.map(time => time - 1) })
}

it('needs the same memory for a few short-lived keys and for very many', () => {
  let pairs = 0
  const operator = intervalJoinOperator({
    left: side,
    right: side,
    type: 'full',
    lowerMs: -1000,
    upperMs: 1000,
    select: { kind: 'columns', columns: [{ name: 'value', side: 'left', field: 'value' }] },
  })({
    id: 'tested',
    kernel: kernel(),
    keyGroups: ALL_KEY_GROUPS,
    processingTime: { now: () => 0, wakeAt: () => {} },
    wake: () => {},
    output: {
      batch: batch => {
        pairs += batch.rowCount
      },
      side: () => {},
      watermark: () => {},
      idle: () => {},
      active: () => {},
    },
  })
  let early = 0
  let most = 0
  for (let number = 0; number < BATCHES; number++) {
    const steps = operator.onBatch(batchOf(number), number & 1)
    while (steps?.next().done === false) {
      // Nothing else is to be done.
    }
    most = Math.max(most, kernel().bytesInUse)
    if (number === BATCHES >> 3) early = most
  }
  expect(pairs).toBe((BATCHES >> 1) * ROWS)
  expect(most).toBe(early)
  const { leftRows = 0, rightRows = 0 } = operator.gauges()
  expect(leftRows + rightRows).toBeLessThan(4 * ROWS)
  operator.close()
})
