/* DuckDB with the same events in three tables: person, auction, bid. */
import { BIGINT, DuckDBDataChunk, DuckDBInstance, type DuckDBType, VARCHAR } from '@duckdb/node-api'
import type { NexmarkStreams } from '../../examples/nexmark/generator.js'
import { AUCTION, BID, PERSON } from '../../examples/nexmark/model.js'
import type { Source } from '../../src/operators/source.js'
import { contextOf } from '../connectors/reading.js'

export interface NexmarkTables {
  /** The rows of a query, each as its values in the order of its columns. */
  rows(sql: string): Promise<unknown[][]>
  close(): void
}

const CHUNK_ROWS = 2048

/** Times are BIGINT, in ms. */
export async function nexmarkTables({ persons, auctions, bids }: NexmarkStreams): Promise<NexmarkTables> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' })
  const connection = await instance.connect()
  const load = async (table: string, shape: Readonly<Record<string, string>>, source: Source): Promise<void> => {
    const fields = Object.entries(shape)
    const types = fields.map(([, type]): DuckDBType => (type === 'utf8' ? VARCHAR : BIGINT))
    const columns = fields.map(([name, type]) => `"${name}" ${type === 'utf8' ? 'VARCHAR' : 'BIGINT'}`)
    await connection.run(`CREATE TABLE ${table} (${columns.join(', ')})`)
    const appender = await connection.createAppender(table)
    const reader = await source.open(contextOf({ batchRows: CHUNK_ROWS }))
    for (let read = await reader.read(); read !== undefined; read = await reader.read()) {
      const { batch } = read
      for (let from = 0; from < batch.length; from += CHUNK_ROWS) {
        const rows = Math.min(CHUNK_ROWS, batch.length - from)
        const chunk = DuckDBDataChunk.create(types, CHUNK_ROWS)
        chunk.setColumns(
          fields.map(([, type], index) =>
            Array.from({ length: rows }, (_, row) => {
              const value = batch.columnAt(index).value(from + row)
              return type === 'timestamp' ? BigInt(value as number) : (value as bigint | string)
            }),
          ),
        )
        appender.appendDataChunk(chunk)
      }
    }
    appender.closeSync()
  }
  await load('person', PERSON, persons)
  await load('auction', AUCTION, auctions)
  await load('bid', BID, bids)
  return {
    rows: async sql => (await connection.runAndReadAll(sql)).getRowsJS() as unknown[][],
    close: () => {
      connection.closeSync()
      instance.closeSync()
    },
  }
}
