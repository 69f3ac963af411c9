import { SabotError } from '../../../src/core/errors.js'
import { IdlenessTimer } from '../../../src/core/idleness.js'
import { windowsOf } from '../../../src/core/window-geometry.js'
import { sliding, tumbling, type WindowAssigner } from '../../../src/graph/windowing.js'
import type { Registry } from '../registry.js'
import { compare, fields, integer, type Json, type JsonObject, list, NotUnderstood, skip } from '../vector.js'

type Window = readonly [start: number, end: number]

const CONFIG = ['assigner', 'size', 'slide', 'offset', 'stagger', 'processingTimeAtFirstElement']
const NO_SESSIONS = 'session windows are not built yet'

const mod = (a: number, b: number): number => ((a % b) + b) % b

/** The assigner that a vector configures, through the API that people use. */
function assignerOf(config: JsonObject): WindowAssigner {
  const { assigner, size, slide, offset, stagger, processingTimeAtFirstElement } = fields('config', config, CONFIG)
  const sizeMs = integer('size', size)
  let offsetMs = integer('offset', offset ?? 0)
  if (stagger === 'NATURAL') {
    // Flink's WindowStagger.NATURAL: windows begin when the first element came; to us that is an offset.
    offsetMs = mod(offsetMs + integer('processing time', processingTimeAtFirstElement), sizeMs)
  } else if (stagger !== undefined) {
    throw new NotUnderstood(`stagger ${JSON.stringify(stagger)}`)
  }
  if (assigner === 'tumbling') return tumbling(sizeMs, { offset: offsetMs })
  if (assigner === 'sliding') return sliding(sizeMs, integer('slide', slide), { offset: offsetMs })
  throw new NotUnderstood(`assigner ${JSON.stringify(assigner)}`)
}

const timestamps = (input: Json): number[] =>
  list('input', input).map(event => integer('ts', fields('event', event, ['ts']).ts))

const byStart = (a: Window, b: Window): number => a[0] - b[0] || a[1] - b[1]

const windows = (assigner: WindowAssigner, timestamp: number): Window[] =>
  windowsOf(assigner.geometry, timestamp)
    .map(({ start, end }): Window => [start, end])
    .sort(byStart)

const isSession = (config: JsonObject): boolean => config.assigner === 'session'

function isRejected(config: Json): boolean {
  try {
    const { timeoutMs } = config as JsonObject
    if (timeoutMs === undefined) assignerOf(config as JsonObject)
    else new IdlenessTimer(integer('timeoutMs', timeoutMs))
    return false
  } catch (error) {
    if (error instanceof SabotError && error.code.startsWith('INVALID_')) return true
    throw error
  }
}

export const assigners: Registry = {
  assign: ({ config, input, expected }) => {
    if (isSession(config)) return skip(NO_SESSIONS)
    const assigner = assignerOf(config)
    const known = ['windows', 'order', 'interval', 'windowIndexesFromAlignTo', 'alignTo']
    const sets = list('windows', fields('expected', expected, known).windows)
    return compare(
      sets.map(set => (list('windows', set) as unknown as Window[]).toSorted(byStart)),
      timestamps(input).map(timestamp => windows(assigner, timestamp)),
    )
  },

  'assign-sets': ({ config, input, expected }) => {
    if (isSession(config)) return skip(NO_SESSIONS)
    const assigner = assignerOf(config)
    const elements = new Map<string, { window: Window; timestamps: number[] }>()
    for (const timestamp of timestamps(input).toSorted((a, b) => a - b)) {
      for (const window of windows(assigner, timestamp)) {
        const set = elements.get(window.join()) ?? { window, timestamps: [] }
        elements.set(window.join(), set)
        set.timestamps.push(timestamp)
      }
    }
    const sets = list('sets', fields('expected', expected, ['elementsByWindow', 'order']).elementsByWindow)
    return compare(
      (sets as unknown as { window: Window }[]).toSorted((a, b) => byStart(a.window, b.window)),
      [...elements.values()].sort((a, b) => byStart(a.window, b.window)),
    )
  },

  'window-start': ({ config, input, expected }) => {
    const { size, offset } = fields('config', config, ['size', 'offset'])
    const assigner = tumbling(integer('size', size), { offset: integer('offset', offset) })
    return compare(
      fields('expected', expected, ['start']).start,
      timestamps(input).map(timestamp => windows(assigner, timestamp)[0]?.[0]),
    )
  },

  'invalid-config': ({ config, input, expected, semantics }) => {
    fields('config', config, [])
    const configs = list('input', input) as readonly JsonObject[]
    if (configs.some(isSession)) return skip(NO_SESSIONS)
    const negative = configs.some(({ offset, size }) => Number(offset) < 0 && -Number(offset) < Number(size))
    if (semantics === 'beam' && negative) return skip('negative offsets are allowed here, as in Flink')
    return compare(fields('expected', expected, ['rejected']).rejected, configs.map(isRejected))
  },
}
