import { SabotError } from '../core/errors.js'
import { memberOf } from '../core/json.js'
import type { Schema } from '../core/schema.js'
import type { Source, SourceBatch, SourceContext, SourceReader, SourceSplit } from '../operators/source.js'
import { assertWithin, invalidPosition, rowPosition } from './row-position.js'

/**
 * Sources of one row type as the splits of one source: they are read side by side, each with its own position and its
 * own watermark, and the watermark of the whole is the minimum over those that are not idle. A list names its splits
 * 0, 1, ...; an object names them itself, so that a job may resume when one was added in between.
 * @throws SabotError SCHEMA_MISMATCH where the schemas are known and differ; TypeError for no source, or one that has
 *   splits itself
 */
export function splits<Row>(sources: readonly Source<Row>[] | Readonly<Record<string, Source<Row>>>): Source<Row> {
  const parts = Object.entries(sources).map(([id, source]) => ({ id, source }))
  const [first] = parts
  if (first === undefined) throw new TypeError('splits() takes at least one source')
  const { kind, description, schema } = first.source
  for (const { id, source } of parts) {
    if (source.splits !== undefined) throw new TypeError(`splits(): ${id} (${source.kind}) has splits itself`)
    checkSchema(id, source.schema, schema)
  }
  return {
    kind: 'splits',
    description: `${parts.length} of ${kind} ${description}`.trimEnd(),
    schema,
    replayable: parts.every(({ source }) => source.replayable),
    hasDeadLetters: parts.some(({ source }) => source.hasDeadLetters),
    ...(parts.every(({ source }) => source.project !== undefined)
      ? {
          project: fields =>
            splits(Object.fromEntries(parts.map(({ id, source }) => [id, source.project?.(fields) ?? source]))),
        }
      : {}),
    splits: async () => parts,
    open: async context => SequentialReader.open(parts, context),
  }
}

function checkSchema(id: string, schema: Schema | undefined, first: Schema | undefined): void {
  if (schema === undefined || first === undefined || schema.equals(first)) return
  throw new SabotError(
    'SCHEMA_MISMATCH',
    `splits(): split ${id} has the schema (${schema.describe()}), the first (${first.describe()})`,
    { split: id, expected: first.toJSON(), actual: schema.toJSON() },
  )
}

/** One split after the other, for who wants all rows as one input: `replay`. */
class SequentialReader implements SourceReader {
  readonly rowCount = undefined
  private readonly parts: readonly SourceSplit[]
  private readonly context: SourceContext
  private next: number
  private reader: SourceReader | undefined

  private constructor(parts: readonly SourceSplit[], context: SourceContext, next: number) {
    this.parts = parts
    this.context = context
    this.next = next
  }

  static async open(parts: readonly SourceSplit[], context: SourceContext): Promise<SequentialReader> {
    const { position } = context
    if (position === undefined) return new SequentialReader(parts, context, 0)
    const part = memberOf(position, 'part')
    if (part === undefined) throw invalidPosition(position, 'splits()', "a part's number and its position")
    const at = rowPosition(part, 'splits()')
    assertWithin(at + 1, parts.length, 'splits()')
    const reader = new SequentialReader(parts, context, at)
    await reader.openNext(memberOf(position, 'position'))
    return reader
  }

  async read(): Promise<SourceBatch | undefined> {
    for (;;) {
      if (this.reader === undefined && !(await this.openNext(undefined))) return undefined
      const batch = await this.reader?.read()
      if (batch !== undefined) {
        return { ...batch, position: { part: this.next - 1, position: batch.position } }
      }
      await this.close()
    }
  }

  async close(): Promise<void> {
    const { reader } = this
    this.reader = undefined
    await reader?.close()
  }

  private async openNext(position: SourceContext['position']): Promise<boolean> {
    const part = this.parts[this.next]
    if (part === undefined) return false
    this.next += 1
    this.reader = await part.source.open({ ...this.context, position })
    return true
  }
}
