/* Rows as bytes appended to one file, exactly once: what the sinks of a single file share. */
import type { Batch } from '../core/batch.js'
import { describeValue, SabotError } from '../core/errors.js'
import type { AppendableFile } from '../core/files.js'
import { type Json, memberOf } from '../core/json.js'
import { concatBytes, type FileEncoder, type FileEncoding } from '../formats/file-encoder.js'
import type { Sink, SinkContext, SinkWriter } from '../operators/sink.js'

/** Lines are gathered to at least so many bytes before they go to the file. */
const APPEND_BYTES = 65_536

export interface RowFileInit {
  /** The kind of the sink, for people. */
  readonly kind: string
  readonly path: string
  readonly encoding: FileEncoding
}

/**
 * A checkpoint holds the size of the file, and a job that resumes cuts the file to it before it goes on, so that each row
 * stands there once. Rows behind the last checkpoint can be seen in the file before they are final. A fresh start writes
 * a fresh file.
 * @throws SabotError FILE_TRUNCATED on resuming when the file is shorter than at the checkpoint; SINK_CHANGED when it
 *   has another path; FILE_UNWRITABLE
 */
export function rowFile(init: RowFileInit): Sink<unknown> {
  return {
    kind: init.kind,
    description: init.path,
    guarantee: 'exactly-once',
    open: context => openFile(init, context),
  }
}

async function openFile({ kind, path, encoding }: RowFileInit, context: SinkContext): Promise<SinkWriter> {
  const { state, files, kernel } = context
  const sizeBytes = state === undefined ? 0 : preparedSize(state, path, kind, encoding.format)
  const resumed = state === undefined ? undefined : { state: memberOf(state, 'encoder') ?? null, sizeBytes }
  const file = await files.openAppend(path)
  try {
    if (file.sizeBytes < sizeBytes) throw truncated(path, file.sizeBytes, sizeBytes)
    await file.truncate(sizeBytes)
    return new RowFileWriter(path, file, encoding.encoder({ kernel, resumed }), encoding.format)
  } catch (cause) {
    await file.close()
    throw cause
  }
}

class RowFileWriter implements SinkWriter {
  private readonly path: string
  private readonly file: AppendableFile
  private readonly encoder: FileEncoder
  private readonly format: string
  private gathered: Uint8Array[] = []
  private gatheredBytes = 0
  private failure: { readonly cause: unknown } | undefined

  constructor(path: string, file: AppendableFile, encoder: FileEncoder, format: string) {
    this.path = path
    this.file = file
    this.encoder = encoder
    this.format = format
  }

  async write(batch: Batch): Promise<void> {
    this.gather(await this.encoder.encode(batch))
    if (this.gatheredBytes >= APPEND_BYTES) await this.guarded(() => this.append())
  }

  async prepare(): Promise<Json> {
    const { bytes, state } = await this.encoder.suspend()
    this.gather(bytes)
    await this.flush()
    return {
      path: this.path,
      format: this.format,
      sizeBytes: this.file.sizeBytes,
      ...(state === null ? {} : { encoder: state }),
    }
  }

  /** What was prepared is in its place already: the file up to the prepared size. */
  async commit(): Promise<void> {}

  async finish(): Promise<void> {
    this.gather(await this.encoder.end())
    await this.flush()
  }

  close(): Promise<void> {
    this.encoder.destroy()
    return this.file.close()
  }

  private gather(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    this.gathered.push(bytes)
    this.gatheredBytes += bytes.length
  }

  private flush(): Promise<void> {
    return this.guarded(async () => {
      await this.append()
      await this.file.flush()
    })
  }

  private async append(): Promise<void> {
    if (this.gatheredBytes === 0) return
    const bytes = concatBytes(this.gathered)
    this.gathered = []
    this.gatheredBytes = 0
    await this.file.append(bytes)
  }

  /** After a failure nobody knows what stands in the file: only opening it anew, which cuts it, goes on from there. */
  private async guarded(action: () => Promise<void>): Promise<void> {
    if (this.failure !== undefined) throw this.failure.cause
    try {
      await action()
    } catch (cause) {
      this.failure = { cause }
      throw cause
    }
  }
}

function preparedSize(state: Json, path: string, kind: string, format: string): number {
  if (typeof state !== 'object' || state === null || !('path' in state) || !('sizeBytes' in state)) {
    throw new SabotError('SINK_CHANGED', `The checkpoint holds no state of a sink ${kind} for ${path}`, { path, state })
  }
  const { path: before, sizeBytes } = state
  if (before !== path) {
    throw new SabotError(
      'SINK_CHANGED',
      `At the checkpoint the rows went to ${describeValue(before)}, now they would go to ${describeValue(path)}: ` +
        'resume with the old path, or begin anew without resuming',
      { path, before },
    )
  }
  // Checkpoints of before have no format.
  const formatBefore = memberOf(state, 'format') ?? format
  if (formatBefore !== format) {
    throw new SabotError(
      'SINK_CHANGED',
      `At the checkpoint ${path} was written as ${describeValue(formatBefore)}, now it would be as ${format}: resume with ` +
        'the old options, or begin anew without resuming',
      { path, before: formatBefore, format },
    )
  }
  if (typeof sizeBytes !== 'number' || !Number.isSafeInteger(sizeBytes) || sizeBytes < 0) {
    throw new SabotError('SINK_CHANGED', `${path}: ${describeValue(sizeBytes)} in the checkpoint is no size`, {
      path,
      state,
    })
  }
  return sizeBytes
}

function truncated(path: string, sizeBytes: number, preparedBytes: number): SabotError {
  return new SabotError(
    'FILE_TRUNCATED',
    `${path} has ${sizeBytes} bytes, but had ${preparedBytes} at the checkpoint: rows are missing that will not come ` +
      'again. Restore the file, or begin anew without resuming',
    { path, sizeBytes, wantedBytes: preparedBytes },
  )
}
