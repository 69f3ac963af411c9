import { describe, expect, it } from 'vitest'
import type { Batch } from '../../src/core/batch.js'
import { type GraphNode, JobGraph } from '../../src/graph/job-graph.js'
import { collect, execute, job, memory } from '../../src/index.js'
import { NO_STATE, type Operator, type OperatorContext } from '../../src/operators/operator.js'
import { ManualClock, MemoryFiles } from '../../src/testing/index.js'
import { environment } from './streams.js'

const ROWS = Array.from({ length: 20 }, (_, n) => ({ n }))

/** The job `memory -> operator -> collect`. */
function graphOf(create: (context: OperatorContext) => Operator): { graph: JobGraph; rows: unknown[] } {
  const sink = collect()
  const { nodes } = job('waiting', j => {
    j.from(memory(ROWS))
      .filter(() => true)
      .to(sink)
  }).plan()
  const replaced = nodes.map((node): GraphNode => {
    return node.role.kind === 'operator' ? { ...node, role: { kind: 'operator', create } } : node
  })
  return { graph: new JobGraph('waiting', [], replaced), rows: sink.rows }
}

abstract class PlainOperator implements Operator {
  readonly dropped = {}
  abstract onBatch(batch: Batch): undefined
  onWatermark(): undefined {}
  snapshot() {
    return NO_STATE
  }
  restore(): void {}
  gauges() {
    return {}
  }
  close(): void {}
}

describe('an operator that waits', () => {
  it('gets no element while it is full, and the stream ends when nothing is out any more', async () => {
    let mostHeld = 0
    class Slow extends PlainOperator {
      private readonly held: Batch[] = []
      private isAnswered = false
      private readonly context: OperatorContext
      constructor(context: OperatorContext) {
        super()
        this.context = context
      }
      get isFull(): boolean {
        return this.held.length > 0
      }
      get isPending(): boolean {
        return this.held.length > 0
      }
      onBatch(batch: Batch): undefined {
        this.held.push(batch)
        mostHeld = Math.max(mostHeld, this.held.length)
        setTimeout(() => {
          this.isAnswered = true
          this.context.wake()
        }, 1)
      }
      onWake(): undefined {
        if (!this.isAnswered) return
        this.isAnswered = false
        for (const batch of this.held.splice(0)) this.context.output.batch(batch)
      }
    }
    const { graph, rows } = graphOf(context => new Slow(context))
    const { status, error } = await execute(graph, environment(), { batchRows: 3 }).ended
    expect(error).toBeUndefined()
    expect(status).toBe('finished')
    expect(mostHeld).toBe(1)
    expect(rows).toEqual(ROWS)
  })

  it('is called once when processing time has reached what it asked for', async () => {
    const clock = new ManualClock(1_000)
    const calls: number[] = []
    class Timed extends PlainOperator {
      isPending = true
      private readonly context: OperatorContext
      constructor(context: OperatorContext) {
        super()
        this.context = context
      }
      onBatch(batch: Batch): undefined {
        const { processingTime, output } = this.context
        processingTime.wakeAt(3_000)
        processingTime.wakeAt(2_000)
        processingTime.wakeAt(2_000)
        output.batch(batch)
      }
      onProcessingTime(now: number): undefined {
        calls.push(now)
        this.isPending = calls.length < 2
      }
    }
    const { graph } = graphOf(context => new Timed(context))
    const handle = execute(graph, environment(new MemoryFiles(), clock))
    for (let turn = 0; turn < 20; turn++) {
      await new Promise(resolve => setTimeout(resolve, 1))
      if (turn > 5) clock.advance(200)
    }
    expect((await handle.ended).status).toBe('finished')
    expect(calls).toEqual([2_000, 3_000])
  })
})
