/*
 * Following a file that is appended to (tail -F), over rotation of both kinds:
 *
 *   rename     app.log becomes app.log.1, and a new app.log begins: what is left in the old file is read first
 *   truncate   app.log is copied to app.log.1 and cut to nothing: it is read from its beginning again
 *
 * Each life of the file under its name is a split. A position tells which life it is in: by the file's identity (its
 * inode), and by a hash of its first bytes, since a file that was cut keeps its identity, and a copy has another. A job
 * that resumes finds that life again, under the name or beside it (app.log*), reads it to its end and then those that
 * came after it, in the order in which they were written last.
 */
import { SabotError } from '../core/errors.js'
import type { Files, ReadableFile } from '../core/files.js'
import { type Json, memberOf, numberMember } from '../core/json.js'
import type { SourceClock } from '../operators/source.js'
import type { ByteReader } from './decompress.js'
import { CHUNK_BYTES, compressionOf } from './file-bytes.js'
import type { InputFile } from './file-input.js'
import { byCodeUnits } from './glob.js'

/** The first bytes of a file that tell it from others. */
const HEAD_BYTES = 1024
/** What a reader gives when it has reached the present end. */
const NOTHING_YET = new Uint8Array()

interface Mark {
  readonly identity: string | null
  /** Bytes that the file had at least. */
  readonly bytes: number
  readonly headBytes: number
  readonly headHash: string
}

export class Follower {
  readonly count = undefined
  private readonly files: Files
  private readonly path: string
  private readonly waiter: Waiter
  private readonly from: Json | undefined
  private current: Life | undefined

  constructor(files: Files, path: string, clock: SourceClock, pollMs: number, from: Json | undefined) {
    this.files = files
    this.path = path
    this.waiter = new Waiter(clock, pollMs)
    this.from = from
  }

  /** The next life of the file: waits for it where there is none under the name yet. Never the end. */
  async next(): Promise<InputFile | undefined> {
    const life = this.current === undefined ? await this.first() : await this.after(this.current)
    if (life === undefined) return undefined
    this.current = life
    const { path, file } = life
    return {
      name: path,
      slot: 0,
      opensAnew: true,
      isLive: true,
      open: async () => file,
      follow: offset => life.readFrom(offset),
    }
  }

  private async first(): Promise<Life> {
    const path = this.from === undefined ? this.path : await this.locate(this.from)
    return new Life(this.files, path, this.path, await this.files.openRead(path), this.waiter)
  }

  /**
   * 1. A file that was cut goes on from its beginning, under the name that it has now.
   * 2. A file that was renamed is followed by the one that was written next: there may be several since.
   * 3. The last of these has the name. It is opened first and looked for again beside, as it may be renamed meanwhile.
   */
  private async after(life: Life): Promise<Life | undefined> {
    while (!this.waiter.isClosed) {
      const newest = await openIfThere(this.files, this.path)
      if (newest !== undefined && newest.identity === life.file.identity) return this.lifeOf(this.path, newest)
      const successor = await this.successorOf(life)
      if (successor !== undefined) {
        await newest?.close()
        const file = await openIfThere(this.files, successor)
        if (file !== undefined) return this.lifeOf(successor, file)
      } else if (newest !== undefined) return this.lifeOf(this.path, newest)
      else await this.waiter.wait()
    }
    return undefined
  }

  private lifeOf(path: string, file: ReadableFile): Life {
    return new Life(this.files, path, this.path, file, this.waiter)
  }

  private async successorOf(life: Life): Promise<string | undefined> {
    const beside = await this.rotated()
    for (const [index, path] of beside.entries()) {
      const file = await openIfThere(this.files, path)
      await file?.close()
      if (file?.identity !== life.file.identity) continue
      const successor = beside[life.wasCut ? index : index + 1]
      return successor === undefined ? undefined : this.readable(successor)
    }
    return undefined
  }

  describe(): { mark: Json } {
    return { mark: { ...(this.current?.mark ?? { identity: null, bytes: 0, headBytes: 0, headHash: '' }) } }
  }

  close(): void {
    this.waiter.close()
  }

  /** Where the marked life is now. @throws SabotError SOURCE_CHANGED */
  private async locate(json: Json): Promise<string> {
    const mark = markOf(json)
    const beside = await this.rotated()
    // A copy of a file that was cut has another identity: it counts where no file has the same one.
    for (const byIdentity of [true, false]) {
      for (const path of [this.path, ...beside]) {
        if (await this.isMarked(path, mark, byIdentity)) return this.readable(path)
      }
    }
    throw new SabotError(
      'SOURCE_CHANGED',
      `${this.path} was rotated or cut since the checkpoint, and no file ${this.path}* beside it is the one that was ` +
        'read: put it back uncompressed, or begin anew without resuming',
      { path: this.path },
    )
  }

  private readable(path: string): string {
    if (compressionOf(path) === 'none') return path
    throw new SabotError(
      'SOURCE_CHANGED',
      `${path} came since the checkpoint, but a file that is followed is not read compressed: unpack it in its place`,
      { path },
    )
  }

  /** The files beside, in the order in which they were written last; of one time, app.log.2 before app.log.1. */
  private async rotated(): Promise<string[]> {
    const slash = this.path.lastIndexOf('/')
    const [directory, name] = [this.path.slice(0, Math.max(0, slash)), this.path.slice(slash + 1)]
    const entries = (await this.files.directories?.list(slash === 0 ? '/' : directory)) ?? []
    return entries
      .filter(entry => entry.kind === 'file' && entry.name !== name && entry.name.startsWith(name))
      .sort((a, b) => a.modifiedMs - b.modifiedMs || byCodeUnits(b.name, a.name))
      .map(entry => this.path.slice(0, slash + 1) + entry.name)
  }

  private async isMarked(path: string, mark: Mark, byIdentity: boolean): Promise<boolean> {
    const file = await openIfThere(this.files, path)
    if (file === undefined) return false
    try {
      if (file.sizeBytes < mark.bytes) return false
      if (byIdentity && (file.identity ?? null) !== mark.identity) return false
      if (mark.headBytes === 0) return byIdentity
      const head = await file.read(0, mark.headBytes)
      return head.length === mark.headBytes && hashOf(head) === mark.headHash
    } finally {
      await file.close()
    }
  }
}

/** One life of a followed file. */
class Life {
  readonly path: string
  readonly file: ReadableFile
  /** Whether it ended because its bytes were taken away. */
  wasCut = false
  private readonly files: Files
  private readonly followedPath: string
  private readonly waiter: Waiter
  private head: Uint8Array = new Uint8Array()
  private readTo = 0
  /** 'waiting': the end was reported; 'quiet': the file has lost its name, and nothing came while it was waited for. */
  private state: 'same' | 'waiting' | 'renamed' | 'quiet' = 'same'

  constructor(files: Files, path: string, followedPath: string, file: ReadableFile, waiter: Waiter) {
    this.files = files
    this.path = path
    this.followedPath = followedPath
    this.file = file
    this.waiter = waiter
  }

  get mark(): Mark {
    const { head, readTo: bytes } = this
    return { identity: this.file.identity ?? null, bytes, headBytes: head.length, headHash: hashOf(head) }
  }

  readFrom(offset: number): ByteReader {
    this.readTo = offset
    this.state = this.path === this.followedPath ? 'same' : 'renamed'
    return { read: () => this.read(), close: () => this.file.close() }
  }

  private async read(): Promise<Uint8Array | undefined> {
    while (!this.waiter.isClosed) {
      if (await this.isCut()) return undefined
      const chunk = await this.file.read(this.readTo, CHUNK_BYTES)
      if (chunk.length > 0) {
        this.readTo += chunk.length
        if (this.state === 'quiet') this.state = 'renamed'
        else if (this.state === 'waiting') this.state = 'same'
        return chunk
      }
      if (this.state === 'quiet') return undefined
      if (this.state === 'same') {
        this.state = 'waiting'
        return NOTHING_YET
      }
      await this.waiter.wait()
      // Its writer may go on with the old file for a moment after it got another name.
      if (this.state === 'renamed') this.state = 'quiet'
      else if (await this.isRenamed()) this.state = 'renamed'
    }
    return undefined
  }

  private async isRenamed(): Promise<boolean> {
    const now = await openIfThere(this.files, this.followedPath)
    await now?.close()
    return now?.identity !== this.file.identity
  }

  /** Whether what was read of the file is not there any more, seen by its length and its beginning. */
  private async isCut(): Promise<boolean> {
    const last = this.readTo === 0 ? undefined : await this.file.read(this.readTo - 1, 1)
    const isWaiting = this.state !== 'same'
    this.wasCut = last?.length === 0 || ((isWaiting || this.head.length < HEAD_BYTES) && !(await this.growHead()))
    return this.wasCut
  }

  /** False: what was seen of the file's beginning is not there any more. */
  private async growHead(): Promise<boolean> {
    const head = await this.file.read(0, HEAD_BYTES)
    if (head.length < this.head.length || this.head.some((byte, at) => head[at] !== byte)) return false
    this.head = head
    return true
  }
}

async function openIfThere(files: Files, path: string): Promise<ReadableFile | undefined> {
  try {
    return await files.openRead(path)
  } catch (cause) {
    if (cause instanceof SabotError && cause.code === 'FILE_NOT_FOUND') return undefined
    throw cause
  }
}

/** Waits by the clock until it is closed. */
class Waiter {
  private readonly clock: SourceClock
  private readonly pollMs: number
  private wake: (() => void) | undefined
  isClosed = false

  constructor(clock: SourceClock, pollMs: number) {
    this.clock = clock
    this.pollMs = pollMs
  }

  wait(): Promise<void> {
    if (this.isClosed) return Promise.resolve()
    return new Promise(resolve => {
      const cancel = this.clock.schedule(this.pollMs, () => this.wake?.())
      this.wake = () => {
        cancel()
        this.wake = undefined
        resolve()
      }
    })
  }

  close(): void {
    this.isClosed = true
    this.wake?.()
  }
}

function markOf(json: Json): Mark {
  const [identity, headHash] = [memberOf(json, 'identity'), memberOf(json, 'headHash')]
  return {
    identity: typeof identity === 'string' ? identity : null,
    bytes: numberMember(json, 'bytes', 0),
    headBytes: numberMember(json, 'headBytes', 0),
    headHash: typeof headHash === 'string' ? headHash : '',
  }
}

/** FNV-1a with two offsets, 64 bits: these bytes are compared, not kept secret. */
function hashOf(bytes: Uint8Array): string {
  let low = 0x811c9dc5
  let high = 0x9e3779b9
  for (const byte of bytes) {
    low = Math.imul(low ^ byte, 0x01000193)
    high = Math.imul(high ^ byte ^ (low >>> 24), 0x01000193)
  }
  return ((high >>> 0).toString(16) + (low >>> 0).toString(16).padStart(8, '0')).padStart(16, '0')
}
