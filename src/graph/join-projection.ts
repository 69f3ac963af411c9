/* What joins put out: fields of the left and the right row, and functions of both, with their types. */
import { SabotError } from '../core/errors.js'
import { Schema } from '../core/schema.js'
import type { RowOf, SchemaShape } from '../core/types.js'
import type { TimeWindow } from '../core/window-geometry.js'
import { type JoinColumn, type JoinSelect, joinSchema, type PairFunction } from '../operators/joins/join-projection.js'
import { type JoinType, nullableSides } from '../operators/joins/join-type.js'
import type { LateFrom } from '../operators/time/explain-late-rows.js'
import { checkKnownField } from './fields.js'
import type { DraftNode, GraphBuilder } from './graph-builder.js'
import type { FieldOf, Simplified, Widened } from './projection.js'
import { JoinResults, Stream, type StreamTraits } from './stream.js'

/** A field of one side of a join. */
export interface JoinField<Side extends 'left' | 'right', Field extends string> {
  readonly kind: 'join-field'
  readonly side: Side
  readonly field: Field
}

/** A field of the left row: `select({ id: left('id') })`. */
export function left<const Field extends string>(field: Field): JoinField<'left', Field> {
  return { kind: 'join-field', side: 'left', field }
}

/** A field of the right row: `select({ amount: right('amount') })`. */
export function right<const Field extends string>(field: Field): JoinField<'right', Field> {
  return { kind: 'join-field', side: 'right', field }
}

/** What may be missing on the left, or on the right, of a result. */
export type LeftOf<Value, Type> = Type extends 'right' | 'full' ? Value | null : Value
export type RightOf<Value, Type> = Type extends 'left' | 'full' ? Value | null : Value

/** Output fields of a join: a field of one side, or a function of both rows. A row that is not there is null. */
export interface JoinProjection<L, R, Type> {
  readonly [field: string]:
    | JoinField<'left', FieldOf<L>>
    | JoinField<'right', FieldOf<R>>
    | ((left: LeftOf<L, Type>, right: RightOf<R, Type>) => unknown)
}

/** The rows that a projection of a join gives. */
export type JoinProjected<L, R, Type, P> = Simplified<{
  readonly [Field in keyof P]: P[Field] extends JoinField<'left', infer Name>
    ? Name extends keyof L
      ? LeftOf<L[Name], Type>
      : never
    : P[Field] extends JoinField<'right', infer Name>
      ? Name extends keyof R
        ? RightOf<R[Name], Type>
        : never
      : P[Field] extends (left: never, right: never) => infer Value
        ? Widened<Value>
        : never
}>

/** One side of a join: what is known of the stream, and its keys. */
export interface JoinSideTraits {
  readonly traits: StreamTraits
  readonly keys: readonly string[]
}

/** What a join puts out, and what is known of it before the job runs. */
export interface JoinPlan {
  readonly select: JoinSelect
  readonly description: string
  readonly fields: readonly string[] | undefined
  readonly schema: Schema | undefined
  /** The fields that are kept of each side, for the settings; null: all. */
  readonly kept: { readonly left: readonly string[] | null; readonly right: readonly string[] | null }
}

export interface JoinSidesTraits {
  readonly left: JoinSideTraits
  readonly right: JoinSideTraits
  readonly type: JoinType
}

/** @throws SabotError EMPTY_SELECT, UNKNOWN_FIELD */
export function planSelect(sides: JoinSidesTraits, projection: Readonly<Record<string, unknown>>): JoinPlan {
  const columns = Object.entries(projection).map(([name, value]): JoinColumn => {
    if (typeof value === 'function') return { name, compute: value as PairFunction<unknown> }
    if (!isJoinField(value)) {
      throw new TypeError(`select() takes left('field'), right('field') or a function for ${name}`)
    }
    const { side, field } = value
    checkKnownField('select', field, sides[side].traits.fields)
    return { name, side, field }
  })
  if (columns.length === 0) throw new SabotError('EMPTY_SELECT', 'select() needs at least one field')
  const hasFunctions = columns.some(({ side }) => side === undefined)
  const keptOf = (side: 'left' | 'right') => {
    if (hasFunctions) return null
    const named = columns.flatMap(column => (column.side === side ? [column.field] : []))
    return [...new Set([...sides[side].keys, ...named])].sort()
  }
  return planned(sides, {
    select: { kind: 'columns', columns },
    description: columns.map(describeColumn).join(', '),
    fields: columns.map(({ name }) => name),
    kept: { left: keptOf('left'), right: keptOf('right') },
  })
}

function isJoinField(value: unknown): value is JoinField<'left' | 'right', string> {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'join-field'
}

export function planMap(
  sides: JoinSidesTraits,
  transform: PairFunction<object>,
  shape: SchemaShape | undefined,
): JoinPlan {
  const schema = shape === undefined ? undefined : Schema.of(shape)
  return planned(sides, {
    select: { kind: 'objects', transform, schema },
    description: transform.name === '' ? 'a function' : transform.name,
    fields: schema?.names,
    kept: { left: null, right: null },
  })
}

function planned({ left, right, type }: JoinSidesTraits, plan: Omit<JoinPlan, 'schema'>): JoinPlan {
  return { ...plan, schema: joinSchema(plan.select, left.traits.schema, right.traits.schema, nullableSides(type)) }
}

function describeColumn(column: JoinColumn): string {
  if (column.side === undefined) return `${column.name} (computed)`
  return column.field === column.name ? column.name : `${column.side} ${column.field} as ${column.name}`
}

/** Two streams that are joined; it remains to say what comes out of each pair of rows. */
export class Joined<L, R, Type extends JoinType> {
  private readonly sides: JoinSidesTraits
  private readonly build: (plan: JoinPlan) => JoinNode

  constructor(sides: JoinSidesTraits, build: (plan: JoinPlan) => JoinNode) {
    this.sides = sides
    this.build = build
  }

  /**
   * The named fields of both rows, and functions of both. Fields go from column to column, no object is made.
   * @throws SabotError EMPTY_SELECT, UNKNOWN_FIELD
   */
  select<const P extends JoinProjection<L, R, Type>>(projection: P): JoinResults<JoinProjected<L, R, Type, P>, L, R> {
    return this.results(planSelect(this.sides, projection))
  }

  /** One record for each pair of rows. The schema is declared by `shape`, or inferred from the first records. */
  map<const Shape extends SchemaShape>(
    transform: (left: LeftOf<L, Type>, right: RightOf<R, Type>) => RowOf<Shape>,
    shape: Shape,
  ): JoinResults<RowOf<Shape>, L, R>
  map<Out extends object>(transform: (left: LeftOf<L, Type>, right: RightOf<R, Type>) => Out): JoinResults<Out, L, R>
  map<Out>(transform: (left: never, right: never) => object, shape?: SchemaShape): JoinResults<Out, L, R> {
    return this.results(planMap(this.sides, transform as PairFunction<object>, shape))
  }

  private results<Out>(plan: JoinPlan): JoinResults<Out, L, R> {
    const { graph, node, traits, lateFrom } = this.build(plan)
    return new JoinResults(graph, node, traits, this.sides.left.traits, this.sides.right.traits, lateFrom)
  }
}

/** A stream and a side input; it remains to say what comes out of each pair of rows. */
export class EnrichedRows<L, R, Type extends JoinType> {
  private readonly sides: JoinSidesTraits
  private readonly build: (plan: JoinPlan) => Omit<JoinNode, 'lateFrom'>

  constructor(sides: JoinSidesTraits, build: (plan: JoinPlan) => Omit<JoinNode, 'lateFrom'>) {
    this.sides = sides
    this.build = build
  }

  /**
   * The named fields of both rows, and functions of both.
   * @throws SabotError EMPTY_SELECT, UNKNOWN_FIELD
   */
  select<const P extends JoinProjection<L, R, Type>>(projection: P): Stream<JoinProjected<L, R, Type, P>> {
    return this.results(planSelect(this.sides, projection))
  }

  /** One record for each pair of rows. The schema is declared by `shape`, or inferred from the first records. */
  map<const Shape extends SchemaShape>(
    transform: (left: LeftOf<L, Type>, right: RightOf<R, Type>) => RowOf<Shape>,
    shape: Shape,
  ): Stream<RowOf<Shape>>
  map<Out extends object>(transform: (left: LeftOf<L, Type>, right: RightOf<R, Type>) => Out): Stream<Out>
  map<Out>(transform: (left: never, right: never) => object, shape?: SchemaShape): Stream<Out> {
    return this.results(planMap(this.sides, transform as PairFunction<object>, shape))
  }

  private results<Out>(plan: JoinPlan): Stream<Out> {
    const { graph, node, traits } = this.build(plan)
    return new Stream(graph, node, traits)
  }
}

/** The bounds of the window that a pair is in, ms since the epoch; the end is exclusive. */
export interface WindowFields {
  readonly windowStart: number
  readonly windowEnd: number
}

/** Two streams that are joined by window; it remains to say what comes out of each pair of rows. */
export class WindowJoined<L, R, Type extends JoinType> {
  private readonly sides: JoinSidesTraits
  private readonly build: (plan: JoinPlan) => JoinNode

  constructor(sides: JoinSidesTraits, build: (plan: JoinPlan) => JoinNode) {
    this.sides = sides
    this.build = build
  }

  /**
   * The named fields of both rows, and functions of both; then `windowStart` and `windowEnd`.
   * @throws SabotError EMPTY_SELECT, UNKNOWN_FIELD, DUPLICATE_FIELD
   */
  select<const P extends JoinProjection<L, R, Type>>(
    projection: P,
  ): JoinResults<Simplified<JoinProjected<L, R, Type, P> & WindowFields>, L, R> {
    return this.results(planSelect(this.sides, projection))
  }

  /** One record for each pair of rows. The schema is declared by `shape`, or inferred from the first records. */
  map<const Shape extends SchemaShape>(
    transform: (left: LeftOf<L, Type>, right: RightOf<R, Type>, window: TimeWindow) => RowOf<Shape>,
    shape: Shape,
  ): JoinResults<RowOf<Shape>, L, R>
  map<Out extends object>(
    transform: (left: LeftOf<L, Type>, right: RightOf<R, Type>, window: TimeWindow) => Out,
  ): JoinResults<Out, L, R>
  map<Out>(
    transform: (left: never, right: never, window: TimeWindow) => object,
    shape?: SchemaShape,
  ): JoinResults<Out, L, R> {
    return this.results(planMap(this.sides, transform as PairFunction<object>, shape))
  }

  private results<Out>(plan: JoinPlan): JoinResults<Out, L, R> {
    const { graph, node, traits, lateFrom } = this.build(plan)
    return new JoinResults(graph, node, traits, this.sides.left.traits, this.sides.right.traits, lateFrom)
  }
}

/** The node of a join, and what is known of its rows. */
export interface JoinNode {
  readonly graph: GraphBuilder
  readonly node: DraftNode
  readonly traits: StreamTraits
  readonly lateFrom: LateFrom
}
