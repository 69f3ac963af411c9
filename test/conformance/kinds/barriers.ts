import { BarrierAligner } from '../../../src/runtime/barrier-aligner.js'
import type { Registry } from '../registry.js'
import { compare, fields, integer, type Json, type JsonObject, list, NotUnderstood, text } from '../vector.js'

/** What came of a run, beside each input's number. */
interface Run {
  readonly triggered: number[]
  readonly triggeredAtInput: number[]
  readonly aborted: number[]
  readonly reasons: Record<string, string>
  /** By input: the blocked channels and the latest id behind it. */
  readonly blocked: number[][]
  readonly latest: number[]
}

function run(channels: number, afterFinish: boolean, input: readonly Json[]): Run {
  const result: Run = { triggered: [], triggeredAtInput: [], aborted: [], reasons: {}, blocked: [], latest: [] }
  let at = 0
  const listener = {
    onAligned(id: number) {
      result.triggered.push(id)
      result.triggeredAtInput.push(at)
    },
    onAborted(id: number, reason: string) {
      result.aborted.push(id)
      result.reasons[id] = reason
    },
  }
  const aligner = new BarrierAligner(channels, listener, afterFinish ? 'counts-as-aligned' : 'aborts')
  for (const element of input) {
    const { op, id, channel } = fields('input', element, ['op', 'id', 'channel'])
    const from = integer('channel', channel)
    if (op === 'barrier') aligner.barrier(integer('id', id), from)
    else if (op === 'cancel') aligner.cancel(integer('id', id))
    else if (op === 'end-of-partition') aligner.end(from)
    else if (op !== 'data') throw new NotUnderstood(`op ${text('op', op)}`)
    result.blocked.push(Array.from({ length: channels }, (_, c) => c).filter(c => aligner.isBlocked(c)))
    result.latest.push(aligner.latestId)
    at += 1
  }
  return result
}

/** The same fields of what came as the vector expects. */
function asked(expected: JsonObject, got: Run): Record<string, unknown> {
  const answers: Record<string, () => unknown> = {
    triggered: () => got.triggered,
    triggeredAtInput: () => got.triggeredAtInput,
    aborted: () => got.aborted,
    abortedCount: () => got.aborted.length,
    abortReason: () => Object.fromEntries(Object.keys(expected.abortReason ?? {}).map(id => [id, got.reasons[id]])),
    blocked: () =>
      list('blocked', expected.blocked).map(entry => {
        const afterInput = integer('afterInput', fields('blocked', entry, ['afterInput', 'channels']).afterInput)
        return { afterInput, channels: got.blocked[afterInput] }
      }),
    latestIdAfterInput: () =>
      list('latestIdAfterInput', expected.latestIdAfterInput).map(entry => {
        const after = integer('afterInput', list('latestIdAfterInput', entry)[0])
        return [after, got.latest[after]]
      }),
  }
  fields('expected', expected, Object.keys(answers))
  return Object.fromEntries(Object.keys(expected).map(name => [name, answers[name]?.()]))
}

export const barriers: Registry = {
  'barrier-alignment': ({ config, input, expected }) => {
    const { channels, mode, checkpointsAfterTasksFinish } = fields('config', config, [
      'channels',
      'mode',
      'checkpointsAfterTasksFinish',
    ])
    if (mode !== 'aligned') throw new NotUnderstood(`mode ${text('mode', mode)}`)
    const got = run(integer('channels', channels), checkpointsAfterTasksFinish === true, list('input', input))
    return compare(expected, asked(expected, got))
  },
}
