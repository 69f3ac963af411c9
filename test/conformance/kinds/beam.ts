import { Schema } from '../../../src/core/schema.js'
import type { WindowedStream } from '../../../src/graph/window-builder.js'
import type { Kernel } from '../../../src/kernel/module.js'
import type { OperatorFactory } from '../../../src/operators/operator.js'
import { pane } from '../../../src/operators/windows/pane-fields.js'
import { compareOnEachBuild } from '../kernels.js'
import type { Registry } from '../registry.js'
import { choice, fields, integer, type Json, type JsonObject, list, NotUnderstood } from '../vector.js'
import { OperatorRun, timeOf, windowOperatorOf } from '../window-driver.js'
import { aggregateOf, assignerOf, beamTrigger, type NumberRow } from './window-options.js'
import { feed } from './windows.js'

const NUMBERS = Schema.of({ key: 'utf8', value: 'f64' })
const CONFIG = [
  ...['watermarkMeaning', 'window', 'trigger', 'accumulation', 'allowedLateness'],
  ...['aggregate', 'timestampCombiner', 'closing', 'onTime'],
]
const TIMINGS: Readonly<Record<string, string>> = { early: 'EARLY', onTime: 'ON_TIME', late: 'LATE' }

interface BeamPane {
  readonly key: unknown
  readonly window: unknown
  readonly value: unknown
  readonly pane: JsonObject
  readonly ts: number
}

/** A pipeline with Beam's rules: nothing comes twice unless it changed, but for the pane on time. */
function beamOperator(config: JsonObject): OperatorFactory {
  const { window, trigger, accumulation, allowedLateness, aggregate, closing, onTime } = fields(
    'config',
    config,
    CONFIG,
  )
  choice('closing', closing, ['fire-always', 'fire-if-non-empty'])
  choice('onTime', onTime, ['fire-always', 'fire-if-non-empty'])
  return windowOperatorOf(NUMBERS, keyed => {
    const windowed = keyed
      .window(assignerOf(window))
      .trigger(beamTrigger(trigger))
      .allowedLateness(integer('allowedLateness', allowedLateness ?? 0))
      .accumulate(accumulationOf(accumulation))
      .panes({
        unchanged: 'skip',
        onTime: onTime === 'fire-if-non-empty' ? 'ifChanged' : 'always',
        closing: closing === 'fire-always' ? 'always' : 'ifChanged',
      }) as WindowedStream<NumberRow, 'key', boolean>
    const shown = {
      ...{ timing: pane.timing(), index: pane.index(), onTimeIndex: pane.onTimeIndex() },
      ...{ isFirst: pane.isFirst(), isLast: pane.isLast(), earliest: pane.earliest(), latest: pane.latest() },
    }
    return windowed.aggregate({ value: aggregateOf(aggregate ?? 'sum'), ...shown })
  })
}

function accumulationOf(accumulation: Json | undefined): 'accumulating' | 'discarding' {
  if (accumulation === 'discarding') return accumulation
  if (accumulation === 'accumulating' || accumulation === undefined) return 'accumulating'
  throw new NotUnderstood(`the accumulation mode ${JSON.stringify(accumulation)}`)
}

/** Beam's watermark W says that nothing before W comes; ours that nothing up to it does. */
function feedBeam(run: OperatorRun, operation: Json): void {
  const { op, ts } = operation as JsonObject
  if (op === 'watermark') run.advance(timeOf(ts) - 1)
  else feed(run, operation)
}

function panesOf(
  kernel: Kernel,
  create: OperatorFactory,
  input: readonly Json[],
  combiner: Json | undefined,
): BeamPane[] {
  const shownTime = choice('timestampCombiner', combiner, ['earliest', 'latest', 'end-of-window']) ?? 'end-of-window'
  const run = new OperatorRun(kernel, create, NUMBERS)
  for (const operation of input) feedBeam(run, operation)
  const emitted = run.take().filter(({ output }) => output === 'main')
  run.close()
  return emitted.map(({ row, timestamp }) => {
    const { key, value, windowStart, windowEnd, timing, index, onTimeIndex, isFirst, isLast, earliest, latest } = row
    const times = { earliest, latest, 'end-of-window': timestamp } as Record<string, unknown>
    return {
      key,
      window: windowStart === undefined ? 'global' : [windowStart, windowEnd],
      value,
      pane: { timing: TIMINGS[String(timing)], index, onTimeIndex, isFirst, isLast } as JsonObject,
      ts: Number(times[shownTime]),
    }
  })
}

/** What of a pane an expectation tells, in a form that compares. */
function told(panes: readonly unknown[], names: readonly string[], isSet: boolean): string[] {
  const texts = panes.map(value => JSON.stringify(names.map(name => (value as Record<string, unknown>)[name])))
  return isSet ? texts.sort() : texts
}

const PANE = ['key', 'window', 'value', 'pane', 'ts']
const EXPECTED = [
  'panes',
  'onTime',
  'final',
  'early',
  'late',
  'mustContain',
  'window',
  'order',
  'note',
  'paneInfo',
  'values',
]

export const beam: Registry = {
  'beam-panes': ({ config, input, expected }) => {
    const create = beamOperator(config)
    const known = fields('expected', expected, EXPECTED)
    const operations = list('input', input)
    const isSet = known.order === 'set'
    if (known.panes !== undefined) {
      const wanted = list('panes', known.panes).map(value => normalized(fields('pane', value, PANE)))
      const names = PANE.filter(name => wanted.every(value => value[name] !== undefined))
      return compareOnEachBuild(told(wanted, names, isSet), kernel => {
        return told(panesOf(kernel, create, operations, config.timestampCombiner), names, isSet)
      })
    }
    const groups = ['onTime', 'final', 'early', 'late'].filter(group => known[group] !== undefined)
    if (groups.length === 0 && known.mustContain === undefined) throw new NotUnderstood('an expectation without panes')
    const names = ['key', 'value']
    const wanted = groups.map(group => told(list(group, known[group]), names, true))
    const contained = told(list('mustContain', known.mustContain ?? []), names, true)
    return compareOnEachBuild([...wanted, contained], kernel => {
      const window = JSON.stringify(known.window)
      const panes = panesOf(kernel, create, operations, undefined).filter(
        value => known.window === undefined || JSON.stringify(value.window) === window,
      )
      const all = told(panes, names, true)
      return [
        ...groups.map(group =>
          told(
            panes.filter(value => isOf(group, value)),
            names,
            true,
          ),
        ),
        contained.filter(value => all.includes(value)),
      ]
    })
  },

  'beam-drop-count': ({ config, input, expected }) => {
    const create = beamOperator(config)
    const drops = list('drops', fields('expected', expected, ['droppedAfterInput']).droppedAfterInput)
    return compareOnEachBuild(drops, kernel => {
      const run = new OperatorRun(kernel, create, NUMBERS)
      const dropped = list('input', input).map(operation => {
        feedBeam(run, operation)
        return run.dropped['in-closed-window'] ?? 0
      })
      run.close()
      return drops.map(drop => {
        const number = integer('input', list('drop', drop)[0])
        return [number, dropped[number]]
      })
    })
  },
}

function normalized(value: JsonObject): Record<string, unknown> {
  const { pane: info } = value
  if (info === undefined) return value
  const { timing, index, onTimeIndex, isFirst, isLast } = fields('pane', info, [
    ...['timing', 'index', 'onTimeIndex', 'isFirst', 'isLast'],
  ])
  return { ...value, pane: { timing, index, onTimeIndex, isFirst, isLast } }
}

function isOf(group: string, { pane: { timing, isLast } }: BeamPane): boolean {
  if (group === 'final') return isLast === true
  return timing === { onTime: 'ON_TIME', early: 'EARLY', late: 'LATE' }[group]
}
