import { Batch } from '../core/batch.js'
import { Utf8Column } from '../core/columns-text.js'
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
  private schema: Schema | undefined

  private readonly field: string

  constructor(context: OperatorContext, field: string) {
    super(context)
    this.field = field
  }

  onBatch(input: Batch): undefined {
    const { schema, columns, rowCount, timestamps, watermarks, kinds } = input.compact()
    this.schema ??= changelogSchema(schema, this.field)
    const names = Array.from({ length: rowCount }, (_, row) => ROW_KIND_NAMES[kinds?.[row] ?? INSERT] ?? '')
    this.context.output.batch(
      new Batch({
        schema: this.schema,
        columns: [...columns, Utf8Column.from(names)],
        rowCount,
        timestamps,
        watermarks,
      }),
    )
  }
}
