/*
 * Files of one format, one after the other. Each file is a split with a position of its own; the source's position tells
 * which files there are, the one that is read, and the position in it.
 *
 * The list of files is settled when the job starts and stands in the position: a job that resumes reads the same files,
 * whatever has come to the directory meanwhile. Files that were read to their end need not be there any more.
 */
import type { Batch } from '../core/batch.js'
import { SabotError } from '../core/errors.js'
import { addCounters, type Json, memberOf } from '../core/json.js'
import { readSchema } from '../core/read-schema.js'
import { Schema } from '../core/schema.js'
import type { Source, SourceBatch, SourceContext, SourceReader } from '../operators/source.js'
import { type FileInput, FileInputs, type InputFile } from './file-input.js'
import { checkSplits, type FileShare, isOf } from './file-share.js'
import { Follower } from './follow.js'
import { invalidPosition } from './row-position.js'

/** A file that is to be read from a position on. */
export interface SplitRequest {
  readonly file: InputFile
  /** The declared schema, or the one that an earlier file told; undefined: the file tells. */
  readonly schema: Schema | undefined
  /** As a reader of the same file gave it; undefined: from the beginning. */
  readonly position: Json | undefined
  /** The only fields that are wanted; undefined: all. */
  readonly fields: readonly string[] | undefined
  /** Of a format whose files are shared: the split that reads; undefined: it reads all of the file. */
  readonly share: FileShare | undefined
  readonly context: SourceContext
}

/** One file while it is read. */
export interface SplitReader {
  /** With the fields that are not wanted, too. undefined: the file has no record that would tell it. */
  readonly schema: Schema | undefined
  /** Rows of the whole file, where known. */
  readonly rowCount: number | undefined
  /** Records that became no row, from the beginning of the file. */
  readonly rejected: number
  /** See SourceReader. Those of several files are added. */
  readonly gauges?: Readonly<Record<string, number>>
  /** The next rows, with the position in the file behind them; undefined at its end. */
  read(): Promise<SourceBatch | undefined>
  /** See SourceReader; the batch may be of another file. */
  giveBack?(batch: Batch): void
  /** Also while a read is under way, which then ends as if the file did. */
  close(): Promise<void>
}

export interface FileFormat {
  /** The kind of the source, for people. */
  readonly kind: string
  /** Whether each file is dealt to all splits in parts; else it is dealt to one of them. */
  readonly isShared?: boolean
  openSplit(request: SplitRequest): Promise<SplitReader>
}

export interface FollowOptions {
  /** How often the end of the file is looked at, ms. */
  readonly pollMs: number
}

export interface FileSourceInit {
  readonly input: FileInput
  readonly format: FileFormat
  readonly schema: Schema | undefined
  /** What is read of the files, for people. */
  readonly details?: string | undefined
  /** Reads what is appended to one file, for ever. */
  readonly follow?: FollowOptions | undefined
  /** The only fields that are wanted; undefined: all. */
  readonly fields?: readonly string[] | undefined
  /** Whether its files give records that became no row as dead letters. */
  readonly hasDeadLetters?: boolean
  /** Into how many splits its files are dealt; undefined: it has none. */
  readonly splits?: number | undefined
  /** The one of them that is read; undefined: all. */
  readonly share?: FileShare
}

/** @throws TypeError for splits of what is followed, comes once, or has no declared fields */
export function fileSource(init: FileSourceInit): Source {
  const { input, format, schema, follow, fields, details, hasDeadLetters = false, splits, share } = init
  const { kind } = format
  const inputs = new FileInputs(input, kind)
  const followed = follow && inputs.onlyPath
  if (splits !== undefined) {
    checkSplits(splits)
    if (follow !== undefined) throw new TypeError('A file that is followed has no splits')
    if (schema === undefined && format.isShared !== true) {
      throw new TypeError(`${kind}() in splits needs declared fields: each split would else infer its own`)
    }
    if (!inputs.replayable) throw new TypeError(`${inputs.description} comes once, and cannot be read in splits`)
  }
  const described = follow === undefined ? inputs.description : `${inputs.description}, followed`
  return {
    kind,
    description: details === undefined ? described : `${described}, ${details}`,
    schema: schema && readSchema(schema, fields),
    replayable: inputs.replayable,
    hasDeadLetters,
    ...(splits === undefined || share !== undefined
      ? {}
      : {
          splits: async () => {
            return Array.from({ length: splits }, (_, index) => {
              const source = fileSource({ ...init, share: { index, count: splits } })
              return { id: `${index} of ${splits}`, source }
            })
          },
        }),
    project: wanted => fileSource({ ...init, fields: wanted }),
    open: async context => {
      const { position, files, clock } = context
      const from = position === undefined ? undefined : positionOf(position, inputs.description)
      if (follow !== undefined && followed !== undefined) {
        const follower = new Follower(files, followed, clock, follow.pollMs, from?.mark)
        const reader = new FileSequence(init, context, follower, from)
        await reader.begin()
        return reader
      }
      const all = await inputs.list(files)
      const own = share === undefined || format.isShared === true ? all : all.filter(({ slot }) => isOf(share, slot))
      const list = new FileList(own, inputs.description, from)
      const reader = new FileSequence(init, context, list, from)
      await reader.begin()
      return reader
    },
  }
}

/** Where the files come from, one after the other. */
interface Splits {
  /** undefined: there is none any more. */
  next(): Promise<InputFile | undefined>
  /** What a position holds of the files. */
  describe(): { readonly [member: string]: Json }
  close(): void
  /** How many files there are, where known. */
  readonly count: number | undefined
}

/** Members of a position. `at`: the file that is read, from 0; `in`: the position in it, null at its beginning. */
interface FilePosition {
  readonly files: readonly string[] | undefined
  readonly mark: Json | undefined
  readonly at: number
  readonly in: Json
  readonly schema: Json
  /** In the files before. */
  readonly rejected: number
}

function positionOf(position: Json, source: string): FilePosition {
  const [at, rejected] = [memberOf(position, 'at'), memberOf(position, 'rejected')]
  const files = memberOf(position, 'files')
  const names = Array.isArray(files) ? files : []
  if (!isCount(at) || !isCount(rejected) || !names.every(name => typeof name === 'string')) {
    throw invalidPosition(position, source, 'the names of files, which of them, and a position in it')
  }
  const mark = memberOf(position, 'mark')
  if (files === undefined && mark === undefined) {
    throw invalidPosition(position, source, 'the names of files, which of them, and a position in it')
  }
  const [within = null, schema = null] = [memberOf(position, 'in'), memberOf(position, 'schema')]
  return { files: files === undefined ? undefined : names, mark, at, in: within, schema, rejected }
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

class FileList implements Splits {
  private readonly files: readonly (InputFile | undefined)[]
  private readonly names: readonly string[]
  private at: number

  /** @throws SabotError SOURCE_CHANGED when a file is gone that was not read to its end */
  constructor(files: readonly InputFile[], source: string, from: FilePosition | undefined) {
    this.at = from?.at ?? 0
    if (from === undefined) {
      this.files = files
      this.names = files.map(({ name }) => name)
      return
    }
    if (from.files === undefined) throw invalidPosition({ at: from.at }, source, 'those of a list of files')
    const byName = new Map(files.map(file => [file.name, file]))
    this.names = from.files
    this.files = from.files.map(name => byName.get(name))
    const missing = from.files.findIndex((name, index) => index >= this.at && !byName.has(name))
    if (missing < 0 && this.at < this.files.length) return
    throw new SabotError(
      'SOURCE_CHANGED',
      `${source}: at the checkpoint ${this.names[Math.max(missing, 0)]} was to be read, which is not among the files any ` +
        'more: put it back and name the files as before, or begin anew without resuming',
      { source, path: this.names[missing], file: this.at },
    )
  }

  get count(): number {
    return this.files.length
  }

  async next(): Promise<InputFile | undefined> {
    return this.files[this.at++]
  }

  describe(): { files: readonly string[] } {
    return { files: this.names }
  }

  close(): void {}
}

class FileSequence implements SourceReader {
  private readonly init: FileSourceInit
  private readonly context: SourceContext
  private readonly splits: Splits
  private schema: Schema | undefined
  private open: SplitReader | undefined
  private at: number
  private within: Json
  /** In the files that are read to their end. */
  private rejected: number
  private readonly gaugesBefore: Record<string, number> = {}
  private hasEnded = false
  private rowsOfFirst: number | undefined

  constructor(init: FileSourceInit, context: SourceContext, splits: Splits, from: FilePosition | undefined) {
    this.init = init
    this.context = context
    this.splits = splits
    const known = from === undefined || from.schema === null ? undefined : Schema.fromJSON(from.schema)
    this.schema = init.schema ?? known
    this.at = from?.at ?? 0
    this.within = from?.in ?? null
    this.rejected = from?.rejected ?? 0
  }

  /** Opens the first file, so that what is wrong with it shows at the start. */
  async begin(): Promise<void> {
    try {
      await this.openNext()
    } catch (cause) {
      await this.close()
      throw cause
    }
  }

  get rowCount(): number | undefined {
    return this.splits.count === 1 ? this.rowsOfFirst : undefined
  }

  get dropped(): Readonly<Record<string, number>> {
    const rejected = this.rejected + (this.open?.rejected ?? 0)
    return rejected === 0 ? {} : { 'invalid-record': rejected }
  }

  get gauges(): Readonly<Record<string, number>> {
    const gauges = { ...this.gaugesBefore }
    addCounters(gauges, this.open?.gauges ?? {})
    return gauges
  }

  async read(): Promise<SourceBatch | undefined> {
    while (!this.hasEnded) {
      const { open } = this
      if (open === undefined) return undefined
      const next = await open.read()
      this.schema ??= open.schema
      if (next !== undefined) return { ...next, position: this.positionAt(next.position) }
      if (this.hasEnded) return undefined
      this.count(open)
      this.open = undefined
      await open.close()
      this.at += 1
      this.within = null
      await this.openNext()
    }
    return undefined
  }

  giveBack(batch: Batch): void {
    this.open?.giveBack?.(batch)
  }

  async close(): Promise<void> {
    this.hasEnded = true
    this.splits.close()
    const { open } = this
    if (open === undefined) return
    this.count(open)
    this.open = undefined
    await open.close()
  }

  /** What is kept of a file that is done with. */
  private count({ rejected, gauges }: SplitReader): void {
    this.rejected += rejected
    addCounters(this.gaugesBefore, gauges ?? {})
  }

  private async openNext(): Promise<void> {
    const file = await this.splits.next()
    if (file === undefined || this.hasEnded) return
    const { format, fields, share } = this.init
    const opened = await format.openSplit({
      file,
      schema: this.schema,
      fields,
      share,
      position: this.within ?? undefined,
      context: this.context,
    })
    this.open = opened
    this.rowsOfFirst ??= opened.rowCount
    // close() came meanwhile, and found nothing to close.
    if (this.hasEnded) await this.close()
  }

  private positionAt(within: Json): Json {
    const schema = this.schema === undefined ? null : this.schemaJSON(this.schema)
    return { ...this.splits.describe(), at: this.at, in: within, schema, rejected: this.rejected }
  }

  private lastSchema: { readonly schema: Schema; readonly json: Json } | undefined

  /** The same object for every position. */
  private schemaJSON(schema: Schema): Json {
    if (this.lastSchema?.schema !== schema) {
      this.lastSchema = { schema, json: JSON.parse(JSON.stringify(schema.toJSON())) as Json }
    }
    return this.lastSchema.json
  }
}
