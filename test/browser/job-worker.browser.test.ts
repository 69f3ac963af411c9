import { parquetWriteBuffer } from 'hyparquet-writer'
import {
  IndexedDbCheckpointStorage,
  isJobRunning,
  type JobProgress,
  JobWorker,
  type JobWorkerOptions,
  jobReleased,
  SavedJob,
  withJobLock,
} from 'sabot/browser'
import { describe, expect, it } from 'vitest'

const newWorker = (): Worker => new Worker(new URL('./jobs.worker.ts', import.meta.url), { type: 'module' })
const startJob = (name: string, options?: JobWorkerOptions): JobWorker => new JobWorker(newWorker(), name, options)

/** The start of a job, and a promise of the first report of which something holds. */
function startUntil(name: string, holds: (progress: JobProgress) => boolean, options: JobWorkerOptions = {}) {
  let onProgress: (progress: JobProgress) => void = () => {}
  const worker = startJob(name, { progressMs: 20, ...options, onProgress: progress => onProgress(progress) })
  const reached = new Promise<JobProgress>((resolve, reject) => {
    onProgress = progress => {
      if (holds(progress)) resolve(progress)
    }
    void worker.ended.then(({ status, error }) => reject(error ?? new Error(`the job ended before: ${status}`)))
  })
  reached.catch(() => {})
  return { worker, reached }
}

const isRunning = ({ status, metrics }: JobProgress): boolean => status === 'running' && metrics.rowsIn > 0
const textOf = async (job: string, path: string): Promise<string> => (await new SavedJob(job).file(path))?.text() ?? ''

const keyedLines = async (): Promise<string[]> =>
  (await textOf('keyed', 'keyed.ndjson')).split('\n').slice(0, -1).sort()

/** What the job `keyed` of jobs.worker.ts is to write, sorted. */
function windowsOf(rows: number): string[] {
  const windows = new Map<string, { key: string; start: number; rows: number; total: number; most: number }>()
  for (let part = 0; part < 3; part++) {
    for (let index = 0; index < rows; index++) {
      const key = `k${(index * 7 + part) % 97}`
      const start = Math.floor(index / 1_000) * 10_000
      const window = windows.get(`${key} ${start}`) ?? { key, start, rows: 0, total: 0, most: 0 }
      windows.set(`${key} ${start}`, window)
      window.rows += 1
      window.total += index % 1000
      window.most = Math.max(window.most, index % 1000)
    }
  }
  const lines = [...windows.values()].map(({ key, start, ...figures }) => {
    const [windowStart, windowEnd] = [start, start + 10_000].map(time => new Date(time).toISOString())
    return JSON.stringify({ key, windowStart, windowEnd, ...figures })
  })
  return lines.sort()
}

describe('a job in a worker', () => {
  it('runs to its end, with its files behind it and its newest results in every report', async () => {
    const reports: JobProgress[] = []
    const worker = startJob('counted', {
      parameters: { count: '1000' },
      tails: { 'counted.ndjson': 30 },
      onProgress: progress => reports.push(progress),
    })
    const result = await worker.ended
    expect(result).toMatchObject({ status: 'finished', error: undefined, metrics: { rowsIn: 1000, rowsOut: 1000 } })
    const text = await textOf('counted', 'counted.ndjson')
    expect(text.split('\n')).toHaveLength(1001)
    const last = reports.at(-1)
    expect(last?.status).toBe('finished')
    expect(new TextDecoder().decode(last?.tails['counted.ndjson'])).toBe(text.slice(-30))
  })

  it('takes a checkpoint when asked, stops with one, and goes on from there', async () => {
    const { worker, reached } = startUntil('endless', isRunning, { checkpoints: { intervalMs: 0 } })
    await reached
    const checkpoint = await worker.checkpoint()
    expect(await new SavedJob('endless').newestCheckpoint()).toBe(checkpoint)
    const stopped = await worker.stop()
    expect(stopped).toMatchObject({ status: 'stopped', error: undefined, lastCheckpoint: checkpoint + 1 })

    const again = startUntil('endless', ({ metrics }) => metrics.rowsIn > stopped.metrics.rowsIn, { resume: true })
    await again.reached
    const cancelled = await again.worker.cancel()
    expect(cancelled).toMatchObject({ status: 'cancelled', resumedFrom: checkpoint + 1 })
    const kept = (await textOf('endless', 'kept.ndjson')).split('\n').slice(0, -1)
    expect(kept.length).toBeGreaterThan(0)
    expect(kept.every((line, index) => JSON.parse(line).index === index * 500)).toBe(true)
  })

  it('forgets the checkpoints of an earlier run when it starts anew', async () => {
    const storage = new IndexedDbCheckpointStorage('counted')
    await storage.writeManifest(77, Uint8Array.of(1))
    expect((await startJob('counted').ended).status).toBe('finished')
    expect(await storage.list()).not.toContain(77)
  })

  it('reads Blobs that the page hands over', async () => {
    const file = parquetWriteBuffer({ columnData: [{ name: 'n', data: new Int32Array([3, 1, 2]), type: 'INT32' }] })
    const result = await startJob('copying', { blobs: { 'mine.parquet': new Blob([file]) } }).ended
    expect(result.error).toBeUndefined()
    expect(await textOf('copying', 'copied.ndjson')).toBe('{"n":3}\n{"n":1}\n{"n":2}\n')
  })

  it('fails with the code, the details and the cause of what happened there', async () => {
    const { status, error } = await startJob('failing').ended
    expect(status).toBe('failed')
    expect(error).toMatchObject({ name: 'SabotError', code: 'SOURCE_FAILED', details: { index: 20_000 } })
    expect(error?.cause).toMatchObject({ name: 'RangeError', message: 'no more' })
  })

  it('names an unknown job, an unknown parameter, and a worker that cannot be loaded', async () => {
    expect((await startJob('other').ended).error).toMatchObject({ code: 'UNKNOWN_JOB' })
    expect((await startJob('toString').ended).error).toMatchObject({ code: 'UNKNOWN_JOB' })
    const misspelt = await startJob('counted', { parameters: { cuont: '1' } }).ended
    expect(misspelt).toMatchObject({ status: 'failed', error: { code: 'UNKNOWN_PARAMETER' } })
    const missing = new JobWorker(new Worker('/missing-worker.js', { type: 'module' }), 'counted')
    expect((await missing.ended).error).toMatchObject({ code: 'WORKER_FAILED' })
  })

  it('refuses a checkpoint when it has ended, and does not leave the question open', async () => {
    const worker = startJob('counted')
    // Taken in time, or refused: answered in any case.
    const early = worker.checkpoint().catch(error => error.code)
    await worker.ended
    expect([1, 'CHECKPOINT_FAILED']).toContain(await early)
    await expect(worker.checkpoint()).rejects.toMatchObject({ code: 'CHECKPOINT_FAILED' })
  })

  it('runs in one worker at a time, and is free again when that one is gone', async () => {
    const { worker, reached } = startUntil('endless', isRunning)
    await reached
    expect(await isJobRunning('endless')).toBe(true)
    expect(await isJobRunning('counted')).toBe(false)
    expect((await startJob('endless').ended).error).toMatchObject({ code: 'JOB_RUNNING_ELSEWHERE' })
    await expect(withJobLock('endless', 50, async () => 1)).rejects.toMatchObject({ code: 'JOB_RUNNING_ELSEWHERE' })
    const released = jobReleased('endless')
    await worker.cancel()
    await released
    expect(await isJobRunning('endless')).toBe(false)
    expect(await withJobLock('endless', 50, async () => 1)).toBe(1)
  })

  it('runs in parallel in workers of its own, with the same rows, files and figures', async () => {
    const rows = 5_000
    const one = await startJob('keyed', { parameters: { rows: String(rows) }, parallelism: 1 }).ended
    expect(one).toMatchObject({ status: 'finished', error: undefined })
    expect(await keyedLines()).toEqual(windowsOf(rows))
    const reports: JobProgress[] = []
    const two = await startJob('keyed', {
      parameters: { rows: String(rows) },
      parallelism: 2,
      tails: { 'keyed.ndjson': 40 },
      onProgress: progress => reports.push(progress),
    }).ended
    expect(two).toMatchObject({ status: 'finished', error: undefined, restarts: 0 })
    expect(two.metrics).toMatchObject({ rowsIn: 3 * rows, rowsOut: windowsOf(rows).length })
    expect(await keyedLines()).toEqual(windowsOf(rows))
    const tail = new TextDecoder().decode(reports.at(-1)?.tails['keyed.ndjson'])
    expect((await textOf('keyed', 'keyed.ndjson')).endsWith(tail)).toBe(true)
    expect(tail).toHaveLength(40)
  })

  it('goes on by itself when workers of a parallel job are gone', async () => {
    const rows = 150_000
    const worker = startUntil('keyed', ({ metrics }) => metrics.checkpoints.completed > 0, {
      parameters: { rows: String(rows) },
      parallelism: 2,
      checkpoints: { intervalMs: 20 },
      restart: { attempts: 2 },
    })
    await worker.reached
    new BroadcastChannel('jobs.worker').postMessage('crash')
    const result = await worker.worker.ended
    expect(result).toMatchObject({ status: 'finished', error: undefined, restarts: 1 })
    expect(result.resumedFrom).toBeGreaterThan(0)
    expect(await keyedLines()).toEqual(windowsOf(rows))
  })

  it('fails with the reason when its workers are gone and it is not to go on', async () => {
    const { worker, reached } = startUntil('keyed', isRunning, { parameters: { rows: '1000000' }, parallelism: 2 })
    await reached
    new BroadcastChannel('jobs.worker').postMessage('crash')
    expect(await worker.ended).toMatchObject({ status: 'failed', error: { code: 'WORKER_FAILED' } })
    const refused = await startJob('keyed', { parallelism: 129 }).ended
    expect(refused).toMatchObject({ status: 'failed', error: { code: 'INVALID_PARALLELISM' } })
    const senseless = await startJob('keyed', { hangTimeoutMs: 0 }).ended
    expect(senseless).toMatchObject({ status: 'failed', error: { code: 'INVALID_OPTION' } })
  })

  it('goes on after its worker was ended without warning', async () => {
    const crashing = newWorker()
    const first = new Promise<number>(resolve => {
      new JobWorker(crashing, 'endless', {
        checkpoints: { intervalMs: 20 },
        progressMs: 10,
        onProgress: ({ metrics }) => metrics.checkpoints.lastId !== undefined && resolve(metrics.checkpoints.lastId),
      })
    })
    const seen = await first
    crashing.terminate()
    const { worker, reached } = startUntil('endless', isRunning, { resume: true })
    await reached
    const { resumedFrom } = await worker.stop()
    expect(resumedFrom).toBeGreaterThanOrEqual(seen)
    const kept = (await textOf('endless', 'kept.ndjson')).split('\n').slice(0, -1)
    expect(kept.every((line, index) => JSON.parse(line).index === index * 500)).toBe(true)
  })
})
