/* Several operators behind one another as one, for vectors of pipelines. */
import { collect } from '../../src/connectors/collect.js'
import { memory } from '../../src/connectors/memory.js'
import type { Batch } from '../../src/core/batch.js'
import type { Schema } from '../../src/core/schema.js'
import { job } from '../../src/graph/job.js'
import type { Stream } from '../../src/graph/stream.js'
import type { Operator, OperatorFactory, Output, Steps } from '../../src/operators/operator.js'

/** The operators of these kinds that a pipeline over rows of a schema has, in the order of `kinds`, as one operator. */
export function chainOf<Row>(
  kinds: readonly string[],
  schema: Schema<Row>,
  define: (rows: Stream<Row>) => Stream<unknown>,
): OperatorFactory {
  const { nodes } = job('vector', j => {
    define(j.from(memory<Row>([], { schema })).withTimestamps(() => 0, { outOfOrderness: 0 })).to(collect<unknown>())
  }).plan()
  return chained(
    kinds.flatMap(kind => {
      const role = nodes.find(node => node.kind === kind)?.role
      return role?.kind === 'operator' ? [role.create] : []
    }),
  )
}

function chained(factories: readonly OperatorFactory[]): OperatorFactory {
  return context => {
    const stages: Operator[] = []
    let output: Output = context.output
    for (const create of factories.toReversed()) {
      const stage = create({ ...context, output })
      stages.unshift(stage)
      output = {
        batch: batch => finish(stage.onBatch(batch, 0)),
        side: (name, batch) => context.output.side(name, batch),
        watermark: timestamp => finish(stage.onWatermark(timestamp, 0)),
        idle: () => {},
        active: () => {},
      }
    }
    return new Chain(stages, output)
  }
}

/** It is fed, and its outcome is looked at; nobody takes snapshots of it. */
class Chain implements Operator {
  readonly dropped = {}
  private readonly stages: readonly Operator[]
  private readonly input: Output

  constructor(stages: readonly Operator[], input: Output) {
    this.stages = stages
    this.input = input
  }

  onBatch(batch: Batch): undefined {
    this.input.batch(batch)
  }

  onWatermark(timestamp: number): undefined {
    this.input.watermark(timestamp)
  }

  snapshot(): never {
    throw new TypeError('A chain has no snapshot')
  }

  restore(): never {
    throw new TypeError('A chain has no snapshot')
  }

  gauges() {
    return {}
  }

  close(): void {
    for (const stage of this.stages) stage.close()
  }
}

function finish(steps: Steps | undefined): void {
  while (steps?.next().done === false) {
    // Nothing else happens between two steps here.
  }
}
