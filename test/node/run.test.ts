import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { callback } from '../../src/connectors/callback.js'
import { iterable } from '../../src/connectors/iterable.js'
import { memory } from '../../src/connectors/memory.js'
import { ndjson } from '../../src/connectors/ndjson.js'
import { type Job, job } from '../../src/graph/job.js'
import { DirectoryCheckpointStorage } from '../../src/node/directory-storage.js'
import { defaultCheckpointDirectory, run, start } from '../../src/node/run.js'
import type { JobEvent } from '../../src/runtime/job-handle.js'

const copy: Job = job('copy', j => {
  j.from(memory([{ n: 1 }, { n: 2 }])).to(ndjson(j.parameter('output', 'out.ndjson')))
})

/** Rows as long as somebody reads. */
const endless = (name: string, seen: (n: number) => void): Job =>
  job(name, j => {
    const rows = async function* () {
      for (let n = 0; ; n++) {
        await new Promise(resolve => setImmediate(resolve))
        yield { n }
      }
    }
    j.from(iterable<{ n: number }>(rows)).to(callback(({ n }) => seen(n)))
  })

describe('run', () => {
  let directory = ''
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'sabot-run-'))
  })
  afterEach(() => rm(directory, { recursive: true }))

  it('runs a job to its end, with paths from a base directory', async () => {
    const result = await run(copy, { baseDirectory: directory, parameters: { output: 'deep/a.ndjson' } })
    expect(result).toMatchObject({ status: 'finished', error: undefined, resumedFrom: undefined })
    expect(await readFile(join(directory, 'deep/a.ndjson'), 'utf8')).toBe('{"n":1}\n{"n":2}\n')
  })

  it('refuses parameters that the job does not have', async () => {
    await expect(run(copy, { parameters: { ouput: 'x' } })).rejects.toMatchObject({ code: 'UNKNOWN_PARAMETER' })
  })

  it('gives the failure of a job as its result', async () => {
    await writeFile(join(directory, 'file'), '')
    const result = await run(copy, { baseDirectory: directory, parameters: { output: 'file/below' } })
    expect(result).toMatchObject({ status: 'failed', error: { code: 'FILE_UNWRITABLE' } })
  })

  it('stops when it is told to, and goes on from there', async () => {
    const checkpointDirectory = join(directory, 'checkpoints')
    const seen: number[] = []
    const stop = new AbortController()
    const job = endless('endless', n => {
      seen.push(n)
      if (n === 500) stop.abort()
    })
    const first = await run(job, { checkpointDirectory, checkpointInterval: 0, signal: stop.signal })
    expect(first).toMatchObject({ status: 'stopped', lastCheckpoint: expect.any(Number) })

    const events: JobEvent[] = []
    const again = new AbortController()
    const until = seen.length + 100
    const resumed = endless('endless', n => {
      seen.push(n)
      if (seen.length === until) again.abort()
    })
    const handle = await start(resumed, {
      checkpointDirectory,
      resume: true,
      signal: again.signal,
      onEvent: event => events.push(event),
    })
    expect(handle.name).toBe('endless')
    const second = await handle.ended
    expect(second).toMatchObject({ status: 'stopped', resumedFrom: first.lastCheckpoint })
    expect(events[0]).toMatchObject({ kind: 'resumed', checkpointId: first.lastCheckpoint })
    expect(seen).toEqual(seen.map((_, n) => n))
  })

  it('stops at once when it was told so before', async () => {
    const seen: number[] = []
    const result = await run(
      endless('endless', n => seen.push(n)),
      { signal: AbortSignal.abort() },
    )
    expect(result.status).toBe('stopped')
  })

  it('removes what an earlier run left when it begins anew, and nothing of another job', async () => {
    const checkpointDirectory = join(directory, 'checkpoints')
    const stop = new AbortController()
    await run(
      endless('endless', n => n === 10 && stop.abort()),
      { checkpointDirectory, signal: stop.signal },
    )
    const storage = new DirectoryCheckpointStorage(checkpointDirectory)
    const before = await storage.list()
    expect(before.length).toBeGreaterThan(0)

    const foreign = run(copy, { checkpointDirectory, baseDirectory: directory })
    await expect(foreign).rejects.toMatchObject({ code: 'CHECKPOINT_OF_OTHER_JOB' })
    expect(await storage.list()).toEqual(before)
    expect(await readdir(directory)).toEqual(['checkpoints'])

    const options = { checkpointDirectory, checkpointInterval: 0, signal: AbortSignal.timeout(1) } as const
    const anew = await run(
      endless('endless', () => {}),
      options,
    )
    expect(anew.resumedFrom).toBeUndefined()
    expect(await storage.list()).toEqual([1])
  })

  it('keeps checkpoints of a job in a directory of its name', () => {
    expect(defaultCheckpointDirectory('flights')).toBe('.sabot/flights')
  })
})
