/* Which rows are aggregated by their sender, before they leave for the subtasks that have their keys. */
import type { Schema } from '../core/schema.js'
import { LATE_OUTPUT } from '../operators/kernel-aggregation.js'
import type { LocalAggregateFactory } from '../operators/local-aggregate.js'
import type { NamedAggregate } from '../operators/window-results.js'
import type { Exchange } from './execution-graph.js'
import type { JobGraph } from './job-graph.js'

/**
 * Whether senders aggregate, where a window's rows go to several subtasks: 'exact', the default: where results cannot
 * depend on the order in which rows are added; 'always': sums and means of floats too, whose last bits then depend on
 * how many senders there are and when checkpoints were taken; 'never'.
 */
export type PreAggregation = 'exact' | 'always' | 'never'

/** The local aggregation of an exchange: that of the operator it leads to, unless somebody reads late rows one by one. */
export function localAggregateOf(
  job: JobGraph,
  { to, partition }: Pick<Exchange, 'to' | 'partition'>,
): LocalAggregateFactory | undefined {
  const { role } = job.node(to.node)
  if (role.kind !== 'operator' || typeof partition !== 'object' || partition.hashOf.length === 0) return undefined
  const isLateRead = job.nodes.some(({ inputs }) => {
    return inputs.some(({ from, output }) => from === to.node && output === LATE_OUTPUT)
  })
  return isLateRead ? undefined : role.localAggregate
}

/** Whether the aggregates are the same, bit for bit, in whatever order rows are added. */
export function areOrderFree(aggregates: readonly NamedAggregate[], schema: Schema): boolean {
  return aggregates.every(({ function: kind, field }) => {
    if (kind !== 'sum' && kind !== 'mean') return true
    const type = field === undefined ? undefined : schema.field(field).type
    return type !== 'f64' && type !== 'f32'
  })
}
