/* The names and types of a batch's columns. */
import { describeValue, SabotError } from './errors.js'
import { nearestName } from './nearest.js'
import {
  describeFields,
  type Field,
  type FieldJSON,
  fieldFromJSON,
  fieldsEqual,
  fieldsOf,
  fieldToJSON,
  type RowOf,
  type SchemaShape,
} from './types.js'

export interface SchemaJSON {
  readonly fields: readonly FieldJSON[]
}

/** The names of a row type's fields; any string for a row type that has none that are known. */
export type FieldName<Row> = [keyof Row] extends [never] ? string : Extract<keyof Row, string>

type Selected<Row, Name> = [keyof Row] extends [never] ? object : Pick<Row, Extract<Name, keyof Row>>

/**
 * An immutable list of named, typed fields. Names are compared as they are; `__proto__` and `constructor` are names
 * like any other. Laws: `Schema.fromJSON(s.toJSON()).equals(s)`; `s.select(names)` keeps the order of `names`.
 */
export class Schema<Row = unknown> {
  readonly fields: readonly Field[]
  /** Type level only: what a row of this schema is. */
  declare readonly rowType?: Row
  private readonly indexes: ReadonlyMap<string, number>

  /** @throws SabotError DUPLICATE_FIELD */
  constructor(fields: readonly Field[]) {
    const indexes = new Map<string, number>()
    for (const [index, { name }] of fields.entries()) {
      if (indexes.has(name)) {
        throw new SabotError('DUPLICATE_FIELD', `The schema has two fields named ${describeValue(name)}`, {
          field: name,
        })
      }
      indexes.set(name, index)
    }
    this.fields = Object.freeze(fields.map(({ name, type, nullable }) => Object.freeze({ name, type, nullable })))
    this.indexes = indexes
  }

  /** A schema from a shape: `Schema.of({ origin: 'utf8', delay: nullable('i32') })`. */
  static of<const Shape extends SchemaShape>(shape: Shape): Schema<RowOf<Shape>> {
    return new Schema(fieldsOf(shape))
  }

  /** @throws SabotError SCHEMA_INVALID when `json` is not what toJSON writes. */
  static fromJSON(json: unknown): Schema {
    const fields = typeof json === 'object' && json !== null && 'fields' in json ? json.fields : undefined
    if (!Array.isArray(fields)) {
      throw new SabotError('SCHEMA_INVALID', 'A schema in JSON is an object with a list named fields', { schema: json })
    }
    return new Schema(fields.map(fieldFromJSON))
  }

  get names(): string[] {
    return this.fields.map(({ name }) => name)
  }

  has(name: string): boolean {
    return this.indexes.has(name)
  }

  /**
   * The position of a field.
   * @throws SabotError UNKNOWN_FIELD, listing the known fields and the nearest name.
   */
  indexOf(name: string): number {
    const index = this.indexes.get(name)
    if (index === undefined) throw unknownField(name, this.names)
    return index
  }

  /** @throws SabotError UNKNOWN_FIELD, listing the known fields and the nearest name. */
  field(name: string): Field {
    const field = this.fields[this.indexOf(name)]
    if (field === undefined) throw unknownField(name, this.names)
    return field
  }

  /** The named fields, in the order of `names`. @throws SabotError UNKNOWN_FIELD */
  select<Name extends FieldName<Row>>(names: readonly Name[]): Schema<Selected<Row, Name>> {
    return new Schema(names.map(name => this.field(name)))
  }

  equals(other: Schema): boolean {
    return this === other || fieldsEqual(this.fields, other.fields)
  }

  /** The fields in words: `origin: utf8, delay: i32?`. */
  describe(): string {
    return describeFields(this.fields)
  }

  toJSON(): SchemaJSON {
    return { fields: this.fields.map(fieldToJSON) }
  }
}

/** A schema from a shape: `schema({ origin: 'utf8', delay: nullable('i32') })`. */
export function schema<const Shape extends SchemaShape>(shape: Shape): Schema<RowOf<Shape>> {
  return Schema.of(shape)
}

function unknownField(name: string, known: readonly string[]): SabotError {
  const nearest = nearestName(name, known)
  const hint = nearest === undefined ? '' : ` Did you mean ${describeValue(nearest)}?`
  const list = known.length === 0 ? 'It has no fields.' : `It has ${known.join(', ')}.`
  return new SabotError('UNKNOWN_FIELD', `The schema has no field ${describeValue(name)}.${hint} ${list}`, {
    field: name,
    known,
    nearest,
  })
}
