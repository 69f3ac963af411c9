import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ExecutionGraph } from '../../src/graph/execution-graph.js'
import { executionDot, explainExecution } from '../../src/graph/explain-execution.js'
import { collect, count, type JobBuilder, job, memory, type Source, type Stream, tumbling } from '../../src/index.js'

interface Visit {
  readonly page: string
  readonly at: number
}

const rows = (): Source<Visit> => memory<Visit>([{ page: 'home', at: 1 }])

/** A source that can be read in parts. */
function split(parts: number): Source<Visit> {
  const source = rows()
  return {
    ...source,
    open: context => source.open(context),
    splits: async () => Array.from({ length: parts }, (_, n) => ({ id: `p${n}`, source: rows() })),
  }
}

const timed = (j: JobBuilder, source: Source<Visit> = rows()): Stream<Visit> =>
  j.from(source).withTimestamps('at', { outOfOrderness: 0 })

const visits = job('visits', j => {
  const pages = timed(j).filter(visit => visit.page !== '')
  const counts = pages.keyBy('page').window(tumbling('1m')).aggregate({ n: count() }).as('windows')
  counts.to(collect())
  counts.late.to(collect())
})

const planned = (build: (j: JobBuilder) => void, parallelism?: number): ExecutionGraph =>
  new ExecutionGraph(job('planned', build).plan(), parallelism)

const chains = ({ chains: all }: ExecutionGraph): [string[], number][] =>
  all.map(({ nodes, parallelism }) => [nodes.map(({ id }) => id), parallelism])

const fault = (code: string, part: RegExp): unknown =>
  expect.objectContaining({ code, message: expect.stringMatching(part) })

describe('the execution graph', () => {
  it('of parallelism 1 is one task', () => {
    const graph = new ExecutionGraph(visits.plan())
    expect(chains(graph)).toEqual([[['source-1', 'timestamps-1', 'filter-1', 'windows', 'sink-1', 'sink-2'], 1]])
    expect(graph.exchanges).toEqual([])
    expect(graph.slots.map(({ subtasks }) => subtasks.map(({ id }) => id))).toEqual([['0.0']])
  })

  it('spreads keyed operators, and gathers rows again where a sink cannot be shared', () => {
    const graph = new ExecutionGraph(visits.plan(), 3)
    expect(explainExecution(graph)).toBe(
      [
        'parallelism 3, 128 key groups',
        'tasks',
        '  0  source-1 → timestamps-1 → filter-1  × 1',
        '  1  windows  × 3',
        '     <- task 0 (filter-1 → windows), by key (page)',
        '  2  sink-1  × 1',
        '     <- task 1 (windows → sink-1), by turns',
        '  3  sink-2  × 1',
        '     <- task 1 (windows, output late → sink-2), by turns',
        'slots',
        '  0  0 (1/1), 1 (1/3), 2 (1/1), 3 (1/1)',
        '  1  1 (2/3)',
        '  2  1 (3/3)',
      ].join('\n'),
    )
    expect(executionDot(graph)).toContain('"filter-1" -> "windows" [label="by key (page)", style=bold]')
  })

  it('reads a source that can be split in parallel, and keeps what follows it in the same tasks', () => {
    const graph = planned(
      j =>
        timed(j, split(4))
          .filter(visit => visit.at > 0)
          .to(collect()),
      4,
    )
    expect(chains(graph)).toEqual([
      [['source-1', 'timestamps-1', 'filter-1'], 4],
      [['sink-1'], 1],
    ])
  })

  it('takes hints: parallelism, chaining, slot sharing groups, and how rows are spread', () => {
    const graph = planned(j => {
      timed(j)
        .rebalance()
        .filter(visit => visit.at > 0)
        .parallelism(2)
        .as('spread')
        .map(visit => visit)
        .chaining('head')
        .slotSharingGroup('heavy')
        .as('own')
        .to(collect())
    })
    expect(chains(graph)).toEqual([
      [['source-1', 'timestamps-1'], 1],
      [['spread'], 2],
      [['own'], 2],
      [['sink-1'], 1],
    ])
    expect(graph.exchanges.map(({ partition }) => partition)).toEqual(['rebalance', 'forward', 'rebalance'])
    expect(graph.slots.map(({ group, subtasks }) => [group, subtasks.map(({ id }) => id)])).toEqual([
      ['default', ['0.0', '1.0']],
      ['default', ['1.1']],
      ['heavy', ['2.0', '3.0']],
      ['heavy', ['2.1']],
    ])
  })

  it('makes no two tasks wait for each other', () => {
    // keyed is behind an exchange, so the union cannot be in the task of both of its inputs.
    const graph = planned(j => {
      const source = timed(j, split(2))
      const keyed = source.keyBy('page').window(tumbling('1m')).aggregate({ n: count() }).select({ page: 'page' })
      source.select('page').union(keyed).to(collect())
    }, 2)
    for (const { from, to } of graph.exchanges) expect(from.chain).toBeLessThan(to.chain)
    expect(graph.exchanges).toContainEqual(
      expect.objectContaining({ partition: 'forward', to: expect.objectContaining({ node: 'union-1' }) }),
    )
  })

  it('names what cannot be', () => {
    expect(() => new ExecutionGraph(visits.plan(), 129)).toThrow(
      fault('INVALID_PARALLELISM', /windows .*129.*128.*maxParallelism/),
    )
    expect(() => new ExecutionGraph(visits.plan(), 0)).toThrow(fault('INVALID_PARALLELISM', /visits.*not 0/))
    const sink = job('sink', j => timed(j).to(collect(), { parallelism: 2 }))
    expect(() => new ExecutionGraph(sink.plan())).toThrow(fault('INVALID_PARALLELISM', /sink-1.*cannot be shared/))
    const few = job('few', j => {
      j.parallelism(200)
      timed(j).keyBy('page').window(tumbling('1m')).aggregate({ n: count() }).to(collect())
    })
    expect(() => new ExecutionGraph(few.plan())).toThrow(fault('INVALID_PARALLELISM', /window-aggregate-1.*200.*128/))
    expect(new ExecutionGraph(few.plan(), 4).slots).toHaveLength(4)
    expect(() => planned(j => timed(j).parallelism(1.5))).toThrow(fault('INVALID_PARALLELISM', /1\.5/))
    expect(() => planned(j => timed(j).chaining('often' as 'head'))).toThrow(fault('INVALID_OPTION', /chaining/))
    expect(() => planned(j => timed(j).slotSharingGroup('a b'))).toThrow(fault('INVALID_NAME', /a b/))
  })

  it('keeps its laws for any graph', () => {
    const step = fc.record({
      from: fc.nat(20),
      other: fc.nat(20),
      kind: fc.constantFrom('filter', 'union', 'keyed', 'rebalance', 'head'),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), fc.integer({ min: 1, max: 5 }), (steps, parallelism) => {
        const graph = planned(j => {
          const streams = [timed(j), timed(j, split(3))]
          const at = (n: number): Stream<Visit> => streams[n % streams.length] ?? timed(j)
          for (const { from, other, kind } of steps) {
            if (kind === 'union') streams.push(at(from).union(at(other)))
            else if (kind === 'keyed') {
              const windows = at(from).keyBy('page').window(tumbling('1m')).aggregate({ n: count() })
              streams.push(windows.select({ page: 'page', at: 'windowEnd' }))
            } else if (kind === 'rebalance')
              streams.push(
                at(from)
                  .rebalance()
                  .filter(() => true),
              )
            else
              streams.push(
                at(from)
                  .filter(() => true)
                  .chaining(kind === 'head' ? 'head' : 'auto'),
              )
          }
          for (const stream of streams.slice(-2)) stream.to(collect())
        }, parallelism)
        const { job: logical, chains: all, exchanges, slots, subtasks } = graph
        const chained = all.flatMap(({ nodes }) => nodes.map(({ id }) => id))
        expect(chained.sort()).toEqual(logical.nodes.map(({ id }) => id).sort())
        for (const { from, to } of exchanges) expect(from.chain).toBeLessThan(to.chain)
        for (const { nodes } of all) {
          for (const node of nodes) {
            for (const [input, { from, partition }] of node.inputs.entries()) {
              const isExchange = exchanges.some(({ to }) => to.node === node.id && to.input === input)
              expect(isExchange).toBe(!nodes.some(({ id }) => id === from))
              if (!isExchange && graph.chainOf(node.id).parallelism > 1) expect(partition).toBe('forward')
            }
          }
        }
        expect(slots.flatMap(slot => slot.subtasks).length).toBe(subtasks.length)
        for (const slot of slots)
          expect(new Set(slot.subtasks.map(({ chain }) => chain)).size).toBe(slot.subtasks.length)
        expect(new ExecutionGraph(logical, parallelism).canonical).toBe(graph.canonical)
      }),
      { numRuns: 60 },
    )
  })
})
