/* The column chunks of one field in one row group, page by page, into the arrays that its decoder takes. */
import type { DecodedArray, ParquetParsers, SchemaTree } from 'hyparquet'
import { assembleLists, assembleNested } from 'hyparquet/src/assemble.js'
import { convert, DEFAULT_PARSERS } from 'hyparquet/src/convert.js'
import { getMaxDefinitionLevel, getMaxRepetitionLevel } from 'hyparquet/src/schema.js'
import { SabotError } from '../core/errors.js'
import { isDictionaryCoded, type LeafColumn, readIndices, readLevels, readValues } from './parquet-page-values.js'
import { type ColumnChunk, damagedPage, type Page, pagesOf } from './parquet-pages.js'
import type { ColumnDecoder } from './parquet-values.js'

/** A leaf of the schema in one row group. */
export interface LeafChunk extends ColumnChunk {
  readonly bytes: Uint8Array<ArrayBuffer>
  /** From the root of the schema to the leaf, with the elements that hyparquet is shown. */
  readonly path: readonly SchemaTree[]
}

interface Leaf extends LeafColumn {
  readonly chunk: LeafChunk
  readonly schemaPath: SchemaTree[]
  readonly parsers: ParquetParsers
  dictionary: DecodedArray | undefined
}

/**
 * Hands the rows of a field to `decoder`: those of a flat column page by page, those of a nested one at once, as they are
 * put together from all of its leaves.
 * @throws SabotError PARQUET_INVALID with the position of what is damaged; what the decoder throws
 */
export async function decodeChunks(
  tree: SchemaTree,
  chunks: readonly LeafChunk[],
  decoder: ColumnDecoder,
): Promise<void> {
  const [first] = chunks
  if (first === undefined) return
  const isFlat = tree.children.length === 0 && tree.element.repetition_type !== 'REPEATED'
  if (isFlat) {
    await eachPage(leafOf(first, decoder), (values, levels) => decoder.add(flat(values, levels)))
    return
  }
  const columns = new Map<string, DecodedArray>()
  for (const chunk of chunks) columns.set(pathName(chunk.path), await assembled(leafOf(chunk, decoder)))
  try {
    if (tree.children.length > 0) assembleNested(columns, tree, { ...DEFAULT_PARSERS, ...decoder.parsers })
    decoder.add(columns.get(pathName([tree])) ?? [])
  } catch (cause) {
    throw damagedPage(first, first.start, 'begins a column that does not fit together', cause)
  }
}

function pathName(path: readonly SchemaTree[]): string {
  return path.at(-1)?.path.join('.') ?? ''
}

function leafOf(chunk: LeafChunk, decoder: ColumnDecoder): Leaf {
  const schemaPath = [...chunk.path]
  const element = schemaPath.at(-1)?.element
  if (element?.type === undefined) throw damagedPage(chunk, chunk.start, 'belongs to a column without a type')
  return {
    chunk,
    type: element.type,
    element,
    schemaPath,
    maxDefinition: getMaxDefinitionLevel(schemaPath),
    maxRepetition: getMaxRepetitionLevel(schemaPath),
    parsers: { ...DEFAULT_PARSERS, ...decoder.parsers },
    dictionary: undefined,
  }
}

interface Levels {
  readonly repetition: Int32Array | undefined
  /** undefined: all values are there */
  readonly present: Int32Array | undefined
  readonly maxDefinition: number
  readonly count: number
}

async function eachPage(leaf: Leaf, take: (values: DecodedArray, levels: Levels) => void): Promise<void> {
  for await (const page of pagesOf(leaf.chunk, leaf.chunk.bytes)) {
    try {
      if (page.isDictionary) leaf.dictionary = readDictionary(page, leaf)
      else if (page.valueCount > 0) {
        const { repetition, definition, present, values } = readLevels(page, leaf)
        const levels = { repetition, present: definition, maxDefinition: leaf.maxDefinition, count: page.valueCount }
        take(readData(page, values, present, leaf), levels)
      }
    } catch (cause) {
      throw damagedPage(leaf.chunk, page.position, 'is damaged', cause)
    }
  }
}

function readDictionary(page: Page, leaf: Leaf): DecodedArray {
  const plain: Page = { ...page, encoding: 'PLAIN' }
  return converted(readValues(plain, page.values, page.valueCount, leaf), leaf)
}

function readData(page: Page, bytes: Uint8Array, count: number, leaf: Leaf): DecodedArray {
  if (!isDictionaryCoded(page)) return converted(readValues(page, bytes, count, leaf), leaf)
  const { dictionary } = leaf
  if (dictionary === undefined) throw new RangeError('it has indices of a dictionary that is not there')
  const indices = readIndices(bytes, count, dictionary.length)
  const values: unknown[] = new Array(count)
  for (let index = 0; index < count; index++) values[index] = dictionary[indices[index] ?? 0]
  return values
}

function converted(values: DecodedArray, { chunk, type, element, schemaPath, parsers }: Leaf): DecodedArray {
  const { codec } = chunk
  return convert(values, { pathInSchema: [], type, element, schemaPath, parsers, codec, utf8: false })
}

function flat(values: DecodedArray, { present, maxDefinition, count }: Levels): DecodedArray {
  if (present === undefined || values.length === count) return values
  const rows: unknown[] = new Array(count)
  for (let row = 0, next = 0; row < count; row++) rows[row] = present[row] === maxDefinition ? values[next++] : null
  return rows
}

/** The rows of a leaf, as far as its lists go. */
async function assembled(leaf: Leaf): Promise<unknown[]> {
  const rows: unknown[] = []
  await eachPage(leaf, (values, { repetition, present }) => {
    if (leaf.maxDefinition === 0) {
      for (const value of values) rows.push(value)
      return
    }
    assembleLists(rows, Array.from(present ?? []), Array.from(repetition ?? []), values, leaf.schemaPath)
  })
  return rows
}

/** The leaves of a field in the order of the schema, each with its path from the root. */
export function leavesOf(tree: SchemaTree, root: SchemaTree): SchemaTree[][] {
  const below = (path: readonly SchemaTree[], node: SchemaTree): SchemaTree[][] => {
    const here = [...path, node]
    return node.children.length === 0 ? [here] : node.children.flatMap(child => below(here, child))
  }
  return below([root], tree)
}

/** @throws SabotError PARQUET_INVALID where a decoder has another number of rows than its row group */
export function checkRows(decoder: ColumnDecoder, rowCount: number, name: string, position: number | undefined): void {
  if (decoder.rows === rowCount) return
  throw new SabotError('PARQUET_INVALID', `Column ${name} has ${decoder.rows} rows in a row group of ${rowCount}`, {
    field: name,
    position,
  })
}
