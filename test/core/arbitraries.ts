/* Schemas, rows and batches for property tests. */
import fc from 'fast-check'
import {
  type Batch,
  BatchBuilder,
  type ColumnType,
  decimal,
  type Field,
  formatDecimal,
  Schema,
} from '../../src/core/index.js'

const names = fc.oneof(
  fc.string({ minLength: 1, maxLength: 5 }),
  fc.constantFrom('__proto__', 'constructor', 'toString', 'a', 'b', 'length', '1'),
)

/** Column types; `depth` levels of lists and structs. */
export function columnType(depth = 2, withObjects = true): fc.Arbitrary<ColumnType> {
  const flat: fc.Arbitrary<ColumnType>[] = [
    fc.constantFrom('bool', 'i32', 'i64', 'f32', 'f64', 'utf8', 'timestamp'),
    fc.integer({ min: 0, max: 18 }).map(decimal),
  ]
  if (withObjects) flat.push(fc.constant('object'))
  if (depth === 0) return fc.oneof(...flat)
  return fc.oneof(
    { weight: 6, arbitrary: fc.oneof(...flat) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(columnType(depth - 1, withObjects), fc.boolean())
        .map(([type, nulls]): ColumnType => ({ kind: 'list', element: nulls ? { kind: 'nullable', type } : type })),
    },
    {
      weight: 1,
      arbitrary: fields(depth - 1, withObjects).map((list): ColumnType => ({ kind: 'struct', fields: list })),
    },
  )
}

export function fields(depth = 2, withObjects = true): fc.Arbitrary<Field[]> {
  return fc.uniqueArray(
    fc.record({ name: names, type: columnType(depth, withObjects), nullable: fc.boolean() }, { noNullPrototype: true }),
    { selector: field => field.name, minLength: 1, maxLength: 4 },
  )
}

/** Well-formed strings, as a column gives them back. */
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc.constantFrom('', 'SFO', 'naïve', '日本', '😀', '"\n'),
)

export function valueFor(type: ColumnType): fc.Arbitrary<unknown> {
  switch (type) {
    case 'bool':
      return fc.boolean()
    case 'i32':
      return fc.integer()
    case 'i64':
      return fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
    case 'f32':
      return fc.float()
    case 'f64':
      return fc.double()
    case 'utf8':
      return text
    case 'timestamp':
      return fc.oneof(fc.integer({ min: -8.64e15, max: 8.64e15 }), fc.constantFrom(8.64e15, -8.64e15, 0, -1))
    case 'object':
      return fc.oneof(fc.record({ a: fc.integer() }, { noNullPrototype: true }), fc.constant('x'), fc.constant(null))
    default:
      if (type.kind === 'decimal') {
        return fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(value => formatDecimal(value, type.scale))
      }
      if (type.kind === 'list') {
        const { element } = type
        const inner =
          typeof element === 'object' && element.kind === 'nullable'
            ? fc.option(valueFor(element.type))
            : valueFor(element as ColumnType)
        return fc.array(inner, { maxLength: 3 })
      }
      return rowOf(type.fields)
  }
}

export function rowOf(list: readonly Field[]): fc.Arbitrary<object> {
  const values = list.map(({ type, nullable }) => (nullable ? fc.option(valueFor(type), { freq: 3 }) : valueFor(type)))
  return fc.tuple(...values).map(row => {
    const object = {}
    for (const [index, { name }] of list.entries()) {
      Object.defineProperty(object, name, { value: row[index], enumerable: true, configurable: true, writable: true })
    }
    return object
  })
}

export interface RowsCase<Row = unknown> {
  readonly schema: Schema<Row>
  readonly rows: object[]
}

export function rowsCase(withObjects = true, maxRows = 20): fc.Arbitrary<RowsCase> {
  return fields(2, withObjects).chain(list =>
    fc.array(rowOf(list), { maxLength: maxRows }).map(rows => ({ schema: new Schema(list), rows })),
  )
}

export function batchOf<Row>({ schema, rows }: RowsCase<Row>): Batch<Row> {
  const builder = new BatchBuilder(schema)
  for (const row of rows) builder.append(row)
  return builder.finish()
}

/** A strictly ascending choice of positions below `length`. */
export function positions(length: number): fc.Arbitrary<Uint32Array> {
  return fc
    .array(fc.boolean(), { minLength: length, maxLength: length })
    .map(kept => Uint32Array.from(kept.flatMap((keep, index) => (keep ? [index] : []))))
}
