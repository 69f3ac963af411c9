import { Schema } from '../../../src/core/schema.js'
import type { JoinType } from '../../../src/operators/joins/join-type.js'
import { streamTimeJoinOperator } from '../../../src/operators/joins/stream-time-join.js'
import { compareOnEachBuild } from '../kernels.js'
import type { Registry } from '../registry.js'
import { TwoInputs } from '../two-inputs.js'
import { fields, integer, list, NotUnderstood } from '../vector.js'

const schema = Schema.of({ key: 'utf8', value: 'utf8' })
const side = { keys: ['key'], schema }
const TYPES: Readonly<Record<string, JoinType>> = { inner: 'inner', left: 'left', outer: 'full' }

interface SideRow {
  readonly key: string
  readonly value: string
}

export const streamTimeJoins: Registry = {
  'ks-stream-join': ({ config, input, expected }) => {
    const known = ['join', 'beforeMs', 'afterMs', 'graceMs', 'joiner']
    const { join, beforeMs, afterMs, graceMs } = fields('config', config, known)
    const type = TYPES[String(join)]
    if (type === undefined) throw new NotUnderstood(`the join ${JSON.stringify(join)}`)
    const { checks, orderWithinCheck } = fields('expected', expected, ['checks', 'orderWithinCheck'])
    const isExact = orderWithinCheck === 'exact'
    const ordered = (values: readonly unknown[]) => {
      const texts = values.map(value => JSON.stringify(value))
      return isExact ? texts : texts.sort()
    }
    const wanted = list('checks', checks).map(check => {
      const { afterInput, emits } = fields('check', check, ['afterInput', 'emits'])
      const rows = list('emits', emits).map(emitted => {
        const { key, value, ts } = fields('row', emitted, ['key', 'value', 'ts'])
        return { key, value, ts }
      })
      return { after: integer('afterInput', afterInput), rows: ordered(rows) }
    })
    const create = streamTimeJoinOperator({
      left: side,
      right: side,
      type,
      lowerMs: -integer('beforeMs', beforeMs),
      upperMs: integer('afterMs', afterMs),
      graceMs: integer('graceMs', graceMs),
      select: {
        kind: 'objects',
        schema,
        transform: (left, right) => {
          const text = (row: SideRow | null) => String(row === null ? null : JSON.parse(row.value))
          const [leftRow, rightRow] = [left as SideRow | null, right as SideRow | null]
          return { key: (leftRow ?? rightRow)?.key ?? '', value: `${text(leftRow)}+${text(rightRow)}` }
        },
      },
    })
    return compareOnEachBuild(wanted, kernel => {
      const inputs = new TwoInputs(kernel, create, [schema, schema])
      const got = list('input', input).flatMap((operation, after) => {
        const { op, stream, key, value, ts } = fields('operation', operation, ['op', 'stream', 'key', 'value', 'ts'])
        if (op !== 'event') throw new NotUnderstood(`operation ${JSON.stringify(operation)}`)
        // Kafka Streams passes over records without a key or a value.
        if (key !== null && value !== null) {
          const row = { key: JSON.stringify(key), value: JSON.stringify(value) }
          inputs.event(stream === 'left' ? 0 : 1, row, integer('ts', ts))
        }
        if (!wanted.some(check => check.after === after)) return []
        const rows = inputs.taken().map(({ row, timestamp }) => {
          return { key: JSON.parse(String(row.key)), value: row.value, ts: timestamp }
        })
        return [{ after, rows: ordered(rows) }]
      })
      inputs.close()
      return got
    })
  },
}
