/* Spans of a job, as the SDK of OpenTelemetry records them. */
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { describe, expect, it } from 'vitest'
import { collect, type ExecuteOptions, execute, fixedDelay, type JobHandle, job, type Tracer } from '../../src/index.js'
import { MemoryCheckpointStorage } from '../../src/state/memory-storage.js'
import { ManualClock, MemoryFiles } from '../../src/testing/index.js'
import { nextTurn } from '../platform/next-turn.js'
import { environment, inMemory, observed, readings, sensorJob } from '../runtime/streams.js'

const START = Date.parse('2026-01-01T00:00:00Z')
const ROWS = readings(100, 1)

/** Each look at processing time takes a second, and what is scheduled is due at once. */
class HastyClock extends ManualClock {
  override now(): number {
    this.advance(1_000)
    return super.now()
  }

  override schedule(delayMs: number, run: () => void): () => void {
    const cancel = super.schedule(delayMs, run)
    if (delayMs === DELAY_MS) queueMicrotask(() => this.advance(DELAY_MS))
    return cancel
  }
}

const DELAY_MS = 5_000

/** A tracer of the SDK, and what it has recorded. */
function recording() {
  const exporter = new InMemorySpanExporter()
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
  return { exporter, tracer: provider.getTracer('test') }
}

/** Runs the job, asks for checkpoints, and makes the source fail, by the number of the read. */
async function traced(
  onRead: (read: number, handle: JobHandle) => void | Promise<void>,
  options: Partial<ExecuteOptions> & { readonly storage?: MemoryCheckpointStorage } = {},
) {
  const { tracer, exporter } = recording()
  const { storage = new MemoryCheckpointStorage(), ...given } = options
  let handle: JobHandle | undefined
  let reads = 0
  const source = observed(inMemory(ROWS), async () => {
    reads += 1
    if (handle !== undefined) await onRead(reads, handle)
  })
  handle = execute(sensorJob([source]).plan(), environment(new MemoryFiles(), new HastyClock(START)), {
    batchRows: 10,
    checkpoints: { storage, intervalMs: 0 },
    tracer,
    ...given,
  })
  const result = await handle.ended
  const spans = exporter.getFinishedSpans().map(({ name, status, attributes, events, startTime, endTime }) => {
    const durationMs = (endTime[0] - startTime[0]) * 1_000
    const sinceMs = startTime[0] * 1_000 - START
    return { name, code: status.code, message: status.message, attributes, events, durationMs, sinceMs }
  })
  return { result, spans, storage }
}

describe('the spans of a job', () => {
  it('are one for each checkpoint, with its size, and one for a recovery, from the failure on', async () => {
    let hasFailed = false
    const { result, spans } = await traced(
      async (read, handle) => {
        if (read === 4) void handle.savepoint()
        if (read !== 8 || hasFailed) return
        hasFailed = true
        throw new Error('the cable is cut')
      },
      { restart: fixedDelay(1, DELAY_MS) },
    )
    expect(result).toMatchObject({ status: 'finished', restarts: 1 })
    expect(spans.map(({ name, code }) => [name, code])).toEqual([
      ['sabot.checkpoint', 0],
      ['sabot.recovery', 0],
    ])
    const [checkpoint, recovery] = spans
    const { lastBytes, lastWrittenBytes } = result.metrics.checkpoints
    expect(checkpoint?.attributes).toEqual({
      'sabot.job': 'sensors',
      'sabot.checkpoint.id': 1,
      'sabot.checkpoint.savepoint': true,
      'sabot.checkpoint.size_bytes': lastBytes,
      'sabot.checkpoint.written_bytes': lastWrittenBytes,
      'sabot.checkpoint.alignment_ms': 0,
    })
    expect(lastBytes).toBeGreaterThan(0)
    expect(recovery?.attributes).toEqual({
      'sabot.job': 'sensors',
      'sabot.recovery.reason': 'failure',
      'sabot.recovery.cause': 'JOB_FAILED',
      'sabot.recovery.restart': 1,
      'sabot.recovery.outcome': 'running',
      'sabot.recovery.parallelism': 1,
      'sabot.recovery.passed_over': 0,
      'sabot.checkpoint.id': 1,
    })
    // By the clock of the job, and with the delay before the restart.
    expect(checkpoint?.sinceMs).toBeGreaterThanOrEqual(1_000)
    expect(checkpoint?.durationMs).toBeGreaterThanOrEqual(1_000)
    expect(recovery?.durationMs).toBeGreaterThanOrEqual(DELAY_MS)
  })

  it('say why a checkpoint was given up, and are ended whatever happens to the job', async () => {
    class FullStorage extends MemoryCheckpointStorage {
      override async writePart(): Promise<void> {
        throw new RangeError('no space left on device')
      }
    }
    const full = await traced((read, handle) => void (read === 4 && handle.checkpoint().catch(() => undefined)), {
      storage: new FullStorage(),
    })
    expect(full.spans).toMatchObject([
      {
        name: 'sabot.checkpoint',
        code: 2,
        message: expect.stringContaining('no space left on device'),
        attributes: { 'sabot.error.code': 'CHECKPOINT_FAILED' },
        events: [{ name: 'exception' }],
      },
    ])
    // The barrier waits for an answer that never comes, and the job is cancelled.
    const { tracer, exporter } = recording()
    const stuck = job('stuck', j => {
      j.from(inMemory(ROWS))
        .asyncMap(() => new Promise<{ n: number }>(() => {}), { n: 'f64' }, { capacity: 1 })
        .to(collect())
    })
    const handle = execute(stuck.plan(), environment(), {
      checkpoints: { storage: new MemoryCheckpointStorage(), intervalMs: 0 },
      tracer,
    })
    while (handle.metrics().operators.every(({ gauges }) => gauges.inFlight !== 1)) await nextTurn()
    const wanted = expect(handle.checkpoint()).rejects.toMatchObject({ code: 'CHECKPOINT_FAILED' })
    await nextTurn()
    expect((await handle.cancel()).status).toBe('cancelled')
    await wanted
    expect(exporter.getFinishedSpans()).toMatchObject([{ name: 'sabot.checkpoint', status: { code: 2 } }])
  })

  it('tell of a job that resumes, and of one that cannot', async () => {
    const { storage, spans } = await traced((read, handle) => void (read === 4 && handle.stop()))
    expect(spans.map(({ name }) => name)).toEqual(['sabot.checkpoint'])
    const resumed = await traced(() => undefined, { storage, resume: true })
    expect(resumed.spans).toMatchObject([
      {
        name: 'sabot.recovery',
        code: 0,
        attributes: { 'sabot.recovery.reason': 'resuming', 'sabot.checkpoint.id': 1 },
      },
    ])
    await storage.writeManifest(2, new Uint8Array(3)).catch(() => undefined)
    await storage.remove(1)
    const refused = await traced(() => undefined, { storage, resume: true })
    expect(refused.result.status).toBe('failed')
    expect(refused.spans).toMatchObject([
      { name: 'sabot.recovery', code: 2, attributes: { 'sabot.error.code': 'NO_VALID_CHECKPOINT' } },
    ])
  })

  it('never harm the job: a tracer that throws is left alone', async () => {
    let calls = 0
    const tracer: Tracer = {
      startSpan() {
        calls += 1
        throw new Error('no exporter')
      },
    }
    const { result } = await traced((read, handle) => void (read % 3 === 0 && handle.checkpoint()), { tracer })
    expect(result).toMatchObject({ status: 'finished', error: undefined })
    expect(result.metrics.checkpoints.completed).toBeGreaterThan(1)
    expect(calls).toBe(1)
  })
})
