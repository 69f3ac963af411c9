import { Schema } from '../../../src/core/schema.js'
import { sliding } from '../../../src/core/window-geometry.js'
import type { Kernel } from '../../../src/kernel/module.js'
import { coGroupOperator } from '../../../src/operators/joins/co-group.js'
import type { JoinType } from '../../../src/operators/joins/join-type.js'
import { windowJoinOperator } from '../../../src/operators/joins/window-join.js'
import type { OperatorFactory } from '../../../src/operators/operator.js'
import { type AssignerSettings, createAssigner } from '../../../src/operators/windows/assigners.js'
import { compareOnEachBuild } from '../kernels.js'
import type { Registry } from '../registry.js'
import { type CameOut, TwoInputs } from '../two-inputs.js'
import { fields, integer, type Json, list, NotUnderstood } from '../vector.js'

const schema = Schema.of({ key: 'utf8', value: 'utf8', ts: 'f64' })
const side = { keys: ['key'], schema }

interface Event {
  readonly key: Json | undefined
  readonly value: Json | undefined
  readonly ts: number
}

function eventsOf(where: string, value: Json | undefined): Event[] {
  return list(where, value).map(event => {
    const { key, value, ts } = fields(where, event, ['key', 'value', 'ts'])
    return { key, value, ts: integer('ts', ts) }
  })
}

function windowsOf(window: Json | undefined) {
  const { assigner, size, slide, offset, gap } = fields('window', window, [
    'assigner',
    'size',
    'slide',
    'offset',
    'gap',
  ])
  if (assigner === 'session') {
    const settings: AssignerSettings = {
      kind: 'session',
      time: 'event',
      gap: integer('gap', gap),
      merging: 'touching',
      bounds: 'gap',
      retainMs: 0,
    }
    return { assigner: () => createAssigner(settings), geometry: undefined }
  }
  if (assigner !== 'tumbling' && assigner !== 'sliding') throw new NotUnderstood(`the assigner ${assigner}`)
  const geometry = sliding(integer('size', size), integer('slide', slide ?? size), integer('offset', offset ?? 0))
  const settings: AssignerSettings = { kind: 'slices', time: 'event', geometry }
  return { assigner: () => createAssigner(settings), geometry }
}

/** All records of both sides, then the end of input. */
function run(kernel: Kernel, create: OperatorFactory, left: readonly Event[], right: readonly Event[]): CameOut[] {
  const inputs = new TwoInputs(kernel, create, [schema, schema])
  for (const [input, events] of [left, right].entries()) {
    for (const { key, value, ts } of events) {
      inputs.event(input as 0 | 1, { key: JSON.stringify(key), value: JSON.stringify(value ?? null), ts }, ts)
    }
  }
  inputs.end()
  const out = inputs.taken()
  inputs.close()
  return out
}

const parse = (text: unknown): unknown => (typeof text === 'string' ? JSON.parse(text) : null)
const canonical = (values: readonly unknown[]): string[] => values.map(value => JSON.stringify(value)).sort()

interface SideRow {
  readonly key: string
  readonly value: string
  readonly ts: number
}

export const windowJoins: Registry = {
  'window-join': ({ config, input, expected }) => {
    const { window, join } = fields('config', config, ['window', 'join'])
    const types: Readonly<Record<string, JoinType>> = { inner: 'inner', left: 'left', right: 'right', outer: 'full' }
    const type = types[String(join)]
    if (type === undefined) throw new NotUnderstood(`the join ${JSON.stringify(join)}`)
    const { left, right } = fields('input', input, ['left', 'right'])
    const { pairs } = fields('expected', expected, ['pairs', 'order', 'note'])
    const text = (row: SideRow | null) => {
      return row === null ? 'null' : `(${parse(row.key)},${parse(row.value)},${row.ts})`
    }
    const create = windowJoinOperator({
      left: side,
      right: side,
      type,
      ...windowsOf(window),
      select: {
        kind: 'objects',
        transform: (left, right) => ({ pair: `${text(left as SideRow | null)}:${text(right as SideRow | null)}` }),
        schema: Schema.of({ pair: 'utf8' }),
      },
    })
    return compareOnEachBuild(canonical(list('pairs', pairs)), kernel => {
      const out = run(kernel, create, eventsOf('left', left), eventsOf('right', right))
      return canonical(out.map(({ row }) => row.pair))
    })
  },

  'window-cogroup': ({ config, input, expected }) => {
    const { window } = fields('config', config, ['window'])
    const { left, right } = fields('input', input, ['left', 'right'])
    const groups = list('groups', fields('expected', expected, ['groups', 'order', 'note']).groups).map(group => {
      const known = fields('group', group, ['key', 'window', 'left', 'right'])
      return { key: known.key, window: known.window, left: known.left, right: known.right }
    })
    const create = coGroupOperator({
      left: side,
      right: side,
      ...windowsOf(window),
      schema: Schema.of({ group: 'utf8' }),
      transform: (left, right, { start, end }) => {
        const [first] = [...left, ...right] as SideRow[]
        const times = (rows: readonly unknown[]) => (rows as readonly SideRow[]).map(({ ts }) => ts)
        const group = { key: parse(first?.key), window: [start, end], left: times(left), right: times(right) }
        return [{ group: JSON.stringify(group) }]
      },
    })
    return compareOnEachBuild(canonical(groups), kernel => {
      const out = run(kernel, create, eventsOf('left', left), eventsOf('right', right))
      return out.map(({ row }) => row.group).sort()
    })
  },
}
