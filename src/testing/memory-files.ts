/*
 * Files in memory that can lose what was not flushed. A file has a durable content, which survives a crash, and the
 * operations since the last flush, of which a crash keeps a prefix: whole operations, then perhaps a torn append.
 *
 *   durable          | not flushed yet
 *   AAAAAAAA         | append BBBB, truncate to 10, append CCCC        the process reads AAAAAAAABB CCCC
 *   after a crash:   AAAAAAAA ... or AAAAAAAABB ... or AAAAAAAABBC0    torn: the rest of an append is cut or zeros
 */
import { SabotError } from '../core/errors.js'
import type { AppendableFile, Directories, DirectoryEntry, Files, ReadableFile } from '../core/files.js'
import { randomBelow, type SeededRandom, seededRandom } from './seeded-random.js'

type Change =
  | { readonly kind: 'append'; readonly bytes: Uint8Array }
  | { readonly kind: 'truncate'; readonly size: number }

interface Content {
  /** Stays with a file that is renamed. */
  readonly identity: string
  /** Counts writes of all files, as a clock would. */
  modified: number
  /** undefined: a crash now makes the file vanish. */
  durable: Uint8Array | undefined
  current: Uint8Array
  sizeBytes: number
  changes: Change[]
  writer: object | undefined
}

export interface MemoryFilesOptions {
  /** All files together may grow to this many bytes; beyond it appends fail with FILE_UNWRITABLE. */
  readonly capacityBytes?: number
}

export class MemoryFiles implements Files {
  private readonly contents = new Map<string, Content>()
  /** Removed since the last crash: nobody waits until that is on the disk, so a crash may bring them back. */
  private removed = new Map<string, Content>()
  private made = 0
  private writes = 0
  private readonly capacityBytes: number
  /** Handles of an earlier life are dead. */
  private life = 0
  private operations = 0
  private crashAt = Number.POSITIVE_INFINITY
  private crashSeed = 0

  constructor({ capacityBytes = Number.POSITIVE_INFINITY }: MemoryFilesOptions = {}) {
    this.capacityBytes = capacityBytes
  }

  /** Appends, flushes, truncates, renames and removals so far: the steps at which a crash can be placed. */
  get operationCount(): number {
    return this.operations
  }

  /** How often the files crashed. */
  get crashCount(): number {
    return this.life
  }

  /** Puts a durable file in place. */
  put(path: string, bytes: Uint8Array): void {
    // A Buffer's slice() would share its memory.
    const durable = new Uint8Array(bytes)
    const existing = this.contents.get(path)
    const content = contentOf(existing?.identity ?? this.freshIdentity(), durable, ++this.writes)
    // In its place: who has the file open sees the new content.
    if (existing === undefined) this.contents.set(path, content)
    else Object.assign(existing, content)
  }

  /** What the file holds now, or undefined when there is none. */
  get(path: string): Uint8Array | undefined {
    const content = this.contents.get(path)
    return content?.current.slice(0, content.sizeBytes)
  }

  paths(): string[] {
    return [...this.contents.keys()].sort()
  }

  /**
   * The machine stops and starts again: of what was not flushed, the seed decides how much is lost or torn. Files that
   * are open stay so for nobody.
   */
  crash(seed: number): void {
    const random = seededRandom(seed)
    this.life += 1
    this.crashAt = Number.POSITIVE_INFINITY
    for (const [path, content] of this.removed) {
      if (!this.contents.has(path) && random() < 0.5) this.contents.set(path, content)
    }
    this.removed = new Map()
    for (const [path, content] of this.contents) {
      const left = afterCrash(content, random)
      if (left === undefined) this.contents.delete(path)
      else this.put(path, left)
    }
  }

  /** Crashes by itself in the middle of an append, flush or truncate: the one after the next `operations`. */
  crashAfter(operations: number, seed: number): void {
    this.crashAt = this.operations + operations
    this.crashSeed = seed
  }

  async openRead(path: string): Promise<ReadableFile> {
    const { life } = this
    const opened = this.content(path)
    const { sizeBytes, identity } = opened
    return {
      sizeBytes,
      identity,
      read: async (offset, length) => {
        this.assertAlive(life, path)
        const { current, sizeBytes: end } = opened
        return current.slice(Math.min(offset, end), Math.min(offset + length, end))
      },
      close: async () => {},
    }
  }

  async openAppend(path: string): Promise<AppendableFile> {
    let content = this.contents.get(path)
    if (content === undefined) {
      content = contentOf(this.freshIdentity(), undefined, ++this.writes)
      this.removed.delete(path)
      this.contents.set(path, content)
    }
    if (content.writer !== undefined) throw unwritable(path, 'it has a writer already')
    return this.writer(path, content)
  }

  readonly directories: Directories = {
    list: async path => {
      const prefix = path === '' || path === '.' ? '' : `${path.replace(/\/+$/, '')}/`
      const entries = new Map<string, DirectoryEntry>()
      for (const [known, { modified }] of this.contents) {
        if (!known.startsWith(prefix)) continue
        const [name = '', ...below] = known.slice(prefix.length).split('/')
        const kind = below.length > 0 ? 'directory' : 'file'
        entries.set(name, { name, kind, modifiedMs: kind === 'file' ? modified : 0 })
      }
      return entries.size === 0 && prefix !== '' ? undefined : [...entries.values()]
    },
    rename: async (from, to) => {
      const content = this.content(from)
      // A crash comes before it or behind it.
      this.step(to)
      content.durable ??= new Uint8Array()
      this.contents.delete(from)
      this.contents.set(to, content)
      // A directory is made durable as a whole.
      this.removed = new Map()
    },
    remove: async path => {
      const content = this.contents.get(path)
      if (content === undefined) return
      this.step(path)
      this.contents.delete(path)
      this.removed.set(path, content)
    },
  }

  private freshIdentity(): string {
    return `memory:${++this.made}`
  }

  private writer(path: string, content: Content): AppendableFile {
    const { life } = this
    const handle = {}
    content.writer = handle
    const begin = (): void => {
      this.assertAlive(life, path)
      if (content.writer !== handle) throw unwritable(path, 'its writer is closed')
    }
    return {
      get sizeBytes() {
        return content.sizeBytes
      },
      append: async bytes => {
        begin()
        if (this.usedBytes() + bytes.length > this.capacityBytes) throw unwritable(path, 'no space is left')
        append(content, bytes)
        content.modified = ++this.writes
        content.changes.push({ kind: 'append', bytes: new Uint8Array(bytes) })
        this.step(path)
      },
      flush: async () => {
        begin()
        this.step(path)
        content.durable = content.current.slice(0, content.sizeBytes)
        content.changes = []
      },
      truncate: async size => {
        begin()
        if (size > content.sizeBytes) throw truncated(path, size, content.sizeBytes)
        content.sizeBytes = size
        content.modified = ++this.writes
        content.changes.push({ kind: 'truncate', size })
        this.step(path)
      },
      close: async () => {
        if (content.writer === handle) content.writer = undefined
      },
    }
  }

  private step(path: string): void {
    if (this.operations++ < this.crashAt) return
    this.crash(this.crashSeed)
    throw crashed(path)
  }

  private assertAlive(life: number, path: string): void {
    if (life !== this.life) throw crashed(path)
  }

  private usedBytes(): number {
    let used = 0
    for (const { sizeBytes } of this.contents.values()) used += sizeBytes
    return used
  }

  private content(path: string): Content {
    const content = this.contents.get(path)
    if (content === undefined) throw new SabotError('FILE_NOT_FOUND', `There is no file ${path}`, { path })
    return content
  }
}

function contentOf(identity: string, durable: Uint8Array | undefined, modified: number): Content {
  const current = durable ?? new Uint8Array()
  return { identity, modified, durable, current, sizeBytes: current.length, changes: [], writer: undefined }
}

function append(content: Content, bytes: Uint8Array): void {
  const end = content.sizeBytes + bytes.length
  // The durable bytes are a buffer of their own as soon as something follows them.
  if (end > content.current.length || content.current === content.durable) {
    const larger = new Uint8Array(Math.max(end, content.current.length * 2))
    larger.set(content.current.subarray(0, content.sizeBytes))
    content.current = larger
  }
  content.current.set(bytes, content.sizeBytes)
  content.sizeBytes = end
}

function afterCrash({ identity, modified, durable, changes }: Content, random: SeededRandom): Uint8Array | undefined {
  const kept = randomBelow(random, changes.length + 1)
  const tornBytes = random()
  const zeros = random() < 0.5
  // A file that was never flushed may have no entry in its directory.
  if (durable === undefined && (kept === 0 || random() < 0.25)) return undefined
  const left = contentOf(identity, durable, modified)
  for (const [index, change] of changes.slice(0, kept).entries()) {
    if (change.kind === 'truncate') left.sizeBytes = change.size
    else if (index < kept - 1) append(left, change.bytes)
    else append(left, torn(change.bytes, Math.floor(tornBytes * (change.bytes.length + 1)), zeros))
  }
  return left.current.slice(0, left.sizeBytes)
}

/** The length may be on the disk before the bytes are: then the rest reads as zeros. */
function torn(bytes: Uint8Array, kept: number, zeros: boolean): Uint8Array {
  return zeros ? new Uint8Array(bytes).fill(0, kept) : bytes.subarray(0, kept)
}

function crashed(path: string): SabotError {
  return new SabotError('FILE_UNWRITABLE', `${path} was open when the machine crashed`, { path })
}

function unwritable(path: string, reason: string): SabotError {
  return new SabotError('FILE_UNWRITABLE', `Cannot write ${path}: ${reason}`, { path, reason })
}

function truncated(path: string, wantedBytes: number, sizeBytes: number): SabotError {
  return new SabotError('FILE_TRUNCATED', `${path} has ${sizeBytes} bytes, fewer than the ${wantedBytes} to be kept`, {
    path,
    sizeBytes,
    wantedBytes,
  })
}
