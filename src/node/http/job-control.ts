/* What can be asked of a running job over HTTP, beside looking at it. */
import type { IncomingMessage } from 'node:http'
import { SabotError } from '../../core/errors.js'
import type { JobHandle, StopOptions } from '../../runtime/job-handle.js'

/** What of a job's handle can be called from outside. */
export type JobControl = Pick<JobHandle, 'checkpoint' | 'savepoint' | 'rescale' | 'stop' | 'cancel'>

export const CONTROL_ACTIONS = ['checkpoint', 'savepoint', 'rescale', 'stop', 'cancel'] as const
export type ControlAction = (typeof CONTROL_ACTIONS)[number]

export interface ControlAnswer {
  readonly status: number
  readonly body: { readonly [member: string]: unknown }
}

/** All that is ever asked for is a number and two words. */
const MOST_BODY_BYTES = 4_096

export function isControlAction(text: string): text is ControlAction {
  return CONTROL_ACTIONS.some(action => action === text)
}

/**
 * Carries an action out: 200 when it is done, 202 for the end of the job, which may take long; 400 for a body that makes
 * no sense, 409 when the job refuses. A body must be said to be JSON, which a form of a foreign page cannot.
 */
export async function controlJob(
  control: JobControl,
  action: ControlAction,
  request: IncomingMessage,
): Promise<ControlAnswer> {
  try {
    const asked = await readBody(request)
    switch (action) {
      case 'checkpoint':
      case 'savepoint':
        return { status: 200, body: { checkpointId: await control[action]() } }
      case 'rescale': {
        const { parallelism } = asked
        if (typeof parallelism !== 'number') throw invalid('parallelism', 'a number: {"parallelism": 4}')
        await control.rescale(parallelism)
        return { status: 200, body: { parallelism } }
      }
      case 'stop':
        void control.stop(stopOptions(asked))
        return { status: 202, body: { status: 'stopping' } }
      case 'cancel':
        void control.cancel()
        return { status: 202, body: { status: 'cancelled' } }
    }
  } catch (cause) {
    if (!(cause instanceof SabotError)) throw cause
    const status = cause.code === 'INVALID_OPTION' || cause.code === 'INVALID_PARALLELISM' ? 400 : 409
    return { status, body: { error: cause.message, code: cause.code } }
  }
}

function stopOptions({ drain = false, savepoint = false }: Readonly<Record<string, unknown>>): StopOptions {
  if (typeof drain !== 'boolean') throw invalid('drain', 'true or false')
  if (typeof savepoint !== 'boolean') throw invalid('savepoint', 'true or false')
  return { drain, savepoint }
}

async function readBody(request: IncomingMessage): Promise<Readonly<Record<string, unknown>>> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > MOST_BODY_BYTES) throw invalid('the body', `at most ${MOST_BODY_BYTES} bytes`)
    chunks.push(chunk)
  }
  const [type] = (request.headers['content-type'] ?? '').split(';')
  if (type?.trim() !== 'application/json') throw invalid('content-type', 'application/json')
  const text = Buffer.concat(chunks).toString('utf8')
  let value: unknown
  try {
    value = JSON.parse(text === '' ? '{}' : text)
  } catch {
    throw invalid('the body', 'JSON')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid('the body', 'a JSON object')
  return { ...value }
}

function invalid(what: string, allowed: string): SabotError {
  return new SabotError('INVALID_OPTION', `${what} is ${allowed}`, { option: what })
}
