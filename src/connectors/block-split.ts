/* A file of blocks of rows while it is read. Its position is a block, and the rows of it that were given out. */
import { SabotError } from '../core/errors.js'
import type { ReadableFile } from '../core/files.js'
import { type Json, memberOf } from '../core/json.js'
import type { Schema } from '../core/schema.js'
import type { RowBlock, RowBlocks } from '../formats/row-blocks.js'
import type { SourceBatch } from '../operators/source.js'
import { checkReplayable } from './file-input.js'
import type { SplitReader, SplitRequest } from './file-source.js'
import { naming } from './naming.js'
import { invalidPosition } from './row-position.js'

type OpenBlocks = (
  file: ReadableFile,
  schema: Schema | undefined,
  fields: readonly string[] | undefined,
) => Promise<RowBlocks>

export async function openBlockSplit(request: SplitRequest, open: OpenBlocks): Promise<SplitReader> {
  const { file, schema, fields, position } = request
  const opened = await file.open()
  try {
    const from = position === undefined ? undefined : placeOf(position, file.name)
    if (from !== undefined) checkReplayable(file, opened, from.version)
    const blocks = await naming(file.name, () => open(opened, schema, fields))
    const split = new BlockSplit(request, opened, blocks)
    if (from !== undefined) await split.goTo(from)
    return split
  } catch (cause) {
    await opened.close()
    throw cause
  }
}

interface Place {
  readonly at: number
  readonly row: number
  readonly version: string | undefined
}

function placeOf(position: Json, name: string): Place {
  const [at, row, version] = ['at', 'row', 'version'].map(member => memberOf(position, member))
  if (!isCount(at) || !isCount(row)) throw invalidPosition(position, name, 'a block and a row of it')
  return { at, row, version: typeof version === 'string' ? version : undefined }
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

class BlockSplit implements SplitReader {
  readonly schema: Schema
  readonly rowCount = undefined
  readonly rejected = 0
  private readonly request: SplitRequest
  private readonly file: ReadableFile
  private readonly blocks: RowBlocks
  private block: RowBlock | undefined
  private at = 0
  private row = 0
  private isClosed = false

  constructor(request: SplitRequest, file: ReadableFile, blocks: RowBlocks) {
    this.request = request
    this.file = file
    this.blocks = blocks
    this.schema = blocks.schema
  }

  async goTo({ at, row }: Place): Promise<void> {
    const { name } = this.request.file
    const isThere = await naming(name, async () => {
      if (!(await this.blocks.seek(at))) return row === 0
      if (row === 0) return true
      await this.nextBlock()
      const { block } = this
      if (block === undefined || block.rowCount < row) return false
      block.skip(row)
      this.row = row
      return true
    })
    if (isThere) return
    throw new SabotError(
      'SOURCE_CHANGED',
      `${name} has fewer rows than at the checkpoint: restore the old input, or begin anew without resuming`,
      { path: name },
    )
  }

  async read(): Promise<SourceBatch | undefined> {
    const { file, context } = this.request
    while (!this.isClosed) {
      const batch = await naming(file.name, () => this.block?.read(context.batchRows))
      if (batch !== undefined) {
        this.row += batch.length
        const { version } = this.file
        return { batch, position: { at: this.at, row: this.row, ...(version === undefined ? {} : { version }) } }
      }
      await naming(file.name, () => this.nextBlock())
      if (this.block === undefined) return undefined
    }
    return undefined
  }

  async close(): Promise<void> {
    this.isClosed = true
    await this.file.close()
  }

  private async nextBlock(): Promise<void> {
    this.at = this.blocks.at
    this.row = 0
    this.block = await this.blocks.next()
  }
}
