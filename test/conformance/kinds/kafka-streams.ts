import { takesBack } from '../../../src/core/row-kind.js'
import { Schema } from '../../../src/core/schema.js'
import type { Stream } from '../../../src/graph/stream.js'
import type { SuppressOptions } from '../../../src/graph/suppress.js'
import type { WindowedStream } from '../../../src/graph/window-builder.js'
import type { WindowAssigner } from '../../../src/graph/windowing.js'
import { perRecordSliding, session, sliding } from '../../../src/graph/windowing.js'
import type { Kernel } from '../../../src/kernel/module.js'
import { count, stringJoin } from '../../../src/operators/aggregates/aggregate.js'
import type { OperatorFactory } from '../../../src/operators/operator.js'
import { valueState } from '../../../src/operators/process/state-descriptors.js'
import { pane } from '../../../src/operators/windows/pane-fields.js'
import { chainOf } from '../chain-driver.js'
import { compareOnEachBuild } from '../kernels.js'
import type { Registry } from '../registry.js'
import { choice, fields, integer, type Json, list, NotUnderstood, skip, text } from '../vector.js'
import { OperatorRun, windowOperatorOf } from '../window-driver.js'

const TEXTS = Schema.of({ key: 'utf8', value: 'utf8' })

interface TextRow {
  readonly key: string
  readonly value: string
}

interface Emission {
  readonly key: unknown
  /** undefined: the table is not of windows. */
  readonly window: readonly [unknown, unknown] | undefined
  readonly value: unknown
  readonly ts: unknown
}

/** Kafka's aggregators join the values of a window in the order of arrival. */
interface Join {
  readonly prefix: string
}

const JOINS: Readonly<Record<string, Join | 'count'>> = {
  "init '0', then acc+'+'+value": { prefix: '0+' },
  "init '', then acc+'+'+value": { prefix: '+' },
  "reduce a+'+'+b": { prefix: '' },
  count: 'count',
  'count per key and window': 'count',
}

interface KafkaWindows {
  readonly assigner: WindowAssigner<TextRow, true>
  readonly graceMs: number
  readonly aggregate: Json | undefined
  /** What our end of a window is behind Kafka's. */
  readonly endShift: number
}

function operatorOf(
  { assigner, graceMs, aggregate }: KafkaWindows,
  emit: 'updates' | 'final',
  retracts: boolean,
): OperatorFactory {
  const join = typeof aggregate === 'string' ? JOINS[aggregate] : undefined
  if (join === undefined) throw new NotUnderstood(`the aggregate ${JSON.stringify(aggregate)}`)
  return windowOperatorOf(TEXTS, keyed => {
    const windowed: WindowedStream<TextRow, 'key', true> = keyed.window(assigner).allowedLateness(graceMs).emit(emit)
    const modal = retracts ? windowed.accumulate('retracting') : windowed
    const results =
      join === 'count'
        ? modal.aggregate({ value: count(), ts: pane.latest() })
        : modal.aggregate({ value: stringJoin('value', '+'), ts: pane.latest() })
    return retracts ? results.changelog('op') : results
  })
}

interface KafkaRun {
  /** By input. */
  readonly emissions: readonly (readonly Emission[])[]
  readonly late: readonly { readonly key: unknown; readonly ts: number }[]
  readonly lateForAWindow: number
}

/** Records move stream time on, of which our watermark is one ms behind; nothing else does. */
function runKafka(kernel: Kernel, windows: KafkaWindows, input: readonly Json[], create: OperatorFactory): KafkaRun {
  const { aggregate, endShift } = windows
  const join = typeof aggregate === 'string' ? JOINS[aggregate] : undefined
  const prefix = join === undefined || join === 'count' ? '' : join.prefix
  const run = new OperatorRun(kernel, create, TEXTS)
  const late: { key: unknown; ts: number }[] = []
  let streamTime = Number.NEGATIVE_INFINITY
  const taken = (): Emission[] =>
    run.take().flatMap(({ output, row, timestamp, kind }) => {
      if (output === 'late') {
        late.push({ key: row.key, ts: timestamp })
        return []
      }
      const value = takesBack(kind) ? null : typeof row.value === 'string' ? prefix + row.value : row.value
      const window = [row.windowStart, Number(row.windowEnd) - endShift] as const
      // Kafka knows no window that begins before time 0.
      return Number(row.windowStart) < 0 ? [] : [{ key: row.key, window, value, ts: row.ts }]
    })
  const emissions = input.map(operation => {
    const { op, key, value, ts } = fields('operation', operation, ['op', 'key', 'value', 'ts'])
    if (op !== 'event') throw new NotUnderstood(`operation ${JSON.stringify(op)}`)
    const time = integer('ts', ts)
    run.event({ key: text('key', key), value: text('value', value) }, time)
    streamTime = Math.max(streamTime, time)
    run.advance(streamTime - 1)
    return taken()
  })
  const lateForAWindow = run.dropped['late-for-a-window'] ?? 0
  run.close()
  return { emissions, late, lateForAWindow }
}

const SESSION_BOUNDS = '[first, last] record ts, both inclusive; merge when distance <= gap'
const SLIDING_BOUNDS = '[start, start+diff], both inclusive'
const EMISSION = ['key', 'window', 'value', 'ts']

const emission = (value: Json): Emission => {
  const { key, window, value: result, ts } = fields('emission', value, EMISSION)
  return { key, window: window as unknown as [unknown, unknown] | undefined, value: result, ts }
}

const texts = (emissions: readonly Emission[]): string[] =>
  emissions.map(({ key, window, value, ts }) => JSON.stringify([key, window, value, ts]))

/** What comes at one moment for several keys has the order of arrival here, and that of the keys' bytes in Kafka. */
const inKeyOrder = (emissions: readonly Emission[]): Emission[] =>
  emissions.toSorted((a, b) => {
    const windows = Number(a.window?.[0]) - Number(b.window?.[0])
    return windows === 0 ? (String(a.key) < String(b.key) ? -1 : 1) : windows
  })

interface Check {
  readonly afterInput: number
  readonly emits: readonly Emission[]
}

const checksOf = (value: Json | undefined): Check[] =>
  list('checks', value).map(check => {
    const { afterInput, emits } = fields('check', check, ['afterInput', 'emits'])
    return { afterInput: integer('afterInput', afterInput), emits: list('emits', emits).map(emission) }
  })

/** What came out between one check and the next. */
function between(emissions: readonly (readonly Emission[])[], checks: readonly Check[], isFinal: boolean): string[][] {
  let from = 0
  return checks.map(({ afterInput }) => {
    const part = emissions.slice(from, afterInput + 1)
    from = afterInput + 1
    return texts(part.flatMap(step => (isFinal ? inKeyOrder(step) : step)))
  })
}

function emitOf(emit: Json | undefined): 'updates' | 'final' {
  if (emit === 'on-update') return 'updates'
  if (emit === 'on-window-close') return 'final'
  throw new NotUnderstood(`emit ${JSON.stringify(emit)}`)
}

const dropsOf = (value: Json | undefined): string[] =>
  list('drops', value ?? [])
    .map(drop => {
      const { key, ts } = fields('drop', drop, ['key', 'ts', 'window', 'closeTime', 'streamTime'])
      return JSON.stringify(key === undefined ? { ts } : { key, ts })
    })
    .sort()

const EXPECTED = [
  ...['emissions', 'checks', 'order', 'orderWithinCheck', 'expiredWindowDrops', 'droppedRecordsTotal'],
  ...['latenessMax', 'latenessAvg'],
]

export const kafkaStreams: Registry = {
  'ks-time-window-aggregate': ({ config, input, expected }) => {
    const { sizeMs, advanceMs, graceMs, emit, aggregate } = fields('config', config, [
      ...['sizeMs', 'advanceMs', 'graceMs', 'emit', 'aggregate'],
    ])
    const assigner = sliding(integer('size', sizeMs), integer('advance', advanceMs))
    const windows = { assigner, graceMs: integer('grace', graceMs), aggregate, endShift: 0 }
    const when = emitOf(emit)
    const create = operatorOf(windows, when, false)
    // Lateness as a distance to stream time is a metric of Kafka's clients.
    const { emissions, checks, expiredWindowDrops, droppedRecordsTotal } = fields('expected', expected, EXPECTED)
    const operations = list('input', input)
    const wantedDrops = dropsOf(expiredWindowDrops)
    // Kafka drops a record for each of its windows; we count one that is late for all of them once.
    if (expiredWindowDrops !== undefined && sizeMs !== advanceMs) throw new NotUnderstood('drops of hopping windows')
    const hasDrops = expiredWindowDrops !== undefined
    const sequence = checks === undefined ? [wholeRun(operations, emissions)] : checksOf(checks)
    const wanted = {
      emits: sequence.map(({ emits }) => texts(emits)),
      drops: hasDrops ? wantedDrops : [],
      total: hasDrops ? (droppedRecordsTotal ?? wantedDrops.length) : 0,
    }
    return compareOnEachBuild(wanted, kernel => {
      const run = runKafka(kernel, windows, operations, create)
      return {
        emits: between(run.emissions, sequence, when === 'final'),
        drops: hasDrops ? run.late.map(({ ts }) => JSON.stringify({ ts })).sort() : [],
        total: hasDrops ? run.late.length + run.lateForAWindow : 0,
      }
    })
  },

  'ks-session-aggregate': ({ config, input, expected }) => {
    const { gapMs, graceMs, emit, aggregate, sessionBounds } = fields('config', config, [
      ...['gapMs', 'graceMs', 'emit', 'aggregate', 'sessionBounds'],
    ])
    choice('sessionBounds', sessionBounds, [SESSION_BOUNDS])
    const assigner = session<TextRow>(integer('gap', gapMs), { bounds: 'records', retain: '1d' })
    const windows = { assigner, graceMs: integer('grace', graceMs), aggregate, endShift: 0 }
    const { emissions, finalSessions, checks, expiredWindowDrops } = fields('expected', expected, [
      ...[...EXPECTED, 'finalSessions'],
    ])
    const operations = list('input', input)
    // What a store holds at the end, or a cache when it is flushed then, is what the updates have left.
    const isCached = typeof emit === 'string' && emit.startsWith('on-update (cached store')
    if (finalSessions !== undefined || isCached) {
      const create = operatorOf(windows, 'updates', true)
      const named = finalSessions === undefined ? EMISSION : ['key', 'window', 'value']
      const wanted = list('sessions', finalSessions ?? emissions).map(value => told(emission(value), named))
      return compareOnEachBuild({ sessions: wanted.sort(), drops: dropsOf(expiredWindowDrops) }, kernel => {
        const run = runKafka(kernel, windows, operations, create)
        return {
          sessions: left(run.emissions.flat())
            .map(value => told(value, named))
            .sort(),
          drops: run.late.map(({ key, ts }) => JSON.stringify({ key, ts })).sort(),
        }
      })
    }
    const when = emitOf(emit)
    const create = operatorOf(windows, when, when === 'updates')
    const sequence = checks === undefined ? [wholeRun(operations, emissions)] : checksOf(checks)
    const wantedDrops = expiredWindowDrops === undefined ? [] : dropsOf(expiredWindowDrops)
    return compareOnEachBuild({ emits: sequence.map(({ emits }) => texts(emits)), drops: wantedDrops }, kernel => {
      const run = runKafka(kernel, windows, operations, create)
      const drops = run.late.map(({ key, ts }) => JSON.stringify({ key, ts })).sort()
      return {
        emits: between(run.emissions, sequence, when === 'final'),
        drops: expiredWindowDrops === undefined ? [] : drops,
      }
    })
  },

  'ks-sliding-aggregate': ({ config, input, expected }) => {
    const { timeDifferenceMs, graceMs, emit, aggregate, windowBounds } = fields('config', config, [
      ...['timeDifferenceMs', 'graceMs', 'emit', 'aggregate', 'windowBounds'],
    ])
    choice('windowBounds', windowBounds, [SLIDING_BOUNDS])
    const assigner = perRecordSliding(integer('difference', timeDifferenceMs), { earliest: 0 })
    const windows = { assigner, graceMs: integer('grace', graceMs), aggregate, endShift: 1 }
    const create = operatorOf(windows, emitOf(emit), false)
    const known = ['emissions', 'emissionSetByWindowStart', 'order', 'expiredWindowDrops', 'droppedRecordsTotal']
    const { emissions, emissionSetByWindowStart, expiredWindowDrops, droppedRecordsTotal } = fields(
      'expected',
      expected,
      known,
    )
    const operations = list('input', input)
    if (expiredWindowDrops !== undefined || droppedRecordsTotal !== undefined) {
      const wantedTotal = droppedRecordsTotal ?? list('drops', expiredWindowDrops).length
      const dropped = compareOnEachBuild(wantedTotal, kernel => {
        const run = runKafka(kernel, windows, operations, create)
        return run.late.length + run.lateForAWindow
      })
      if (dropped.status !== 'passed') return dropped
    }
    if (emissionSetByWindowStart === undefined) {
      const sorted = (all: readonly Emission[]) =>
        texts(
          all.toSorted((a, b) => {
            const keys = String(a.key) < String(b.key) ? -1 : String(a.key) > String(b.key) ? 1 : 0
            return keys === 0 ? Number(a.window?.[0]) - Number(b.window?.[0]) : keys
          }),
        )
      return compareOnEachBuild(sorted(list('emissions', emissions).map(emission)), kernel => {
        return sorted(runKafka(kernel, windows, operations, create).emissions.flat())
      })
    }
    const sets = Object.entries(fields('sets', emissionSetByWindowStart, Object.keys(emissionSetByWindowStart ?? {})))
    const wanted = sets.flatMap(([start, set]) =>
      list('set', set).map(entry => {
        const { value, ts } = fields('entry', entry, ['value', 'ts'])
        return JSON.stringify([Number(start), value, ts])
      }),
    )
    return compareOnEachBuild(wanted.sort(), kernel => {
      const { emissions: steps } = runKafka(kernel, windows, operations, create)
      return steps
        .flat()
        .map(({ window, value, ts }) => JSON.stringify([window?.[0], value, ts]))
        .sort()
    })
  },

  'ks-suppress': ({ config, input, expected }) => {
    const { suppress, window, aggregate } = fields('config', config, [
      ...['suppress', 'window', 'aggregate', 'limitMs', 'maxRecords', 'maxBytes', 'whenFull', 'bufferFull'],
    ])
    const checks = list('checks', fields('expected', expected, ['checks', 'orderWithinCheck']).checks).map(check => {
      const { afterInput, output, emits } = fields('check', check, ['afterInput', 'output', 'emits'])
      return { output, afterInput: integer('afterInput', afterInput), emits: list('emits', emits).map(emission) }
    })
    const operations = list('input', input)
    if (suppress === 'untilTimeLimit') {
      const options = suppressOptions(config)
      if (window !== undefined || aggregate !== COUNT_BY_VALUE) {
        throw new NotUnderstood(`suppression of ${JSON.stringify(window ?? aggregate)} by time`)
      }
      const outputs = ['raw', 'suppressed'] as const
      return compareOnEachBuild(
        outputs.map(name => checks.filter(({ output }) => output === name).map(({ emits }) => texts(emits))),
        kernel =>
          outputs.map(name => {
            const emitted = runGroupedTable(kernel, name === 'raw' ? undefined : options, operations)
            return between(
              emitted,
              checks.filter(({ output }) => output === name),
              false,
            )
          }),
      )
    }
    if (suppress !== 'untilWindowCloses') throw new NotUnderstood(`suppression ${JSON.stringify(suppress)}`)
    if (
      ['limitMs', 'maxRecords', 'maxBytes', 'whenFull', 'bufferFull'].some(
        name => fields('config', config, Object.keys(config ?? {}))[name] !== undefined,
      )
    ) {
      return skip('final results of windows wait in the windows themselves, not in a buffer that could be full')
    }
    const windows = suppressedWindows(window, aggregate)
    const isSession = fields('window', window, Object.keys(window ?? {})).type === 'session'
    const outputs = ['raw', 'suppressed'].map(name => checks.filter(({ output }) => output === name))
    return compareOnEachBuild(
      outputs.map(group => group.map(({ emits }) => texts(emits))),
      kernel =>
        outputs.map((group, index) => {
          const isFinal = index === 1
          const create = operatorOf(windows, isFinal ? 'final' : 'updates', isSession && !isFinal)
          return between(runKafka(kernel, windows, operations, create).emissions, group, isFinal)
        }),
    )
  },
}

const COUNT_BY_VALUE = 'table grouped by value, count (updates subtract from old value group, then add to new)'

/** Kafka counts about 100 bytes for what these vectors hold, and so do we: the limits are taken as they are. */
function suppressOptions(config: Json): SuppressOptions {
  const { limitMs, maxRecords, maxBytes, whenFull, bufferFull } = fields('config', config, [
    ...['suppress', 'aggregate', 'limitMs', 'maxRecords', 'maxBytes', 'whenFull', 'bufferFull'],
  ])
  const full = whenFull ?? bufferFull ?? 'emit-early'
  if (full !== 'emit-early')
    throw new NotUnderstood(`whenFull ${JSON.stringify(full)}: what a vector says of a failure`)
  return {
    wait: limitMs === 'Long.MAX' ? Number.POSITIVE_INFINITY : integer('limit', limitMs),
    ...(maxRecords === undefined ? {} : { maxRecords: integer('maxRecords', maxRecords) }),
    ...(maxBytes === undefined ? {} : { maxBytes: integer('maxBytes', maxBytes) }),
  }
}

/** A table (the last value of each key) whose rows are counted by value; an update is taken from the one and put to the other. */
function runGroupedTable(
  kernel: Kernel,
  options: SuppressOptions | undefined,
  operations: readonly Json[],
): readonly (readonly Emission[])[] {
  const counted = { key: 'utf8', value: 'f64', ts: 'f64' } as const
  const create = chainOf(['deduplicate', 'changelog', 'process', 'suppress'], TEXTS, (rows: Stream<TextRow>) => {
    const counts = rows
      .keyBy('key')
      .deduplicate({ keep: 'last', by: 'arrival', ttl: 'none' })
      .changelog('op')
      .keyBy('value')
      .process(
        {
          state: { count: valueState<number>(), latest: valueState<number>() },
          onRecord: ({ op }, { key, state, timestamp, emit }) => {
            const value = (state.count.get() ?? 0) + (op === '-U' ? -1 : 1)
            const ts = Math.max(state.latest.get() ?? timestamp, timestamp)
            state.count.set(value)
            state.latest.set(ts)
            emit({ key, value, ts })
          },
        },
        counted,
      )
    return options === undefined ? counts : counts.keyBy('key').suppress(options)
  })
  const run = new OperatorRun(kernel, create, TEXTS)
  let streamTime = Number.NEGATIVE_INFINITY
  const emissions = operations.map(operation => {
    const { op, key, value, ts } = fields('operation', operation, ['op', 'key', 'value', 'ts'])
    if (op !== 'event') throw new NotUnderstood(`operation ${JSON.stringify(op)}`)
    const time = integer('ts', ts)
    run.event({ key: text('key', key), value: text('value', value) }, time)
    streamTime = Math.max(streamTime, time)
    run.advance(streamTime - 1)
    return run.take().map(({ row }): Emission => {
      return { key: row.key, window: undefined, value: row.value, ts: row.ts }
    })
  })
  run.close()
  return emissions
}

/** All that comes out, as one check behind the last input. */
function wholeRun(operations: readonly Json[], emissions: Json | undefined): Check {
  return { afterInput: operations.length - 1, emits: list('emissions', emissions).map(emission) }
}

/** The last result of each window that was not taken back. */
function left(emissions: readonly Emission[]): Emission[] {
  const windows = new Map<string, Emission>()
  for (const emission of emissions) {
    const name = JSON.stringify([emission.key, emission.window])
    if (emission.value === null) windows.delete(name)
    else windows.set(name, emission)
  }
  return [...windows.values()]
}

function told(value: Emission, names: readonly string[]): string {
  return JSON.stringify(names.map(name => value[name as keyof Emission]))
}

function suppressedWindows(window: Json | undefined, aggregate: Json | undefined): KafkaWindows {
  const { type, sizeMs, advanceMs, gapMs, graceMs, timeDifferenceMs } = fields('window', window, [
    ...['type', 'sizeMs', 'advanceMs', 'gapMs', 'graceMs', 'timeDifferenceMs'],
  ])
  const common = { graceMs: integer('grace', graceMs ?? 0), aggregate, endShift: 0 }
  switch (type) {
    case 'tumbling':
    case 'hopping':
      return { ...common, assigner: sliding(integer('size', sizeMs), integer('advance', advanceMs ?? sizeMs)) }
    case 'session':
      return { ...common, assigner: session<TextRow>(integer('gap', gapMs), { bounds: 'records', retain: '1d' }) }
    case 'sliding':
      return {
        ...common,
        assigner: perRecordSliding(integer('difference', timeDifferenceMs ?? sizeMs), { earliest: 0 }),
        endShift: 1,
      }
    default:
      throw new NotUnderstood(`windows of the type ${JSON.stringify(type)}`)
  }
}
