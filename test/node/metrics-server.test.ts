import { request } from 'node:http'
import { afterEach, describe, expect, it } from 'vitest'
import { collect, count, execute, iterable, job, memory, SabotError, tumbling } from '../../src/index.js'
import { jobMetricsText, type WatchedJob } from '../../src/node/http/job-metrics-text.js'
import { prometheusText, snakeCase } from '../../src/node/http/prometheus-text.js'
import { type MetricsServer, nodeEnvironment, run, type ServedJob, serveMetrics } from '../../src/node/index.js'
import { emptyOperatorMetrics } from '../../src/runtime/empty-metrics.js'
import type { JobMetrics, JobStatus, OperatorMetrics } from '../../src/runtime/job-handle.js'
import { MemoryCheckpointStorage } from '../../src/state/memory-storage.js'

const graph = job('hourly', j => {
  j.from(memory([{ at: 1 }]))
    .withTimestamps('at', { outOfOrderness: 0 })
    .keyBy('at')
    .window(tumbling('1h'))
    .aggregate({ n: count() })
    .to(collect())
}).plan()

const operator = (id: string, parts: Partial<OperatorMetrics> = {}): OperatorMetrics => ({
  ...emptyOperatorMetrics(id, 'map'),
  ...parts,
})

function handleOf(status: JobStatus = 'running', operators: readonly OperatorMetrics[] = []): WatchedJob {
  const checkpoints = {
    completed: 2,
    failed: 1,
    lastId: 7,
    lastBytes: 1_000,
    lastWrittenBytes: 400,
    lastDurationMs: 250,
    lastAlignmentMs: 0,
    lastError: undefined,
  }
  const metrics: JobMetrics = {
    rowsIn: 10,
    rowsOut: 3,
    rowsExpected: undefined,
    elapsedMs: 1_500,
    takenAtMs: 4_000,
    operators,
    checkpoints,
  }
  return { name: 'hourly', status, metrics: () => metrics }
}

const served = (handle = handleOf()): ServedJob[] => [{ handle, graph }]

const servers: MetricsServer[] = []
const serve = async (options: Partial<Parameters<typeof serveMetrics>[0]> = {}): Promise<MetricsServer> => {
  const server = await serveMetrics({ jobs: () => served(), port: 0, ...options })
  servers.push(server)
  return server
}
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close()
})

interface Answer {
  readonly status: number
  readonly type: string
  readonly body: string
}

/** fetch() does not let one set Host and Origin. */
function ask(
  server: MetricsServer,
  path: string,
  headers: Record<string, string> = {},
  method = 'GET',
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request(new URL(path, server.url), { method, headers }, response => {
      let body = ''
      response.setEncoding('utf8').on('data', text => {
        body += text
      })
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, type: response.headers['content-type'] ?? '', body })
      })
    })
    asked.on('error', reject).end()
  })
}

describe('the text format of Prometheus', () => {
  it('escapes label values and help, and writes every number as Go reads it', () => {
    const text = prometheusText([
      {
        name: 'a_total',
        type: 'counter',
        help: 'one\\two\nthree "quoted"',
        samples: [
          { labels: { reason: 'say "no"\\\nnever', other: 'ü' }, value: 1e21 },
          { labels: {}, value: Number.POSITIVE_INFINITY },
          { labels: {}, value: Number.NEGATIVE_INFINITY },
          { labels: {}, value: Number.NaN },
        ],
      },
      { name: 'empty', type: 'gauge', help: 'nothing', samples: [] },
    ])
    expect(text).toBe(
      '# HELP a_total one\\\\two\\nthree "quoted"\n# TYPE a_total counter\n' +
        'a_total{reason="say \\"no\\"\\\\\\nnever",other="ü"} 1e+21\na_total +Inf\na_total -Inf\na_total NaN\n',
    )
  })

  it('makes names of gauges', () => {
    expect(['stateBytes', 'openWindows', 'a b-c', 'HTTPCalls2x'].map(snakeCase)).toEqual([
      'state_bytes',
      'open_windows',
      'a_b_c',
      'httpcalls2x',
    ])
  })

  it('holds the figures of a job and of each operator once a family', () => {
    const text = jobMetricsText([
      handleOf('running', [
        operator('map-1', {
          rowsIn: 5,
          bytesIn: 80,
          busyMs: 250,
          watermark: 1_500,
          dropped: { late: 2 },
          gauges: { stateBytes: 64 },
        }),
        operator('map-2', { rowsOut: 4, gauges: { stateBytes: 8 } }),
      ]),
    ])
    expect(text.split('\n').filter(line => !line.startsWith('#'))).toEqual(
      expect.arrayContaining([
        'sabot_job_status{job="hourly",status="running"} 1',
        'sabot_job_rows_in_total{job="hourly"} 10',
        'sabot_job_elapsed_seconds{job="hourly"} 1.5',
        'sabot_checkpoint_last_duration_seconds{job="hourly"} 0.25',
        'sabot_operator_rows_in_total{job="hourly",operator="map-1",kind="map"} 5',
        'sabot_operator_watermark_seconds{job="hourly",operator="map-1",kind="map"} 1.5',
        'sabot_operator_watermark_lag_seconds{job="hourly",operator="map-1",kind="map"} 2.5',
        'sabot_operator_bytes_in_total{job="hourly",operator="map-1",kind="map"} 80',
        'sabot_operator_busy_seconds_total{job="hourly",operator="map-1",kind="map"} 0.25',
        'sabot_operator_dropped_total{job="hourly",operator="map-1",kind="map",reason="late"} 2',
        'sabot_operator_state_bytes{job="hourly",operator="map-1",kind="map"} 64',
        'sabot_operator_state_bytes{job="hourly",operator="map-2",kind="map"} 8',
      ]),
    )
    // No watermark yet is no sample, and every family is told once.
    expect(text).not.toMatch(/watermark_(lag_)?seconds\{job="hourly",operator="map-2"/)
    expect(problemsOf(text)).toEqual([])
  })

  it('is clean for whoever lints it, whatever operators, inputs and gauges are called', () => {
    const named = {
      ...operator('odd', {
        dropped: { 'late "very"': 1, 'a\nb\\c': 2 },
        gauges: { keys: 1, stateBytes: 2, state_bytes: 3 },
      }),
      inputs: [{ name: 'C:\\data\n"x"', watermark: 5, sinceMs: undefined, status: 'active' as const }],
    }
    const text = jobMetricsText([handleOf('running', [named]), { ...handleOf('failed', [named]), name: 'other' }])
    expect(problemsOf(text)).toEqual([])
    expect(text).toContain('input="C:\\\\data\\n\\"x\\""')
    // It would be found.
    expect(problemsOf('x_total 1\n# HELP x_total y\n# TYPE x_total gauge\nx_total{a="1"} 2\nx_total{a="1"} 3')).toEqual(
      [
        'no newline at the end',
        'x_total stands before its HELP and TYPE',
        'x_total: no counter, but it ends in _total',
        'x_total{a="1"} stands twice',
      ],
    )
  })

  it('has a family for each figure of an operator and of its checkpoints', async () => {
    const held = job('held', j => {
      const rows = Array.from({ length: 50 }, (_, n) => ({ at: n, key: n % 5 }))
      j.from(memory([...rows, { at: 5_000, key: 0 }, { at: 3, key: 1 }]))
        .withTimestamps('at', { outOfOrderness: 0 })
        .keyBy('key')
        .window(tumbling('1s'))
        .aggregate({ n: count() })
        .to(collect())
    })
    const handle = execute(held.plan(), nodeEnvironment(), {
      checkpoints: { storage: new MemoryCheckpointStorage(), intervalMs: 0 },
    })
    await Promise.resolve()
    const { status } = await handle.ended
    expect(status).toBe('finished')
    const text = jobMetricsText([handle])
    expect(problemsOf(text)).toEqual([])
    const of = (figure: string) => {
      const line = text
        .split('\n')
        .find(found => found.startsWith(`sabot_${figure}{`) && found.includes('kind="window-agg'))
      return line === undefined ? undefined : Number(line.split(' ').at(-1))
    }
    expect(of('operator_rows_in_total')).toBe(52)
    // The late row is among them.
    expect(of('operator_rows_out_total')).toBe(7)
    expect(of('operator_dropped_total')).toBe(1)
    expect(text).toMatch(/^sabot_operator_watermark_seconds\{.*kind="window-aggregate"\} \+Inf$/m)
    // Nothing waited for a barrier, and no window is open any more.
    expect([of('operator_alignment_seconds_total'), of('operator_keys')]).toEqual([0, 0])
    for (const figure of [
      ...[
        'bytes_in_total',
        'bytes_out_total',
        'busy_seconds_total',
        'idle_seconds_total',
        'backpressured_seconds_total',
      ],
      ...['state_bytes', 'checkpoint_bytes'],
    ]) {
      expect(of(`operator_${figure}`), figure).toBeGreaterThanOrEqual(0)
    }
  })
})

/** What promtool would complain about, and what the format forbids. */
function problemsOf(text: string): string[] {
  const problems = text.endsWith('\n') ? [] : ['no newline at the end']
  const [helps, types, series] = [new Map<string, string>(), new Map<string, string>(), new Set<string>()]
  let family = ''
  for (const line of text.split('\n').filter(found => found !== '')) {
    const comment = /^# (HELP|TYPE) ([a-z][a-z0-9_]*) (.+)$/.exec(line)
    if (comment !== null) {
      const [, what, name = '', told = ''] = comment
      const known = what === 'HELP' ? helps : types
      if (known.has(name)) problems.push(`${name}: ${what} stands twice`)
      known.set(name, told)
      family = name
      if (what === 'TYPE' && told !== 'counter' && name.endsWith('_total')) {
        problems.push(`${name}: no counter, but it ends in _total`)
      }
      if (what === 'TYPE' && told === 'counter' && !name.endsWith('_total')) {
        problems.push(`${name}: a counter that does not end in _total`)
      }
      if (/_(ms|milliseconds|minutes|kb|mb|gauge|counter)(_|$)/.test(name)) problems.push(`${name}: no base unit`)
      continue
    }
    const label = '[a-z_][a-z0-9_]*="(?:[^"\\\\\\n]|\\\\[\\\\"n])*"'
    const sample = new RegExp(
      `^([a-z][a-z0-9_]*)(\\{${label}(?:,${label})*\\})? (NaN|[+-]Inf|-?[0-9][0-9.e+-]*)$`,
    ).exec(line)
    if (sample === null) {
      problems.push(`not a sample: ${line}`)
      continue
    }
    const [, name = '', labels = ''] = sample
    if (name !== family || !helps.has(name) || !types.has(name))
      problems.push(`${name} stands before its HELP and TYPE`)
    if (series.has(name + labels)) problems.push(`${name}${labels} stands twice`)
    series.add(name + labels)
  }
  return problems
}

describe('the metrics server', () => {
  it('answers on loopback, with metrics, jobs and health', async () => {
    const server = await serve()
    expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
    const metrics = await ask(server, '/metrics?x=1')
    expect(metrics).toMatchObject({ status: 200, type: 'text/plain; version=0.0.4; charset=utf-8' })
    expect(metrics.body).toContain('sabot_job_rows_out_total{job="hourly"} 3')
    const [first] = JSON.parse((await ask(server, '/jobs')).body) as Record<string, unknown>[]
    expect(first).toMatchObject({ name: 'hourly', status: 'running', rowsIn: 10, rowsExpected: null })
    const one = JSON.parse((await ask(server, '/jobs/hourly')).body) as { operators: object[] }
    expect(one.operators.at(2)).toMatchObject({ id: 'window-aggregate-1', inputs: ['timestamps-1'], watermark: null })
    expect(await ask(server, '/health')).toMatchObject({ status: 200 })
    expect(await ask(server, '/jobs/other')).toMatchObject({ status: 404 })
    expect(await ask(server, '/jobs', {}, 'HEAD')).toMatchObject({ status: 200, body: '' })
    expect(await ask(server, '/jobs', {}, 'POST')).toMatchObject({ status: 405 })
  })

  it('says when a job has failed', async () => {
    const server = await serve({ jobs: () => served(handleOf('failed')) })
    const { status, body } = await ask(server, '/health')
    expect([status, JSON.parse(body)]).toEqual([
      503,
      { status: 'failing', jobs: [{ name: 'hourly', status: 'failed' }] },
    ])
  })

  it('refuses other names of this machine, and pages of other origins', async () => {
    const server = await serve()
    const { port } = new URL(server.url)
    for (const host of ['evil.example', `evil.example:${port}`, 'localhost.evil.example', '[::2]']) {
      expect(await ask(server, '/jobs', { host }), host).toMatchObject({ status: 403 })
    }
    for (const host of [`localhost:${port}`, `LOCALHOST:${port}`, `[::1]:${port}`, '127.0.0.1']) {
      expect(await ask(server, '/jobs', { host }), host).toMatchObject({ status: 200 })
    }
    expect(await ask(server, '/metrics', { origin: 'http://evil.example' })).toMatchObject({ status: 403 })
    expect(await ask(server, '/metrics', { origin: server.url })).toMatchObject({ status: 200 })
  })

  it('wants a token where it has one, and must have one where others can reach it', async () => {
    const server = await serve({ token: 'secret' })
    expect(await ask(server, '/metrics')).toMatchObject({ status: 401 })
    expect(await ask(server, '/metrics', { authorization: 'Bearer secre' })).toMatchObject({ status: 401 })
    expect(await ask(server, '/metrics', { authorization: 'Bearer secret' })).toMatchObject({ status: 200 })
    for (const token of [undefined, '']) {
      await expect(serveMetrics({ jobs: () => [], host: '0.0.0.0', port: 0, token })).rejects.toMatchObject({
        code: 'TOKEN_REQUIRED',
      })
    }
    const open = await serve({ host: '0.0.0.0', token: 'secret' })
    const { port } = new URL(open.url)
    const asked = { ...open, url: `http://127.0.0.1:${port}` }
    expect(await ask(asked, '/health', { authorization: 'Bearer secret', host: 'box.example' })).toMatchObject({
      status: 200,
    })
  })

  it('says why it cannot listen', async () => {
    const { port } = new URL((await serve()).url)
    await expect(serveMetrics({ jobs: () => [], port: Number(port) })).rejects.toMatchObject({
      code: 'ADDRESS_UNAVAILABLE',
      message: expect.stringContaining('something else listens there'),
    })
    await expect(serveMetrics({ jobs: () => [], port: 70_000 })).rejects.toMatchObject({ code: 'INVALID_OPTION' })
  })

  it('answers in spite of a job that cannot be described', async () => {
    const broken: WatchedJob = {
      ...handleOf(),
      metrics: () => {
        throw new SabotError('JOB_FAILED', 'no metrics now')
      },
    }
    const server = await serve({ jobs: () => served(broken) })
    expect(await ask(server, '/jobs')).toMatchObject({ status: 500, body: '{"error":"no metrics now"}\n' })
  })

  it('serves a job while it runs, and goes with it', async () => {
    let url = ''
    let seen: Answer | undefined
    const watched = job('watched', j => {
      const rows = async function* () {
        yield { n: 1 }
        seen = await ask({ url, close: async () => {} }, '/jobs/watched')
        yield { n: 2 }
      }
      j.from(iterable(rows)).to(collect())
    })
    const onListening = (at: string): void => {
      url = at
    }
    const { status } = await run(watched, { http: { port: 0, onListening } })
    expect(status).toBe('finished')
    expect(JSON.parse(seen?.body ?? '')).toMatchObject({ name: 'watched', status: 'running' })
    await expect(ask({ url, close: async () => {} }, '/jobs')).rejects.toThrow(/ECONNREFUSED|socket hang up/)
  })
})
