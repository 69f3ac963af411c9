/* Small jobs that are killed: as the text of modules, since each life of a job is a process of its own. */
import { pathToFileURL } from 'node:url'
import { compiled } from './package-under-test.js'

export const ROWS = 4_800

/** What each job is a case of, and its part of the kills; 1 in all. */
export const KILLED_JOBS = {
  /** Keyed windows, with late rows, into rolling files. */
  windows: { share: 0.3, parallelism: 1 },
  /** State and timers of a function, into one file. */
  functions: { share: 0.3, parallelism: 1 },
  /** A join of two inputs of two splits each, two subtasks side by side in one thread. */
  joins: { share: 0.3, parallelism: 2 },
  /** Sessions, in two worker threads. */
  threads: { share: 0.1, parallelism: 2 },
} as const

export type KilledJob = keyof typeof KILLED_JOBS

const url = (file: string): string => JSON.stringify(pathToFileURL(compiled(file)).href)

/**
 * The module that exports them, for worker threads and, where `isOwn`, for a process that knows no package named sabot.
 * Sources wait between small batches, so that a life has a duration that can be cut.
 */
export const jobsModule = (isOwn: boolean): string => `
import {
  count, fileSink, generator, job, left, max, ndjson, right, schema, session, sum, tumbling, valueState,
} from ${isOwn ? url('src/index.js') : "'sabot'"}

const shape = schema({ n: 'i32', at: 'timestamp', group: 'utf8', user: 'utf8', amount: 'i32' })
const row = n => {
  const user = (n * 31) % 97
  return { n, at: n * 10 - ((n * 7919) % 47) * 20, group: 'g' + (user % 4), user: 'u' + user, amount: (n * 17) % 1000 }
}

/** Of each split. */
const READS = 100

/** Rows of a generator, few at a time. */
function paced(count, makeRow = row, parts = 1) {
  const slow = (rows, make) => {
    const whole = generator(make, { count: rows, schema: shape })
    return {
      kind: 'paced',
      description: whole.description,
      schema: shape,
      replayable: true,
      async open(context) {
        const reader = await whole.open({ ...context, batchRows: Math.ceil(rows / READS) })
        return {
          rowCount: rows,
          async read() {
            await new Promise(resolve => context.clock.schedule(3, resolve))
            return reader.read()
          },
          close: () => reader.close(),
        }
      },
    }
  }
  if (parts === 1) return slow(count, makeRow)
  const split = part => ({ id: 'part-' + part, source: slow(count / parts, n => makeRow(n * parts + part)) })
  return { ...slow(count, makeRow), splits: async () => Array.from({ length: parts }, (_, part) => split(part)) }
}

/** Files that end by rows, and with the input. */
const rolling = directory => fileSink(directory, { format: 'ndjson', partitionBy: 'group', roll: { rows: 40 } })

export const windows = job('windows', j => {
  const totals = j
    .from(paced(${ROWS}))
    .withTimestamps('at', { outOfOrderness: '800ms' })
    .keyBy('group', 'user')
    .window(tumbling('5s'))
    .aggregate({ n: count(), total: sum('amount'), most: max('n') })
  totals.to(rolling('totals'))
  totals.late.to(ndjson('late.ndjson'))
})

export const functions = job('functions', j => {
  j.from(paced(${ROWS}))
    .withTimestamps('at', { outOfOrderness: '1s' })
    .keyBy('user')
    .process(
      {
        state: { seen: valueState(), total: valueState() },
        onRecord: (row, { state, timers, timestamp }) => {
          state.seen.set((state.seen.get() ?? 0) + 1)
          state.total.set((state.total.get() ?? 0) + row.amount)
          timers.registerEventTime(Math.ceil((timestamp + 1) / 2000) * 2000)
        },
        onTimer: ({ time }, { key, state, emit }) => {
          emit({ user: key, until: time, n: state.seen.get() ?? 0, total: state.total.get() ?? 0 })
          state.seen.clear()
        },
      },
      { user: 'utf8', until: 'timestamp', n: 'f64', total: 'f64' },
    )
    .to(ndjson('processed.ndjson'))
})

export const joins = job('joins', j => {
  const side = factor => j
    .from(paced(${ROWS / 3}, n => row(n * 3 + factor), 2), { idleness: 0 })
    .withTimestamps('at', { outOfOrderness: '1s' })
    .keyBy('user')
  side(0)
    .intervalJoin(side(1), { from: '-500ms', to: '1s', type: 'left' })
    .select({ group: left('group'), user: left('user'), n: left('n'), other: right('n') })
    .to(rolling('pairs'))
})

export const threads = job('threads', j => {
  j.from(paced(${ROWS}, row, 2))
    .withTimestamps('at', { outOfOrderness: '1s' })
    .keyBy('group', 'user')
    .window(session('950ms'))
    .aggregate({ n: count(), total: sum('amount') })
    .to(rolling('sessions'))
})
`

/** The script of one life: job, folder, parallelism, and whether it takes checkpoints and resumes. */
export const lifeScript = (): string => `
import { start } from ${url('src/node/index.js')}
import * as jobs from './jobs.own.mjs'

const [name, folder, parallelism, isKilled] = process.argv.slice(2)
const handle = await start(jobs[name], {
  baseDirectory: folder,
  parallelism: Number(parallelism),
  ...(isKilled === 'killed' && {
    checkpointDirectory: folder + '/checkpoints',
    checkpointInterval: '8ms',
    resume: true,
    ...(name === 'threads' && { workers: { module: new URL('./jobs.mjs', import.meta.url), exportName: name } }),
  }),
  onEvent: event => {
    if (event.kind === 'resumed') process.stderr.write('began ' + (event.checkpointId ?? 'anew') + '\\n')
    if (event.kind === 'checkpoint-failed') process.stderr.write(event.error.message + '\\n')
  },
})
const { status, error } = await handle.ended
if (error !== undefined) process.stderr.write(String(error.stack) + '\\n')
process.exit(status === 'finished' ? 0 : 1)
`
