import { SabotError } from '../core/errors.js'
import { isKernelCall } from '../operators/aggregates/kernel-functions.js'
import { keyFields } from '../operators/keyed/key-fields.js'
import { describeAggregate, type NamedAggregate } from '../operators/window-results.js'
import { sliceGrid } from '../operators/windows/shared-slices.js'
import { type SlicedWindows, slicedOperator } from '../operators/windows/sliced-operator.js'
import { aggregateFields } from '../operators/windows/window-function.js'
import { outputSchema } from '../operators/windows/window-output.js'
import type { DraftNode, GraphBuilder, NodeInput } from './graph-builder.js'
import type { FieldOf } from './projection.js'
import { type StreamTraits, WindowedResults } from './stream.js'
import { type WindowAggregates, type WindowedResult, windowed } from './window-builder.js'
import { checkedFields } from './window-fields.js'
import type { WindowAssigner } from './windowing.js'

/** Windows of several kinds under names. */
export interface NamedWindows<Row> {
  readonly [name: string]: WindowAssigner<Row>
}

/** The results of each kind of windows. */
export type SeveralResults<Row, Key extends FieldOf<Row>, Windows extends NamedWindows<Row>, A> = {
  readonly [Name in keyof Windows]: WindowedResults<
    WindowedResult<Row, Key, Windows[Name] extends WindowAssigner<Row, infer Bounded> ? Bounded : never, A>,
    Row
  >
}

const OUTPUT = /^[a-z][A-Za-z0-9]{0,31}$/

/** A keyed stream in windows of several kinds at once. */
export class SeveralWindows<Row, Key extends FieldOf<Row>, Windows extends NamedWindows<Row>> {
  private readonly graph: GraphBuilder
  private readonly input: NodeInput
  private readonly traits: StreamTraits
  private readonly keys: readonly Key[]
  private readonly windows: Windows

  /** @throws SabotError INVALID_NAME */
  constructor(graph: GraphBuilder, input: NodeInput, traits: StreamTraits, keys: readonly Key[], windows: Windows) {
    const names = Object.keys(windows)
    const wrong = names.find(name => !OUTPUT.test(name) || name === 'main' || name === 'late')
    if (names.length === 0 || wrong !== undefined) {
      throw new SabotError(
        'INVALID_NAME',
        `windows() names each kind of windows, such as { minute: tumbling('1m') }, in lower camel case${
          wrong === undefined ? '' : `, not ${wrong}`
        }`,
        { name: wrong },
      )
    }
    this.graph = graph
    this.input = input
    this.traits = traits
    this.keys = keys
    this.windows = windows
  }

  /**
   * The same aggregates for each kind of windows, as a stream each. Tumbling and sliding windows share slices: each
   * record is added once, however many windows it is in. Where the kernel computes the windows, or their kind allows no
   * sharing, each has an operator of its own.
   * @throws SabotError as WindowedStream.aggregate
   */
  aggregate<const A extends WindowAggregates<Row>>(aggregates: A): SeveralResults<Row, Key, Windows, A> {
    const separate = () =>
      Object.entries(this.windows).map(([name, assigner]) => {
        return [name, windowed(this.graph, this.input, this.traits, this.keys, assigner).aggregate(aggregates)] as const
      })
    const results = this.shared(aggregates) ?? separate()
    return Object.fromEntries<unknown>(results) as SeveralResults<Row, Key, Windows, A>
  }

  private shared(aggregates: {
    readonly [name: string]: object
  }): (readonly [string, WindowedResults<unknown, Row>])[] | undefined {
    const { keys, traits } = this
    const calls = checkedFields(aggregates, keys, true, traits.fields).filter((field): field is NamedAggregate => {
      return !('pane' in field)
    })
    if (calls.length < Object.keys(aggregates).length) return undefined
    const definitions: SlicedWindows[] = []
    for (const [name, { settings }] of Object.entries(this.windows)) {
      if (settings.kind !== 'slices' || settings.time !== 'event') return undefined
      definitions.push({ geometry: settings.geometry, output: name, lateOutput: `${name}-late` })
    }
    const hasGrid = sliceGrid(definitions.map(({ geometry }) => geometry)) !== undefined
    if (!hasGrid || !traits.isTimed || calls.every(isKernelCall)) return undefined
    const node = this.add(definitions, calls)
    const shape = (of: NonNullable<typeof traits.schema>) => ({
      keys: keyFields(of, keys),
      hasBounds: true,
      isTimed: true,
    })
    const schema = traits.schema && outputSchema(shape(traits.schema), aggregateFields(traits.schema, calls, false))
    const fields = [...keys, 'windowStart', 'windowEnd', ...calls.map(({ name }) => name)]
    const out: StreamTraits = { isTimed: true, fields, schema }
    return definitions.map(({ geometry, output, lateOutput }) => {
      const windows = { assigner: { kind: 'slices', time: 'event', geometry }, allowedLatenessMs: 0 } as const
      const outputs = { main: output, late: lateOutput }
      return [output, new WindowedResults<unknown, Row>(this.graph, node, out, traits, windows, outputs)]
    })
  }

  private add(windows: readonly SlicedWindows[], aggregates: readonly NamedAggregate[]): DraftNode {
    const { keys } = this
    const descriptions = Object.entries(this.windows).map(([name, { description }]) => `${name}: ${description}`)
    const what = aggregates.map(describeAggregate)
    return this.graph.add({
      kind: 'windows',
      description: `${descriptions.join(', ')}; by ${keys.join(', ')}: ${what.join(', ')} (shared slices on the host)`,
      inputs: [{ ...this.input, hashOf: keys }],
      role: { kind: 'operator', create: slicedOperator({ keys, windows, aggregates, mainOutput: '' }) },
      settings: {
        keys,
        windows: windows.map(({ geometry, output }) => ({ name: output, ...geometry })),
        aggregates: what,
      },
      schema: undefined,
    })
  }
}
