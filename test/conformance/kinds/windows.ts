import { sliding, type WindowGeometry } from '../../../src/core/window-geometry.js'
import { KeyIndex } from '../../../src/kernel/keys.js'
import type { Kernel } from '../../../src/kernel/module.js'
import { WindowState } from '../../../src/kernel/windows.js'
import { compareOnEachBuild } from '../kernels.js'
import type { Registry } from '../registry.js'
import { fields, integer, type Json, type JsonObject, list, NotUnderstood, skip, text } from '../vector.js'

interface Fired {
  readonly key: string
  readonly value: number
  readonly start: number
  readonly end: number
}

const decoder = new TextDecoder()

/** Sums by key and window, fed record by record. */
class WindowedSum {
  private readonly kernel: Kernel
  private readonly geometry: WindowGeometry
  private index: KeyIndex
  private windows: WindowState

  constructor(kernel: Kernel, geometry: WindowGeometry) {
    this.kernel = kernel
    this.geometry = geometry
    this.index = new KeyIndex(kernel, { kind: 'utf8' })
    this.windows = this.open()
  }

  /** Whether the record was in time for at least one of its windows. */
  add(key: string, value: number, timestamp: number): boolean {
    const bytes = new TextEncoder().encode(key)
    this.index.codeUtf8({ offsets: Int32Array.of(0, bytes.length), bytes })
    this.windows.add(Float64Array.of(timestamp), [{ values: Float64Array.of(value) }])
    return this.windows.lateRows.length === 0
  }

  advance(watermark: number): Fired[] {
    const all: Fired[] = []
    this.windows.advance(watermark)
    for (let fired = this.windows.fire(); fired; fired = this.windows.fire()) {
      const { count, idsPointer, starts, ends, columns } = fired
      // Read before the keys are: reading them makes the views of this firing void.
      const windows = Array.from({ length: count }, (_, row) => ({
        start: starts[row] ?? Number.NaN,
        end: ends[row] ?? Number.NaN,
        value: Number(columns[0]?.sum[row]),
      }))
      const { offsets, bytes } = this.index.readUtf8(idsPointer, count)
      windows.forEach((window, row) => {
        all.push({ key: decoder.decode(bytes.slice(offsets[row], offsets[row + 1])), ...window })
      })
    }
    this.index.settle()
    return all
  }

  /** What a crash leaves: a new index and new windows from the snapshot. */
  snapshotAndRestore(): void {
    const snapshot = this.windows.snapshot()
    this.destroy()
    this.index = new KeyIndex(this.kernel, { kind: 'utf8' })
    this.windows = this.open()
    this.windows.restore(snapshot)
  }

  destroy(): void {
    this.windows.destroy()
    this.index.destroy()
  }

  private open(): WindowState {
    return new WindowState(this.kernel, this.index, this.geometry, [{ type: 'f64', minMax: false, nullable: false }])
  }
}

/** The geometry of plain windows, or why the windows are not to be had. */
function geometryOf(config: Json | undefined): WindowGeometry | { readonly missing: string } {
  const assigner = (config as JsonObject | undefined)?.assigner
  if (assigner !== 'tumbling' && assigner !== 'sliding') return { missing: `${assigner} windows are not built yet` }
  const { size, slide, offset } = fields('assigner', config, ['assigner', 'size', 'slide', 'offset'])
  return sliding(integer('size', size), integer('slide', slide ?? size), integer('offset', offset ?? 0))
}

const canonical = (values: readonly unknown[]): string[] => values.map(value => JSON.stringify(value)).sort()

/** By input that put something out: what it emitted and what was late, each as a set. */
type Steps = Record<number, { emits: string[]; late: string[] }>

function expectedSteps(steps: readonly Json[]): Steps {
  const all: Steps = {}
  for (const step of steps) {
    const { afterInput, emits, late = [] } = fields('step', step, ['afterInput', 'emits', 'late'])
    const record = (value: Json) => {
      const known = fields('record', value, ['key', 'value', 'ts'])
      return { key: known.key, value: known.value, ts: known.ts }
    }
    all[integer('afterInput', afterInput)] = {
      emits: canonical(list('emits', emits).map(record)),
      late: canonical(list('late', late).map(record)),
    }
  }
  return all
}

function operatorSteps(kernel: Kernel, geometry: WindowGeometry, input: readonly Json[], lateOutput: boolean): Steps {
  const operator = new WindowedSum(kernel, geometry)
  const all: Steps = {}
  input.forEach((operation, number) => {
    const { op, key, value, ts } = fields('operation', operation, ['op', 'key', 'value', 'ts'])
    if (op === 'event') {
      const record = { key: text('key', key), value: integer('value', value), ts: integer('ts', ts) }
      const inTime = operator.add(record.key, record.value, record.ts)
      if (!inTime && lateOutput) all[number] = { emits: [], late: canonical([record]) }
    } else if (op === 'watermark') {
      const fired = operator.advance(integer('ts', ts))
      const emits = fired.map(({ key, value, end }) => ({ key, value, ts: end - 1 }))
      if (emits.length > 0) all[number] = { emits: canonical(emits), late: [] }
    } else if (op === 'snapshot-and-restore') {
      operator.snapshotAndRestore()
    } else {
      throw new NotUnderstood(`operation ${JSON.stringify(op)}`)
    }
  })
  operator.destroy()
  return all
}

/** What each query (one window definition) fires over the whole run. */
function queryResults(kernel: Kernel, geometries: readonly WindowGeometry[], input: readonly Json[]): string[] {
  return geometries.flatMap((geometry, query) => {
    const sum = new WindowedSum(kernel, geometry)
    const fired = input.flatMap(operation => {
      const { op, key, value, ts } = fields('operation', operation, ['op', 'key', 'value', 'ts'])
      // Scotty fires when end <= watermark; to us that is the watermark one millisecond before.
      if (op === 'watermark') return sum.advance(integer('ts', ts) - 1)
      if (op !== 'event') throw new NotUnderstood(`operation ${JSON.stringify(op)}`)
      if (!sum.add(text('key', key), integer('value', value), integer('ts', ts)))
        throw new NotUnderstood('late records')
      return []
    })
    sum.destroy()
    // Scotty knows no window that begins before time 0; ours reach back as far as they contain a record.
    const known = fired.filter(({ start }) => start >= 0)
    return canonical(known.map(({ start, end, value }) => ({ query, window: [start, end], value })))
  })
}

export const windows: Registry = {
  'window-operator': ({ config, input, expected }) => {
    const known = ['assigner', 'trigger', 'allowedLateness', 'lateOutput', 'aggregate']
    const { assigner, trigger, allowedLateness, lateOutput, aggregate } = fields('config', config, known)
    const geometry = geometryOf(assigner)
    if ('missing' in geometry) return skip(geometry.missing)
    const { type } = fields('trigger', trigger, ['type', 'note', 'inner', 'interval', 'n'])
    if (type !== 'event-time') return skip(`triggers of the type ${type} are not built yet`)
    if (allowedLateness !== 0) return skip('allowed lateness is not built yet')
    if (aggregate !== 'sum') return skip(`the aggregate ${JSON.stringify(aggregate)} is not bound`)
    const steps = expectedSteps(list('steps', fields('expected', expected, ['steps', 'order']).steps))
    return compareOnEachBuild(steps, kernel =>
      operatorSteps(kernel, geometry, list('input', input), lateOutput === true),
    )
  },

  'multi-window-sum': ({ config, input, expected, notes }) => {
    const { windows: definitions, aggregate } = fields('config', config, ['windows', 'aggregate', 'watermarkMeaning'])
    const geometries: WindowGeometry[] = []
    for (const definition of list('windows', definitions)) {
      const geometry = geometryOf(definition)
      if ('missing' in geometry) return skip(geometry.missing)
      geometries.push(geometry)
    }
    if (aggregate !== 'sum') return skip(`the aggregate ${JSON.stringify(aggregate)} is not bound`)
    const results = list('results', fields('expected', expected, ['results', 'order']).results).map(result => {
      const { query, window, value } = fields('result', result, ['query', 'window', 'value'])
      return { query, window, value }
    })
    const wanted = canonical(results)
    // The source of such a vector asserts that these windows are among the results, and no more.
    const isSubset = notes?.startsWith('subset') === true
    return compareOnEachBuild(wanted, kernel => {
      const got = queryResults(kernel, geometries, list('input', input)).sort()
      return isSubset ? got.filter(result => wanted.includes(result)) : got
    })
  },
}
