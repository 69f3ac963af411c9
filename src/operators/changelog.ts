import { Batch } from '../core/batch.js'
import { DictionaryColumn } from '../core/columns-text.js'
import { Dictionary } from '../core/dictionary.js'
import { INSERT, ROW_KIND_NAMES } from '../core/row-kind.js'
import { Schema } from '../core/schema.js'
import type { OperatorContext, OperatorFactory } from './operator.js'
import { StatelessOperator } from './stateless.js'

/** The rows with the name of their kind as a field; they are inserts then. */
export function changelogOperator(field: string): OperatorFactory {
  return context => new ChangelogOperator(context, field)
}

/** @throws SabotError DUPLICATE_FIELD */
export function changelogSchema(input: Schema, field: string): Schema {
  return new Schema([...input.fields, { name: field, type: 'utf8', nullable: false }])
}

class ChangelogOperator extends StatelessOperator {
  private readonly names = Dictionary.of(ROW_KIND_NAMES)
  private schema: Schema | undefined

  private readonly field: string

  constructor(context: OperatorContext, field: string) {
    super(context)
    this.field = field
  }

  onBatch(input: Batch): undefined {
    const { schema, columns, rowCount, timestamps, watermarks, kinds } = input.compact()
    this.schema ??= changelogSchema(schema, this.field)
    // The codes of the dictionary are the kinds themselves.
    const codes = kinds === undefined ? new Int32Array(rowCount).fill(INSERT) : Int32Array.from(kinds)
    this.context.output.batch(
      new Batch({
        schema: this.schema,
        columns: [...columns, new DictionaryColumn(codes, this.names)],
        rowCount,
        timestamps,
        watermarks,
      }),
    )
  }
}
