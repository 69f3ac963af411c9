/* The jobs of parallel.bench.ts: each worker imports this module and builds them anew. */
import {
  Batch,
  callback,
  count,
  Float64Column,
  Int32Column,
  job,
  json,
  max,
  type PreAggregation,
  type Source,
  schema,
  splits,
  sum,
  tumbling,
} from 'sabot'
import { BATCH_ROWS, makeRows } from './keyed-rows.js'

const KEYS = 100_000
const SPLITS = 4
/** Files are read several times over: as many splits as a longer run needs, with less on the disk. */
const FILE_SPLITS = 64
export const FILES = 4
/** Of one split, ms; each has a row a ms. */
const WINDOW_MS = 524_288
const BATCHES = 64

const ROW = schema({ key: 'i32', at: 'f64', value: 'f64' })
const RECORD = { key: 'i32', at: 'f64', value: 'f64', page: 'utf8' } as const

/** `batches` batches whose keys and values come again and again, with event times that go on. */
function prepared(batches: number): Source<{ key: number; at: number; value: number }> {
  return {
    kind: 'prepared',
    description: `${batches} batches`,
    schema: ROW,
    replayable: false,
    open: async () => {
      const { keys, values } = makeRows(BATCHES * BATCH_ROWS, KEYS, 'raw')
      let next = 0
      const read = async () => {
        if (next === batches) return undefined
        const from = (next % BATCHES) * BATCH_ROWS
        const at = new Float64Array(BATCH_ROWS)
        for (let row = 0; row < BATCH_ROWS; row++) at[row] = next * BATCH_ROWS + row
        next += 1
        const columns = [
          new Int32Column(keys.subarray(from, from + BATCH_ROWS)),
          new Float64Column(at),
          new Float64Column(values.subarray(from, from + BATCH_ROWS)),
        ]
        return { batch: new Batch({ schema: ROW, columns, rowCount: BATCH_ROWS }), position: next }
      }
      return { rowCount: batches * BATCH_ROWS, read, close: async () => undefined }
    },
  }
}

/** Column batches that are there already: nothing but the exchange and the windows costs time. */
export const columns = job('columns', j => {
  const batches = Number(j.parameter('batches', '64'))
  const before = j.parameter('preAggregate', 'always') as PreAggregation
  j.from(splits(Array.from({ length: SPLITS }, () => prepared(batches))))
    .withTimestamps('at', { outOfOrderness: '1s' })
    .keyBy('key')
    .window(tumbling(WINDOW_MS))
    .preAggregate(before)
    .aggregate({ n: count(), total: sum('value'), most: max('value') })
    .to(callback({ batch: () => undefined }))
})

/** Lines of JSON in files, as they lie on a disk. */
export const lines = job('lines', j => {
  j.from(splits(Array.from({ length: FILE_SPLITS }, (_, n) => json(`part-${n % FILES}.ndjson`, RECORD))))
    .withTimestamps('at', { outOfOrderness: '1s' })
    .keyBy('key')
    .window(tumbling(WINDOW_MS))
    .preAggregate('always')
    .aggregate({ n: count(), total: sum('value'), most: max('value') })
    .to(callback({ batch: () => undefined }))
})

/** A file that `lines` reads: `rows` records of about 70 bytes. */
export function ndjsonFile(rows: number): string {
  const { keys, values } = makeRows(rows, KEYS, 'raw')
  let text = ''
  for (let row = 0; row < rows; row++) {
    text += `{"key":${keys[row]},"at":${row},"value":${values[row]},"page":"/products/${row % 1000}/view"}\n`
  }
  return text
}
