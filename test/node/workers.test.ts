import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type * as Sabot from '../../src/index.js'
import type * as SabotNode from '../../src/node/index.js'
import { compiled, compilePackage } from './package-under-test.js'

let directory = ''
let node: typeof SabotNode
let sabot: typeof Sabot

beforeAll(async () => {
  await compilePackage()
  directory = mkdtempSync(join(tmpdir(), 'sabot-workers-'))
  node = (await import(pathToFileURL(compiled('src/node/index.js')).href)) as typeof SabotNode
  sabot = (await import(pathToFileURL(compiled('src/index.js')).href)) as typeof Sabot
}, 180_000)
afterAll(() => rmSync(directory, { recursive: true, force: true }))

/** Every type that crosses between workers; what happens to chosen rows follows from the parameters. */
const JOB = `
import { workerData } from 'node:worker_threads'
import { existsSync, writeFileSync } from 'node:fs'
import { count, generator, job, max, ndjson, schema, stdout, sum, tumbling } from 'sabot'

const shape = schema({ user: 'utf8', at: 'timestamp', amount: 'i32', country: 'utf8', tags: { kind: 'list', element: 'utf8' } })
const rows = Number(process.env.ROWS ?? 6000)

export default job('orders', j => {
  const fault = j.parameter('fault', 'none')
  const marker = j.parameter('marker', '')
  if (fault === 'other graph' && workerData?.specifier !== undefined) j.parameter('another', 'graph')
  if (fault === 'hang while opening' && workerData?.specifier !== undefined && !existsSync(marker)) {
    writeFileSync(marker, '')
    for (;;);
  }
  const act = row => {
    if (fault === 'slow') { const until = Date.now() + 1; while (Date.now() < until); }
    if (row.amount !== 777 || fault === 'none' || existsSync(marker)) return true
    if (marker !== '') writeFileSync(marker, '')
    if (fault === 'exit') process.exit(3)
    if (fault === 'hang') for (;;);
    if (fault === 'reject') Promise.reject(new Error('nobody caught this'))
    if (fault === 'throw') throw new Error('thrown in a function')
    if (fault === 'memory') { const all = []; for (;;) all.push(new Array(1e6).fill(Math.random())) }
    return true
  }
  const orders = j.from(generator(n => ({
    user: 'u' + (n * 7919) % 503, at: n * 10 - (n * 31) % 900, amount: n % 1000, country: ['no', 'se', 'dk'][n % 3], tags: ['a', 'b' + n % 5],
  }), { count: rows, schema: shape })).withTimestamps('at', { outOfOrderness: '1s' })
  const totals = orders
    .keyBy('user', 'country')
    .window(tumbling('10s'))
    .aggregate({ n: count(), total: sum('amount'), most: max('amount') })
    .as('totals')
    .filter(row => act({ amount: row.total % 1000 === 0 ? 777 : row.most }))
  totals.to(ndjson('totals.ndjson'))
  if (j.parameter('print', 'no') === 'yes') totals.to(stdout())
})
`

interface Ran {
  readonly result: Sabot.JobResult
  readonly lines: string[]
  readonly events: Sabot.JobEvent[]
  readonly printed: string
}

let number = 0

interface RanOptions extends Partial<SabotNode.RunOptions> {
  onHandle?(handle: Sabot.JobHandle): Promise<void>
}

async function ran(parallelism: number, { onHandle, ...options }: RanOptions = {}): Promise<Ran> {
  const base = join(directory, `run-${number++}`)
  const module = join(directory, 'orders.mjs')
  writeFileSync(module, JOB)
  const { mkdirSync } = await import('node:fs')
  mkdirSync(base)
  const events: Sabot.JobEvent[] = []
  let printed = ''
  const { default: job } = (await import(`${pathToFileURL(await withSabot(module)).href}?${number}`)) as {
    default: Sabot.Job
  }
  const handle = await node.start(job, {
    baseDirectory: base,
    parallelism,
    onEvent: event => events.push(event),
    standardOutput: {
      async write(bytes) {
        printed += new TextDecoder().decode(bytes)
      },
    },
    ...(parallelism > 1 && { workers: { module } }),
    ...options,
  })
  await onHandle?.(handle)
  const result = await handle.ended
  let lines: string[] = []
  try {
    lines = readFileSync(join(base, 'totals.ndjson'), 'utf8').split('\n').slice(0, -1)
  } catch {
    // A job that did not open has written nothing.
  }
  return { result, lines, events, printed }
}

/** For this process, which knows no package named sabot, a copy that imports the compiled files. */
async function withSabot(module: string): Promise<string> {
  const own = module.replace('.mjs', '.own.mjs')
  writeFileSync(
    own,
    readFileSync(module, 'utf8').replace("'sabot'", JSON.stringify(pathToFileURL(compiled('src/index.js')).href)),
  )
  return own
}

describe('workers', () => {
  it('write what one thread writes, at any parallelism', async () => {
    const one = await ran(1)
    expect(one.result).toMatchObject({ status: 'finished', error: undefined })
    expect(one.lines.length).toBeGreaterThan(1_000)
    for (const [parallelism, workers] of [
      [2, {}],
      [5, { count: 2 }],
    ] as const) {
      const module = join(directory, 'orders.mjs')
      const many = await ran(parallelism, { workers: { module, ...workers }, batchRows: 512 })
      expect(many.result.error).toBeUndefined()
      expect(many.lines.sort()).toEqual(one.lines.sort())
      expect(many.result.metrics).toMatchObject({ rowsIn: 6_000, rowsOut: one.lines.length })
    }
  }, 60_000)

  it('count what the same subtasks count in one thread, and say so while they run', async () => {
    const module = join(directory, 'orders.mjs')
    const inOne = await ran(2, { workers: { module, fromParallelism: 3 } })
    let live: Sabot.JobMetrics | undefined
    const inTwo = await ran(2, {
      workers: { module },
      parameters: { fault: 'slow' },
      onHandle: async handle => {
        const of = (metrics: Sabot.JobMetrics): number =>
          metrics.operators.find(({ id }) => id === 'totals')?.rowsIn ?? 0
        while (of(handle.metrics()) === 0) await new Promise(resolve => setTimeout(resolve, 5))
        live = handle.metrics()
      },
    })
    const figures = ({ result }: Ran) =>
      result.metrics.operators.map(({ id, kind, rowsIn, rowsOut, watermark, inputs, dropped, gauges }) => {
        return {
          id,
          kind,
          rowsIn,
          rowsOut,
          watermark,
          inputs: inputs.map(({ name, status }) => [name, status]),
          dropped,
          gauges,
        }
      })
    expect(figures(inTwo)).toEqual(figures(inOne))
    for (const { id, kind, bytesIn, bytesOut, busyMs, idleMs } of inTwo.result.metrics.operators) {
      expect(busyMs + idleMs, id).toBeGreaterThan(0)
      expect(kind === 'source' ? bytesOut : bytesIn, id).toBeGreaterThan(0)
    }
    expect(live?.rowsIn).toBeGreaterThan(0)
    expect(live?.rowsIn).toBeLessThanOrEqual(6_000)
  }, 60_000)

  it('print through the one standard output, and take checkpoints', async () => {
    const checkpointDirectory = join(directory, 'checkpoints')
    const { result, printed, lines } = await ran(3, {
      parameters: { print: 'yes' },
      checkpointDirectory,
      checkpointInterval: 1,
    })
    expect(result).toMatchObject({ status: 'finished', error: undefined })
    expect(result.metrics.checkpoints).toMatchObject({ failed: 0 })
    expect(result.metrics.checkpoints.completed).toBeGreaterThan(0)
    expect(printed.split('\n').slice(0, -1).sort()).toEqual(lines.sort())
  }, 60_000)

  it.each([
    ['exit', 'WORKER_FAILED', /exit code 3/],
    ['reject', 'WORKER_FAILED', /nobody caught this/],
    ['hang', 'WORKER_HANGS', /does not return/],
    ['throw', 'USER_FUNCTION_FAILED', /thrown in a function/],
    ['memory', 'WORKER_FAILED', /memory limit/],
    ['hang while opening', 'WORKER_HANGS', /has not opened/],
  ])(
    'recover from a worker that ends by %s, with one event',
    async (fault, code, message) => {
      const one = await ran(1)
      const marker = join(directory, `${fault}.marker`)
      const { result, lines, events } = await ran(2, {
        parameters: { fault, marker },
        restart: sabot.fixedDelay(2, 10),
        workers: {
          module: join(directory, 'orders.mjs'),
          hangTimeout: fault === 'hang' ? '1s' : '30s',
          openTimeout: '20s',
          heapLimitMb: 200,
        },
        checkpointDirectory: join(directory, `checkpoints-${fault}`),
        checkpointInterval: 5,
      })
      expect(result).toMatchObject({ status: 'finished', error: undefined, restarts: 1 })
      const told = events.filter(event => event.kind === 'restarting')
      expect(told).toEqual([
        expect.objectContaining({ error: expect.objectContaining({ code, message: expect.stringMatching(message) }) }),
      ])
      expect(lines.sort()).toEqual(one.lines.sort())
    },
    60_000,
  )

  it('are started and ended as a running job is rescaled, with the output of one thread', async () => {
    const one = await ran(1)
    const module = join(directory, 'orders.mjs')
    let acts: Promise<unknown> | undefined
    const { result, lines, events } = await ran(1, {
      workers: { module, fromParallelism: 2 },
      checkpointDirectory: join(directory, 'checkpoints-rescaled'),
      checkpointInterval: 0,
      batchRows: 64,
      onHandle: async handle => {
        while (handle.status === 'starting') await new Promise(resolve => setTimeout(resolve, 1))
        acts = handle.rescale(2).then(() => handle.rescale(3))
        await acts
      },
    })
    await acts
    expect(result).toMatchObject({ status: 'finished', error: undefined, metrics: { rowsIn: 6_000 } })
    const rescaled = events.flatMap(event => (event.kind === 'rescaled' ? [event.to] : []))
    expect(rescaled).toEqual([2, 3])
    expect(lines.sort()).toEqual(one.lines.sort())
  }, 60_000)

  it('fails where there is no restart, and says why', async () => {
    const { result } = await ran(2, { parameters: { fault: 'exit', marker: join(directory, 'never') } })
    expect(result).toMatchObject({ status: 'failed', error: { code: 'WORKER_FAILED' } })
  }, 60_000)

  it('refuses a job that its module does not export: functions cannot go to a worker', async () => {
    const module = join(directory, 'other.mjs')
    writeFileSync(
      module,
      "import { job, memory, stdout } from 'sabot'\nexport default job('other', j => j.from(memory([{ a: 1 }])).to(stdout()))\n",
    )
    const { result } = await ran(2, { workers: { module } })
    expect(result.error).toMatchObject({ code: 'GRAPH_MISMATCH', details: { job: 'orders', found: 'other' } })
    expect(result.error?.message).toMatch(/found job other, not orders.*Name that module, and the export/)
    const none = await ran(2, { workers: { module, exportName: 'orders' } })
    expect(none.result.error?.message).toMatch(/other\.mjs has no export orders\. Its jobs are default/)
  }, 60_000)

  it('refuses a parameter that is no text before anything starts', async () => {
    const parameters: object = { fault: () => 'a closure' }
    await expect(ran(2, { parameters: parameters as Record<string, string> })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringMatching(/^Parameter fault of job orders is a text, not .*module$/),
    })
  })

  it('refuses a module that builds another graph in a worker', async () => {
    const { result } = await ran(2, { parameters: { fault: 'other graph' } })
    expect(result).toMatchObject({ status: 'failed', error: { code: 'GRAPH_MISMATCH', details: { job: 'orders' } } })
  }, 60_000)
})
