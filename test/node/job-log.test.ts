import { describe, expect, it } from 'vitest'
import { SabotError } from '../../src/index.js'
import { JobLog } from '../../src/node/logs/job-log.js'
import { emptyOperatorMetrics } from '../../src/runtime/empty-metrics.js'
import type { JobMetrics } from '../../src/runtime/job-handle.js'

const metrics: JobMetrics = {
  rowsIn: 10,
  rowsOut: 3,
  rowsExpected: undefined,
  elapsedMs: 5,
  takenAtMs: 0,
  operators: [{ ...emptyOperatorMetrics('w', 'window'), watermark: 86_400_000, dropped: { late: 2 } }],
  checkpoints: {
    completed: 1,
    failed: 0,
    lastId: 1,
    lastBytes: 1,
    lastWrittenBytes: 1,
    lastDurationMs: 1,
    lastAlignmentMs: 0,
    lastError: undefined,
  },
}

function logged(write: (log: JobLog) => void): Record<string, unknown>[] {
  const lines: string[] = []
  write(new JobLog('hourly', { write: line => void lines.push(line) }))
  return lines.map(line => {
    expect(line.endsWith('\n')).toBe(true)
    return JSON.parse(line) as Record<string, unknown>
  })
}

describe('the log of a job', () => {
  it('is one JSON object a line, with time, level, job and event', () => {
    const failure = new SabotError('CHECKPOINT_FAILED', 'no room', { storage: 'd' }, { cause: new Error('ENOSPC') })
    const lines = logged(log => {
      log.started('http://127.0.0.1:1')
      log.event({ kind: 'resumed', checkpointId: 3, passedOver: [], dropped: [], begun: [] })
      log.event({ kind: 'resumed', checkpointId: 2, passedOver: [failure], dropped: [], begun: [] })
      log.event({ kind: 'checkpoint-failed', error: failure })
      log.note('a line\n"quoted"')
    })
    for (const { time, job } of lines) {
      expect(job).toBe('hourly')
      expect(new Date(String(time)).toISOString()).toBe(time)
    }
    expect(lines.map(({ level, event }) => [level, event])).toEqual([
      ['info', 'started'],
      ['info', 'resumed'],
      ['warn', 'resumed'],
      ['warn', 'checkpoint-failed'],
      ['info', 'note'],
    ])
    expect(lines[0]).toMatchObject({ httpUrl: 'http://127.0.0.1:1' })
    expect(lines[2]).toMatchObject({ checkpointId: 2, passedOver: [{ code: 'CHECKPOINT_FAILED' }] })
    expect(lines[3]?.error).toEqual({
      code: 'CHECKPOINT_FAILED',
      message: 'no room',
      details: { storage: 'd' },
      cause: { code: 'ERROR', message: 'ENOSPC' },
    })
    expect(lines[4]).toMatchObject({ text: 'a line\n"quoted"' })
  })

  it('tells progress and the end in figures', () => {
    const result = { metrics, resumedFrom: 4, restarts: 0, lastCheckpoint: 1 }
    const lines = logged(log => {
      log.progress({ status: 'running', metrics: () => metrics })
      log.ended({ ...result, status: 'finished', error: undefined })
      log.ended({ ...result, status: 'failed', error: new SabotError('JOB_FAILED', 'no') })
    })
    const figures = { rowsIn: 10, rowsOut: 3, watermark: '1970-01-02T00:00:00.000Z', dropped: { late: 2 } }
    expect(lines[0]).toMatchObject({ level: 'info', event: 'progress', status: 'running', ...figures })
    expect(lines[1]).toMatchObject({ level: 'info', event: 'ended', status: 'finished', resumedFrom: 4, ...figures })
    expect(lines[2]).toMatchObject({ level: 'error', event: 'ended', status: 'failed', error: { code: 'JOB_FAILED' } })
  })
})
