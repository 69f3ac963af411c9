import { takesBack } from '../core/row-kind.js'
import { defineField } from '../core/row-object.js'
import type { Sink } from '../operators/sink.js'

export interface TableSink<Row> extends Sink<Row> {
  /** The rows as they stand, in no particular order. */
  readonly rows: readonly Row[]
}

/**
 * Applies a changelog to a table in memory: an insert or update replaces the row of the same key, an update-before or
 * delete takes it away unless a newer one is there. After a recovery within the process the same changes come once
 * more and end the same.
 */
export function table<Row = unknown>({ key }: { readonly key: readonly (keyof Row & string)[] }): TableSink<Row> {
  const rows = new Map<string, Row>()
  const keyOf = (row: Row): string => {
    const parts = key.map(field => row[field] as unknown)
    return JSON.stringify(parts.map(part => (typeof part === 'bigint' ? { bigint: `${part}` } : part)))
  }
  const textOf = (row: Row | undefined): string => {
    const plain = {}
    for (const [name, value] of Object.entries(row ?? {})) {
      defineField(plain, name, typeof value === 'bigint' ? { bigint: `${value}` } : value)
    }
    return JSON.stringify(plain)
  }
  return {
    kind: 'table',
    description: `by ${key.join(', ')}`,
    guarantee: 'at-least-once',
    accepts: 'changelog',
    get rows() {
      return [...rows.values()]
    },
    open: async ({ state }) => {
      if (state === undefined) rows.clear()
      return {
        write: batch => {
          batch.forEachRow(physicalRow => {
            const row = batch.row(physicalRow) as Row
            const id = keyOf(row)
            if (!takesBack(batch.kinds?.[physicalRow] ?? 0)) rows.set(id, row)
            else if (textOf(rows.get(id)) === textOf(row)) rows.delete(id)
          })
        },
        prepare: async () => rows.size,
        commit: async () => {},
        finish: async () => {},
        close: async () => {},
      }
    },
  }
}
