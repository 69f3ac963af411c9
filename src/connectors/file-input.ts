/* What a source of files is given to read, as a list of inputs, each of which can be opened. */
import { describeValue, SabotError } from '../core/errors.js'
import type { Files, ReadableFile } from '../core/files.js'
import { type BlobLike, type ByteStream, fileOfBlob, fileOfStream } from './byte-streams.js'
import type { ByteReader } from './decompress.js'
import { slotOf } from './file-share.js'
import { filesBelow, isPattern, matchPaths } from './glob.js'
import { isUrl } from './http-file.js'

/**
 * - A path: a file; a directory (its files and those below it, without names that begin with a dot or an underscore); a
 *   pattern such as `logs/*.ndjson` (see glob.ts); an http or https URL where the environment reads those; `-`, the
 *   standard input.
 * - A Blob or File.
 * - Bytes that come once: a ReadableStream, the Response of a fetch, a Node stream of bytes. They cannot be read again
 *   after a crash; a function that gives them anew each time makes them replayable.
 * - A list of these, read one after the other. What a directory or pattern gives is ascending by name, and read once even
 *   where several patterns match it.
 */
export type FileInput = OneFileInput | readonly OneFileInput[]
export type OneFileInput = string | BlobLike | ByteStream | (() => ByteStream | PromiseLike<ByteStream>)

/** One file among the inputs of a source: a split. */
export interface InputFile {
  /** Stable over runs: positions hold it. */
  readonly name: string
  /** By which it is dealt to splits: its number in a list, or that of its name. */
  readonly slot: number
  /** Whether a sequential file starts from its beginning each time that it is opened. */
  readonly opensAnew: boolean
  /** Whether its first bytes may be long in coming. */
  readonly isLive: boolean
  open(): Promise<ReadableFile>
  /** Instead of reading to the end: what is appended too. */
  readonly follow?: (offset: number) => ByteReader
}

export class FileInputs {
  private readonly inputs: readonly OneFileInput[]
  /** For people. */
  readonly description: string

  /** @throws TypeError for an empty list, and for what is no input */
  constructor(input: FileInput, kind: string) {
    const inputs: readonly OneFileInput[] = isList(input) ? input : [input]
    if (inputs.length === 0) throw new TypeError(`${kind}() takes a path, or a list of at least one`)
    const names = inputs.map((each, index) => nameOf(each, index, inputs.length, kind))
    this.inputs = inputs
    this.description = names.length <= 3 ? names.join(', ') : `${names[0]} and ${names.length - 1} more`
  }

  /** Whether all of it can be read again, as far as is known before it is opened. */
  get replayable(): boolean {
    return this.inputs.every(input => (typeof input === 'object' ? isBlob(input) : input !== '-'))
  }

  /** The one path, for a source that follows it. @throws TypeError */
  get onlyPath(): string {
    const [path] = this.inputs
    if (this.inputs.length === 1 && typeof path === 'string' && path !== '-' && !isUrl(path) && !isPattern(path)) {
      return path
    }
    throw new TypeError(`follow: true takes the path of one file, not ${this.description}; unite several sources`)
  }

  /** @throws SabotError FILE_NOT_FOUND where a pattern matches nothing, or a directory is empty */
  async list(files: Files): Promise<InputFile[]> {
    const listed: InputFile[] = []
    const paths = new Set(this.inputs.filter(input => typeof input === 'string'))
    const expanded = new Set<string>()
    for (const [index, input] of this.inputs.entries()) {
      if (typeof input !== 'string') {
        listed.push(inputFile(input, nameOf(input, index, this.inputs.length, ''), index))
        continue
      }
      const found = await expand(files, input)
      if (found === undefined) listed.push(pathFile(files, input, index))
      for (const path of found ?? []) {
        if (paths.has(path) || expanded.has(path)) continue
        expanded.add(path)
        listed.push(pathFile(files, path, slotOf(path)))
      }
    }
    return listed
  }
}

function isList(input: FileInput): input is readonly OneFileInput[] {
  return Array.isArray(input)
}

function isBlob(input: BlobLike | ByteStream): input is BlobLike {
  return 'size' in input && 'slice' in input
}

function nameOf(input: OneFileInput, index: number, count: number, kind: string): string {
  if (typeof input === 'string') return input
  const suffix = count === 1 ? '' : ` ${index + 1}`
  if (typeof input === 'function') return `a function of a stream${suffix}`
  if (typeof input !== 'object' || input === null) {
    throw new TypeError(`${kind}() reads paths, Blobs and streams of bytes, not ${describeValue(input)}`)
  }
  if (isBlob(input)) return input.name ?? `a Blob${suffix}`
  if (!('ok' in input) && !('getReader' in input) && !(Symbol.asyncIterator in input)) {
    throw new TypeError(`${kind}() reads paths, Blobs and streams of bytes, not ${describeValue(input)}`)
  }
  return `a stream${suffix}`
}

function inputFile(input: Exclude<OneFileInput, string>, name: string, slot: number): InputFile {
  if (typeof input === 'function') {
    return { name, slot, opensAnew: true, isLive: true, open: async () => fileOfStream(await input(), name) }
  }
  if (isBlob(input)) return { name, slot, opensAnew: true, isLive: false, open: async () => fileOfBlob(input, name) }
  return { name, slot, opensAnew: false, isLive: true, open: async () => fileOfStream(input, name) }
}

function pathFile(files: Files, path: string, slot: number): InputFile {
  return { name: path, slot, opensAnew: false, isLive: path === '-', open: () => files.openRead(path) }
}

/** The files that a directory or a pattern stands for; undefined: the path stands for itself. */
async function expand({ directories }: Files, path: string): Promise<string[] | undefined> {
  if (directories === undefined || path === '-' || isUrl(path)) return undefined
  const inDirectory = await filesBelow(directories, path)
  if (inDirectory !== undefined) {
    if (inDirectory.length > 0) return inDirectory
    throw new SabotError('FILE_NOT_FOUND', `${path} is a directory without a file in it`, { path })
  }
  if (!isPattern(path)) return undefined
  const matching = await matchPaths(directories, path)
  if (matching.length > 0) return matching
  // A name may have such characters itself.
  const slash = path.lastIndexOf('/')
  const siblings = await directories.list(path.slice(0, Math.max(0, slash)))
  if (siblings?.some(({ name }) => name === path.slice(slash + 1))) return undefined
  throw new SabotError('FILE_NOT_FOUND', `No file matches ${path}`, { path })
}

/**
 * Whether reading can go on in the middle of an open file.
 * @throws SabotError SOURCE_NOT_REPLAYABLE where it comes only once, SOURCE_CHANGED when it has another version now
 */
export function checkReplayable(
  { name, opensAnew, follow }: InputFile,
  opened: ReadableFile,
  version: string | undefined,
): void {
  if (opened.isSequential === true && !opensAnew && follow === undefined) {
    throw new SabotError(
      'SOURCE_NOT_REPLAYABLE',
      `${name} comes only once, from its beginning (a pipe, or a server without ranges), so that it cannot be read on ` +
        'from a checkpoint: store it in a file first, or begin anew without resuming',
      { path: name },
    )
  }
  if (version !== undefined && opened.version !== undefined && version !== opened.version) {
    throw new SabotError(
      'SOURCE_CHANGED',
      `${name} is not what it was at the checkpoint (${opened.version}, then ${version}): restore the old input, or ` +
        'begin anew without resuming',
      { path: name, version: opened.version, expected: version },
    )
  }
}
