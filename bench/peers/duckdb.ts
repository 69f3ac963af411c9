import { BIGINT, DOUBLE, DuckDBDataChunk, DuckDBInstance, INTEGER } from '@duckdb/node-api'
import type { KeyedRows } from '../keyed-rows.js'

const CHUNK_ROWS = 2048

/** DuckDB on one thread over the same rows in a table in memory. */
export interface DuckTable {
  /** Groups by key and window. The groups are summed up, so that taking them over into JavaScript costs nothing. */
  group(windowMs: number): Promise<void>
  close(): void
}

export async function duckTable({ keys, timestamps, values }: KeyedRows): Promise<DuckTable> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' })
  const connection = await instance.connect()
  await connection.run('SET threads = 1')
  await connection.run('CREATE TABLE records (key INTEGER NOT NULL, ts BIGINT NOT NULL, value DOUBLE NOT NULL)')
  const appender = await connection.createAppender('records')
  for (let from = 0; from < keys.length; from += CHUNK_ROWS) {
    const chunk = DuckDBDataChunk.create([INTEGER, BIGINT, DOUBLE], CHUNK_ROWS)
    const to = from + CHUNK_ROWS
    chunk.setColumns([
      [...keys.subarray(from, to)],
      Array.from(timestamps.subarray(from, to), BigInt),
      [...values.subarray(from, to)],
    ])
    appender.appendDataChunk(chunk)
  }
  appender.closeSync()
  return {
    group: async windowMs => {
      await connection.run(`
        SELECT count(*), sum(n), sum(total), min(low), max(high) FROM (
          SELECT key, ts // ${windowMs} AS slot,
                 count(value) AS n, sum(value) AS total, min(value) AS low, max(value) AS high
          FROM records GROUP BY key, slot)`)
    },
    close: () => {
      connection.closeSync()
      instance.closeSync()
    },
  }
}
