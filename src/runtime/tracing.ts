/*
 * Spans of what happens to a job, for a tracer of OpenTelemetry. The types say what is called of it, so that nothing is
 * imported: `trace.getTracer('sabot')` of @opentelemetry/api fits, as does any tracer of the same shape.
 *
 *   sabot.checkpoint   from the barrier until the checkpoint is complete, or given up
 *   sabot.recovery     from the failure, the wish to rescale, or the start of a job that resumes, until subtasks run
 */
import type { SabotError } from '../core/errors.js'
import type { Clock } from './environment.js'

export type SpanAttributes = Readonly<Record<string, string | number | boolean>>

/** A span as OpenTelemetry's API has it, as far as it is used. */
export interface Span {
  setAttribute(name: string, value: string | number | boolean): unknown
  /** Code 2 is an error. */
  setStatus(status: { code: number; message?: string }): unknown
  recordException(exception: { name?: string; message: string; stack?: string }, time?: Date): void
  end(time?: Date): void
}

/** A tracer as OpenTelemetry's API has it, as far as it is used. It must not throw: one that does is left alone. */
export interface Tracer {
  startSpan(name: string, options?: { startTime?: Date; attributes?: Record<string, string | number | boolean> }): Span
}

const STATUS_ERROR = 2

/** Something that takes time. Ended once; later calls do nothing. */
export interface OpenSpan {
  end(attributes: SpanAttributes): void
  fail(error: SabotError): void
}

/** The spans of one job; without a tracer there are none. Times are those of the job's clock. */
export class JobTracing {
  private tracer: Tracer | undefined
  private readonly job: string
  private readonly clock: Pick<Clock, 'now'>

  constructor(tracer: Tracer | undefined, job: string, clock: Pick<Clock, 'now'>) {
    this.tracer = tracer
    this.job = job
    this.clock = clock
  }

  begin(name: 'sabot.checkpoint' | 'sabot.recovery', attributes: SpanAttributes): OpenSpan {
    let span: Span | undefined
    this.guarded(tracer => {
      span = tracer.startSpan(name, { startTime: this.time(), attributes: { 'sabot.job': this.job, ...attributes } })
    })
    const close = (act: (open: Span) => void): void => {
      const open = span
      span = undefined
      if (open === undefined) return
      this.guarded(() => {
        act(open)
        open.end(this.time())
      })
    }
    return {
      end: found =>
        close(open => {
          for (const [key, value] of Object.entries(found)) open.setAttribute(key, value)
        }),
      fail: error =>
        close(open => {
          open.setAttribute('sabot.error.code', error.code)
          open.recordException(error, this.time())
          open.setStatus({ code: STATUS_ERROR, message: error.message })
        }),
    }
  }

  private time(): Date {
    return new Date(this.clock.now())
  }

  /** Whoever watches a job must not make it fail. */
  private guarded(act: (tracer: Tracer) => void): void {
    if (this.tracer === undefined) return
    try {
      act(this.tracer)
    } catch {
      this.tracer = undefined
    }
  }
}
