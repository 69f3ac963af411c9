/* Jobs side by side in one process, and what can be asked of them over HTTP and by the command line. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Command } from 'commander'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { count, type Job, type JobEvent, job, memory, ndjson, tumbling } from '../../src/index.js'
import { controlCommands } from '../../src/node/cli/control.js'
import { bareResume } from '../../src/node/cli/run.js'
import { type JobHost, openJobHost, run } from '../../src/node/index.js'
import { observed } from '../runtime/streams.js'

let directory = ''
let host: JobHost
let printed = ''
/** Lets the sources end; before that they wait for it near their end. */
let release: () => void = () => undefined
let released: Promise<void>

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'sabot-host-'))
  host = await openJobHost({ http: { port: 0 } })
  released = new Promise(resolve => {
    release = resolve
  })
  printed = ''
  vi.spyOn(process.stdout, 'write').mockImplementation(text => {
    printed += String(text)
    return true
  })
})
afterEach(async () => {
  vi.restoreAllMocks()
  release()
  await host.close()
  rmSync(directory, { recursive: true, force: true })
})

const rows = Array.from({ length: 200 }, (_, n) => ({ key: `k${n % 5}`, at: n * 10 }))

function counting(name: string, hold = true): Job {
  return job(name, j => {
    j.from(observed(memory(rows), read => (hold && read === 5 ? released : undefined)))
      .withTimestamps('at', { outOfOrderness: 0 })
      .keyBy('key')
      .window(tumbling(500))
      .aggregate({ n: count() })
      .to(ndjson(join(directory, `${name}.ndjson`)))
  })
}

const linesOf = (name: string): string[] =>
  readFileSync(join(directory, `${name}.ndjson`), 'utf8')
    .split('\n')
    .slice(0, -1)
    .sort()

const settings = (name: string, events: JobEvent[] = []) => ({
  checkpointDirectory: join(directory, name),
  checkpointInterval: 0,
  batchRows: 20,
  onEvent: (event: JobEvent) => events.push(event),
})

async function untilRunning(name: string): Promise<void> {
  while (host.jobs.find(handle => handle.name === name)?.status !== 'running') {
    await new Promise(resolve => setTimeout(resolve, 1))
  }
}

async function post(path: string, body?: object | string, headers: Record<string, string> = {}) {
  const response = await fetch(new URL(path, host.url), {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

async function command(...args: string[]): Promise<void> {
  const [name, ...rest] = args
  const found = controlCommands(() => undefined).find(each => each.name() === name) as Command
  await found.exitOverride().parseAsync([...rest, host.url ?? ''], { from: 'user' })
}

describe('jobs in one process', () => {
  it('run side by side, each under its own name', async () => {
    const [one, two] = [counting('one'), counting('two')]
    const handles = [await host.submit(one, settings('one')), await host.submit(two, settings('two'))]
    await expect(host.submit(one)).rejects.toMatchObject({ code: 'JOB_RUNNING_ELSEWHERE' })
    expect(host.jobs.map(({ name }) => name)).toEqual(['one', 'two'])
    const seen = (await (await fetch(new URL('/jobs', host.url))).json()) as { name: string }[]
    expect(seen.map(({ name }) => name)).toEqual(['one', 'two'])
    release()
    for (const handle of handles) expect(await handle.ended).toMatchObject({ status: 'finished', error: undefined })
    expect(linesOf('one')).toEqual(linesOf('two'))
    expect(linesOf('one')).toHaveLength(20)
    // What has ended gives way.
    expect((await (await host.submit(one, settings('one'))).ended).status).toBe('finished')
  })

  it('are controlled over HTTP: checkpoint, savepoint, rescale, stop', async () => {
    const events: JobEvent[] = []
    const handle = await host.submit(counting('one'), settings('one', events))
    await untilRunning('one')
    expect(await post('/jobs/one/checkpoint')).toEqual({ status: 200, body: { checkpointId: 1 } })
    expect(await post('/jobs/one/savepoint', {})).toEqual({ status: 200, body: { checkpointId: 2 } })
    const rescaled = post('/jobs/one/rescale', { parallelism: 3 })
    // What reads is closed when its read has come back.
    while (handle.metrics().checkpoints.completed < 3) await new Promise(resolve => setTimeout(resolve, 1))
    release()
    expect(await rescaled).toEqual({ status: 200, body: { parallelism: 3 } })
    await handle.ended
    expect(events.map(({ kind }) => kind)).toContain('rescaled')
    expect(linesOf('one')).toHaveLength(20)
  })

  it('refuse what makes no sense, and pages of other origins', async () => {
    await host.submit(counting('one'), settings('one'))
    await untilRunning('one')
    const code = 'INVALID_OPTION'
    expect(await post('/jobs/one/rescale', { parallelism: 'many' })).toMatchObject({ status: 400, body: { code } })
    expect(await post('/jobs/one/rescale', { parallelism: 0 })).toMatchObject({ status: 400 })
    expect(await post('/jobs/one/stop', { drain: 1 })).toMatchObject({ status: 400, body: { code } })
    expect(await post('/jobs/one/stop', '{')).toMatchObject({ status: 400, body: { code } })
    expect(await post('/jobs/one/stop', `{"drain": ${' '.repeat(5_000)}true}`)).toMatchObject({ status: 400 })
    expect(await post('/jobs/one/stop', {}, { 'content-type': 'text/plain' })).toMatchObject({ status: 400 })
    expect(await post('/jobs/one/stop', {}, { origin: 'http://elsewhere.example' })).toMatchObject({ status: 403 })
    expect(await post('/jobs/one/explode', {})).toMatchObject({ status: 405 })
    expect(await post('/jobs/two/stop', {})).toMatchObject({ status: 405 })
    expect((await fetch(new URL('/jobs/one/stop', host.url))).status).toBe(405)
    expect(host.jobs[0]?.status).toBe('running')
  })

  it('are controlled by commands', async () => {
    const handle = await host.submit(counting('one'), settings('one'))
    await untilRunning('one')
    await command('savepoint')
    expect(printed).toContain('savepoint 1 of one is complete')
    await command('stop', '--drain')
    release()
    expect(await handle.ended).toMatchObject({ status: 'finished' })
    expect(handle.metrics().rowsIn).toBeLessThan(rows.length)
    await expect(command('rescale', '2')).rejects.toMatchObject({ code: 'CHECKPOINT_FAILED' })
    await expect(command('stop', '--job', 'none')).rejects.toMatchObject({ code: 'UNKNOWN_JOB' })
  })
})

describe('resuming on this machine', () => {
  it('takes a number, a folder or a directory, and says what is not there', async () => {
    const options = settings('own')
    const stop = new AbortController()
    const cut = job('counting', j => {
      const source = observed(memory(rows), read => {
        if (read === 3) stop.abort()
      })
      j.from(source).to(ndjson(join(directory, 'counting.ndjson')))
    })
    const whole = job('counting', j => j.from(memory(rows)).to(ndjson(join(directory, 'counting.ndjson'))))
    expect(await run(cut, { ...options, signal: stop.signal })).toMatchObject({ status: 'stopped', lastCheckpoint: 1 })
    const own = join(directory, 'own')
    for (const checkpoint of [1, '1', join(own, 'chk-00000001'), own]) {
      const resumed = await run(whole, { ...options, checkpointDirectory: own, resume: { checkpoint } })
      expect(resumed, String(checkpoint)).toMatchObject({ status: 'finished', resumedFrom: 1 })
      expect(linesOf('counting')).toHaveLength(rows.length)
    }
    const missing = run(whole, { ...options, resume: { checkpoint: join(directory, 'nowhere') } })
    await expect(missing).rejects.toMatchObject({ code: 'CHECKPOINT_MISSING' })
    const unknown = await run(whole, { ...options, resume: { checkpoint: 77 } })
    expect(unknown).toMatchObject({ status: 'failed', error: { code: 'CHECKPOINT_MISSING' } })
  })

  it('does not take the file of the job for a checkpoint', () => {
    expect(bareResume(['run', '--resume', 'job.ts', '--json'])).toEqual(['run', 'job.ts', '--resume', '--json'])
    expect(bareResume(['run', '--resume', 'jobs.mjs:hourly'])).toEqual(['run', 'jobs.mjs:hourly', '--resume'])
    for (const args of [
      ['run', 'job.ts', '--resume', '12'],
      ['run', 'job.ts', '--resume'],
      ['run', 'job.ts'],
    ]) {
      expect(bareResume(args)).toEqual(args)
    }
  })
})
