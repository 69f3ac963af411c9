import { ALL_KEY_GROUPS } from '../../../src/core/key-groups.js'
import { Schema } from '../../../src/core/schema.js'
import type { Kernel } from '../../../src/kernel/module.js'
import { type IntervalJoinOperatorSettings, intervalJoinOperator } from '../../../src/operators/joins/interval-join.js'
import { JoinSides } from '../../../src/operators/joins/join-sides.js'
import { compareOnEachBuild } from '../kernels.js'
import type { Registry } from '../registry.js'
import { TwoInputs } from '../two-inputs.js'
import { fields, integer, type Json, type JsonObject, list, NotUnderstood } from '../vector.js'

const schema = Schema.of({ key: 'utf8', ts: 'f64' })

function settingsOf(config: JsonObject): IntervalJoinOperatorSettings {
  const known = ['lower', 'lowerInclusive', 'upper', 'upperInclusive', 'condition']
  const { lower, lowerInclusive, upper, upperInclusive } = fields('config', config, known)
  const side = { keys: ['key'], schema }
  return {
    left: side,
    right: side,
    select: {
      kind: 'columns',
      columns: [
        { name: 'left', side: 'left', field: 'ts' },
        { name: 'right', side: 'right', field: 'ts' },
      ],
    },
    type: 'inner',
    lowerMs: integer('lower', lower) + (lowerInclusive === true ? 0 : 1),
    upperMs: integer('upper', upper) - (upperInclusive === true ? 0 : 1),
  }
}

/** Does one operation of a vector. */
function operate(join: TwoInputs, operation: Json): void {
  const { op, side, key, ts } = fields('operation', operation, ['op', 'side', 'key', 'value', 'ts'])
  const inputs = side === undefined ? ([0, 1] as const) : ([side === 'left' ? 0 : 1] as const)
  if (op === 'event') {
    const timestamp = ts === null ? undefined : integer('ts', ts)
    join.event(inputs[0], { key: JSON.stringify(key), ts: timestamp ?? 0 }, timestamp)
  } else if (op === 'watermark') {
    for (const input of inputs) join.watermark(input, integer('ts', ts))
  } else if (op === 'end-of-input') {
    join.end()
  } else if (op === 'snapshot-and-restore') {
    join.snapshotAndRestore()
  } else {
    throw new NotUnderstood(`operation ${JSON.stringify(operation)}`)
  }
}

const open = (kernel: Kernel, settings: IntervalJoinOperatorSettings) =>
  new TwoInputs(kernel, intervalJoinOperator(settings), [schema, schema])

const canonical = (values: readonly unknown[]): string[] => values.map(value => JSON.stringify(value)).sort()

/** The event times of the rows that a side keeps, ascending. */
function buffers(kernel: Kernel, join: TwoInputs, settings: IntervalJoinOperatorSettings) {
  const sides = new JoinSides(kernel, undefined, settings)
  const { left, right } = sides.restore([join.snapshot()], ALL_KEY_GROUPS)
  sides.close()
  const ascending = ({ times }: { times: Float64Array }) => [...times].sort((a, b) => a - b)
  return { leftBuffer: ascending(left), rightBuffer: ascending(right) }
}

export const intervalJoins: Registry = {
  'interval-join': ({ config, input, expected }) => {
    const settings = settingsOf(config)
    const { pairs, order } = fields('expected', expected, ['pairs', 'order', 'pairTimestamp'])
    if (order !== 'set') throw new NotUnderstood(`the order ${JSON.stringify(order)}`)
    const wanted = list('pairs', pairs).map(pair => {
      const { left, right, ts } = fields('pair', pair, ['left', 'right', 'ts'])
      return { left, right, ts }
    })
    return compareOnEachBuild(canonical(wanted), kernel => {
      const join = open(kernel, settings)
      for (const operation of list('input', input)) operate(join, operation)
      const main = join.taken().filter(({ output }) => output === 'main')
      join.close()
      return canonical(main.map(({ row, timestamp }) => ({ left: row.left, right: row.right, ts: timestamp })))
    })
  },

  'interval-join-state': ({ config, input, expected }) => {
    const settings = settingsOf(config)
    const steps = list('buffers', fields('expected', expected, ['buffers']).buffers).map(step => {
      const { afterInput, leftBuffer, rightBuffer } = fields('buffer', step, [
        'afterInput',
        'leftBuffer',
        'rightBuffer',
      ])
      return { after: integer('afterInput', afterInput), leftBuffer, rightBuffer }
    })
    return compareOnEachBuild(steps, kernel => {
      const join = open(kernel, settings)
      const got = list('input', input).flatMap((operation, after) => {
        operate(join, operation)
        return steps.some(step => step.after === after) ? [{ after, ...buffers(kernel, join, settings) }] : []
      })
      join.close()
      return got
    })
  },

  'interval-join-error': ({ config, input, expected }) => {
    const settings = settingsOf(config)
    const { error } = fields('expected', expected, ['error'])
    return compareOnEachBuild(error, kernel => {
      return list('input', input).map(operation => {
        const join = open(kernel, settings)
        try {
          operate(join, operation)
          return false
        } catch (failure) {
          if (failure instanceof NotUnderstood) throw failure
          return true
        } finally {
          join.close()
        }
      })
    })
  },
}
