import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { csv, json } from '../../src/connectors/index.js'
import type { Json } from '../../src/core/json.js'
import type { SourceReader } from '../../src/operators/source.js'
import { ManualClock } from '../../src/testing/manual-clock.js'
import { MemoryFiles } from '../../src/testing/memory-files.js'
import { nextTurn } from '../platform/next-turn.js'
import { filesOf, utf8 } from './file-contents.js'
import { contextOf, throughJSON } from './reading.js'

const PATH = 'logs/app.log'
const source = json(PATH, { n: 'i32' }, { follow: true, invalid: 'skip' })

/** A log and a job that follows it: the job may stop and resume at any time. */
class World {
  readonly files = new MemoryFiles()
  private readonly clock = new ManualClock()
  private reader: SourceReader | undefined
  private pending: Promise<void> | undefined
  private next = 0
  private rotations = 0
  position: Json | undefined
  /** What a checkpoint with the last position has. */
  readonly seen: number[] = []

  get stopped(): Promise<void> {
    return this.pending ?? Promise.resolve()
  }

  get written(): number[] {
    return Array.from({ length: this.next }, (_, n) => n)
  }

  async append(count: number, path = PATH): Promise<void> {
    const file = await this.files.openAppend(path)
    for (let row = 0; row < count; row++) await file.append(utf8(`{"n":${this.next++}}\n`))
    await file.close()
  }

  async rename(): Promise<void> {
    await this.files.directories.rename(PATH, `${PATH}.${++this.rotations}`)
  }

  async copyAndTruncate(): Promise<void> {
    const copy = await this.files.openAppend(`${PATH}.${++this.rotations}`)
    await copy.append(this.files.get(PATH) ?? new Uint8Array())
    await copy.close()
    const file = await this.files.openAppend(PATH)
    await file.truncate(0)
    await file.close()
  }

  async run(): Promise<void> {
    const { files, clock, position } = this
    const reader = await source.open(contextOf({ files, clock, position, batchRows: 3 }))
    this.reader = reader
    this.pending = (async () => {
      for (let next = await reader.read(); next !== undefined; next = await reader.read()) {
        this.position = throughJSON(next.position)
        for (const row of next.batch.toRows()) this.seen.push((row as { n: number }).n)
      }
    })()
  }

  /** Lets time pass until nothing moves any more. */
  async settle(): Promise<void> {
    // A life that was left takes some polls; those that end it come behind its last row.
    for (let poll = 0, quiet = 0; poll < 100 && quiet < 6; poll++) {
      quiet = this.seen.length < this.next ? 0 : quiet + 1
      for (let turn = 0; turn < 60; turn++) await Promise.resolve()
      this.clock.advance(250)
      await nextTurn()
    }
  }

  async stop(): Promise<void> {
    await this.reader?.close()
    await this.pending
    this.reader = undefined
  }
}

describe('following a file', () => {
  it('gives what is appended, over both kinds of rotation, each row once and in order', async () => {
    const world = new World()
    await world.append(2)
    await world.run()
    await world.settle()
    expect(world.seen).toEqual([0, 1])
    await world.append(4)
    await world.settle()
    expect(world.seen).toEqual(world.written)
    await world.rename()
    // Its writer has the old file open for a moment longer.
    await world.append(1, `${PATH}.1`)
    await world.append(2)
    await world.settle()
    expect(world.seen).toEqual(world.written)
    await world.copyAndTruncate()
    await world.settle()
    await world.append(1)
    await world.settle()
    expect(world.seen).toEqual(world.written)
    await world.stop()
  })

  it('waits for the rest of a line, and gives a last line without an end when the file is rotated', async () => {
    const world = new World()
    const { files } = world
    files.put(PATH, utf8('{"n":1}\n{"n":'))
    await world.run()
    await world.settle()
    expect(world.seen).toEqual([1])
    const file = await files.openAppend(PATH)
    await file.append(utf8('2}'))
    await file.close()
    await world.settle()
    expect(world.seen).toEqual([1])
    await world.rename()
    await world.settle()
    expect(world.seen).toEqual([1, 2])
    await world.stop()
  })

  it('is exactly-once: whatever happens to the file, whenever the job stops and resumes', async () => {
    const step = fc.constantFrom('append', 'append', 'rename', 'truncate', 'stop', 'settle', 'both')
    let resumed = 0
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 14 }), async steps => {
        const world = new World()
        await world.append(1)
        await world.run()
        await world.settle()
        for (const next of steps) {
          if (next === 'append') await world.append(3)
          else if (next === 'settle') await world.settle()
          else if (next === 'stop') {
            await world.stop()
            await world.append(2)
            await world.rename()
            await world.append(2)
            await world.rename()
            await world.append(1)
            await world.run()
            resumed += 1
          } else if (next === 'rename') {
            await world.rename()
            await world.append(1)
            await world.settle()
          } else {
            // What is cut away unread is lost: whoever truncates has the job read it first.
            await world.settle()
            await world.copyAndTruncate()
            if (next === 'both') await world.stop()
            await world.append(2)
            if (next === 'both') await world.run()
            await world.settle()
          }
        }
        await world.settle()
        await world.stop()
        expect(world.seen).toEqual(world.written)
      }),
      { numRuns: 40 },
    )
    expect(resumed).toBeGreaterThan(10)
  })

  it('refuses by name to go on when the file that it was in is gone', async () => {
    const world = new World()
    await world.append(3)
    await world.run()
    await world.settle()
    await world.stop()
    await world.files.directories.remove(PATH)
    await world.append(9)
    const open = source.open(contextOf({ files: world.files, position: world.position }))
    await expect(open).rejects.toMatchObject({ code: 'SOURCE_CHANGED', message: expect.stringContaining(PATH) })
  })

  it('refuses compressed files that came meanwhile, and inputs that are not one file', async () => {
    const world = new World()
    await world.append(3)
    await world.run()
    await world.settle()
    await world.stop()
    await world.rename()
    world.files.put(`${PATH}.2.gz`, utf8('x'))
    await world.append(1)
    await world.run()
    const failure = expect(world.stopped).rejects.toThrow(/2\.gz.*unpack/)
    await world.settle()
    await failure
    for (const input of ['-', 'logs/*', ['a', 'b'], 'https://example.org/a']) {
      expect(() => json(input, { n: 'i32' }, { follow: true }), String(input)).toThrow(/one file/)
    }
    expect(() => csv('a.gz', { n: 'i32' }, { follow: true, compression: 'gzip' })).toThrow(TypeError)
    expect(() => json('a', { n: 'i32' }, { follow: true, pollMs: 0 })).toThrow(TypeError)
    const missing = json('none', { n: 'i32' }, { follow: true }).open(contextOf({ files: filesOf({}) }))
    await expect(missing).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' })
  })

  it('infers a schema from the rows that there are first', async () => {
    const files = filesOf({ 'a.csv': '' })
    const clock = new ManualClock()
    const reader = await csv('a.csv', undefined, { follow: true }).open(contextOf({ files, clock }))
    const read = reader.read()
    const turns = async () => {
      for (let round = 0; round < 5; round++) {
        clock.advance(250)
        await nextTurn()
      }
    }
    await turns()
    const file = await files.openAppend('a.csv')
    await file.append(utf8('n,name\n1,a\n'))
    await turns()
    expect((await read)?.batch.schema.describe()).toBe('n: i32?, name: utf8?')
    await reader.close()
  })
})
