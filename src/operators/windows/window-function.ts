import type { SabotError } from '../../core/errors.js'
import { defineField } from '../../core/row-object.js'
import type { Schema } from '../../core/schema.js'
import type { Field } from '../../core/types.js'
import type { TimeWindow } from '../../core/window-geometry.js'
import { hostAggregate } from '../aggregates/host-aggregate.js'
import { isIterable, isThenable, wrongResult } from '../user-function.js'
import type { NamedAggregate } from '../window-results.js'
import { Accumulators, type Contents, Records, Reduced, type WindowRecord } from './contents.js'
import type { Evictor } from './evictor.js'
import type { Pane } from './pane.js'

/** What a result can show of its pane. */
export type PaneField = keyof Pane

/** A field of the result that shows something of the pane. */
export interface NamedPaneField {
  readonly name: string
  readonly pane: PaneField
}

export interface ProcessContext {
  /** undefined for windows without bounds. */
  readonly window: TimeWindow | undefined
  readonly pane: Pane
  /** The watermark in force, ms. */
  readonly watermark: number
}

/** How a window's records become its result. */
export type WindowFunctionSettings =
  | { readonly kind: 'aggregate'; readonly fields: readonly (NamedAggregate | NamedPaneField)[] }
  | { readonly kind: 'reduce'; readonly reduce: (a: object, b: object) => object }
  | {
      readonly kind: 'process'
      readonly process: (key: unknown, rows: readonly object[], context: ProcessContext) => Iterable<object>
    }

/** What a function is told of a firing besides the records. */
export interface Firing extends ProcessContext {
  /** Read only where it is asked for. */
  readonly key: () => unknown
}

/** A window function bound to the schema of its input. */
export interface WindowFunction {
  readonly contents: Contents
  /** `kept` may be changed; the window goes on with what is returned. */
  apply(kept: unknown, firing: Firing): { readonly rows: readonly object[]; readonly kept: unknown }
}

const PANE_TYPES: Readonly<Record<PaneField, Field['type']>> = {
  timing: 'utf8',
  index: 'i32',
  onTimeIndex: 'i32',
  isFirst: 'bool',
  isLast: 'bool',
  earliest: 'timestamp',
  latest: 'timestamp',
}

/**
 * The fields of aggregated results behind keys and bounds. `mayBeEmpty`: a pane may come of no record.
 * @throws SabotError UNKNOWN_FIELD, TYPE_MISMATCH
 */
export function aggregateFields(
  input: Schema,
  fields: readonly (NamedAggregate | NamedPaneField)[],
  mayBeEmpty: boolean,
): Field[] {
  return fields.map(field => {
    const { name } = field
    if ('pane' in field) return { name, type: PANE_TYPES[field.pane], nullable: field.pane === 'latest' && mayBeEmpty }
    const { type, nullable } = hostAggregate(field, input)
    return { name, type, nullable: nullable || (mayBeEmpty && field.function !== 'count') }
  })
}

/** @throws SabotError UNKNOWN_FIELD, TYPE_MISMATCH */
export function bindWindowFunction(
  settings: WindowFunctionSettings,
  input: Schema,
  evictor: Evictor<object> | undefined,
  operator: string,
): WindowFunction {
  const bound = bind(settings, input, operator)
  return evictor === undefined ? bound : new Evicting(bound, evictor)
}

function bind(settings: WindowFunctionSettings, input: Schema, operator: string): WindowFunction {
  switch (settings.kind) {
    case 'aggregate':
      return new Aggregating(settings.fields, input, operator)
    case 'reduce':
      return new Reducing(settings.reduce)
    case 'process':
      return new Processing(settings.process, operator)
  }
}

class Aggregating implements WindowFunction {
  readonly contents: Accumulators
  private readonly fields: readonly (NamedAggregate | NamedPaneField)[]

  constructor(fields: readonly (NamedAggregate | NamedPaneField)[], input: Schema, operator: string) {
    this.fields = fields
    this.contents = new Accumulators(
      fields.flatMap(field => ('pane' in field ? [] : hostAggregate(field, input, operator))),
    )
  }

  apply(kept: unknown, { pane }: Firing) {
    const results = this.contents.results(kept as unknown[])
    const row: Record<string, unknown> = {}
    let index = 0
    for (const field of this.fields) {
      defineField(row, field.name, 'pane' in field ? paneValue(pane, field.pane) : results[index++])
    }
    return { rows: [row], kept }
  }
}

function paneValue(pane: Pane, field: PaneField): unknown {
  const value = pane[field]
  return typeof value === 'number' && !Number.isFinite(value) ? null : value
}

class Reducing implements WindowFunction {
  readonly contents: Reduced

  constructor(reduce: (a: object, b: object) => object) {
    this.contents = new Reduced(reduce)
  }

  apply(kept: unknown) {
    return { rows: typeof kept === 'object' && kept !== null ? [kept] : [], kept }
  }
}

class Processing implements WindowFunction {
  readonly contents = new Records()
  private readonly process: (key: unknown, rows: readonly object[], context: ProcessContext) => Iterable<object>

  private readonly operator: string

  constructor(
    process: (key: unknown, rows: readonly object[], context: ProcessContext) => Iterable<object>,
    operator: string,
  ) {
    this.process = process
    this.operator = operator
  }

  apply(kept: unknown, { key, window, pane, watermark }: Firing) {
    const rows = (kept as WindowRecord[]).map(({ row }) => row)
    const results: unknown = this.process(key(), rows, { window, pane, watermark })
    if (!isIterable(results)) throw this.wrong(key(), window, results, 'an array or another iterable')
    return { rows: Array.from(results, row => this.checked(row, key, window)), kept }
  }

  private checked(row: unknown, key: () => unknown, window: TimeWindow | undefined): object {
    if (typeof row === 'object' && row !== null && !isThenable(row)) return row
    throw this.wrong(key(), window, row, 'objects only')
  }

  private wrong(key: unknown, window: TimeWindow | undefined, result: unknown, expected: string): SabotError {
    return wrongResult(this.operator, { key, windowStart: window?.start, windowEnd: window?.end }, result, expected)
  }
}

/** Keeps the records themselves, and applies another function to those that the evictor leaves. */
class Evicting implements WindowFunction {
  readonly contents = new Records()
  private readonly inner: WindowFunction
  private readonly evictor: Evictor<object>

  constructor(inner: WindowFunction, evictor: Evictor<object>) {
    this.inner = inner
    this.evictor = evictor
  }

  apply(kept: unknown, firing: Firing) {
    const { inner, evictor } = this
    const window = firing.window ?? { start: Number.NEGATIVE_INFINITY, end: Number.POSITIVE_INFINITY }
    const records = kept as readonly WindowRecord[]
    const before = evictor.before?.(records, window) ?? records
    const contents = before.reduce(
      (sum: unknown, { row, timestamp }: WindowRecord) => inner.contents.add(sum, row, timestamp),
      inner.contents.create(),
    )
    const { rows } = inner.apply(contents, firing)
    return { rows, kept: [...(evictor.after?.(before, window) ?? before)] }
  }
}
