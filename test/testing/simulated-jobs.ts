/* Jobs for the simulator, one or more of each shape. Nothing in them is late unless every order of arrival agrees on it. */
import {
  count,
  generator,
  type Job,
  job,
  left,
  max,
  memory,
  ndjson,
  right,
  type Source,
  schema,
  session,
  sliding,
  sum,
  tumbling,
  valueState,
} from '../../src/index.js'
import type { SimulateOptions } from '../../src/testing/index.js'
import { builds } from '../kernel/builds.js'
import { type Reading, readings, sensorJob } from '../runtime/streams.js'

export const createKernel: SimulateOptions['createKernel'] = () => {
  const [build] = builds
  if (build === undefined) throw new TypeError('no kernel is built')
  return build.create()
}

export const rows = readings(120, 1)
const onTime = readings(120, 2, 0)
const others = readings(60, 3, 0)

/** Parts that are read side by side. */
function inSplits(all: readonly Reading[], parts: number): Source<Reading> {
  const whole = memory(all)
  return {
    kind: whole.kind,
    description: whole.description,
    schema: whole.schema,
    replayable: true,
    open: context => whole.open(context),
    splits: async () =>
      Array.from({ length: parts }, (_, part) => {
        return { id: `part-${part}`, source: memory(all.filter((_row, n) => n % parts === part)) }
      }),
  }
}

const timed = { outOfOrderness: '500ms' } as const

const stateless = job('stateless', j => {
  j.from(memory(rows))
    .rebalance()
    .filter(row => row.value > 0)
    .parallelism(3)
    .map(row => ({ sensor: row.sensor, twice: row.value * 2 }))
    .to(ndjson('doubled.ndjson'))
})

const stages = job('two-stages', j => {
  const perSensor = j
    .from(memory(rows))
    .withTimestamps('at', { outOfOrderness: '1s' })
    .keyBy('sensor')
    .window(sliding('2s', '500ms'))
    .aggregate({ n: count(), total: sum('value') })
  const perCount = perSensor
    .keyBy('n')
    .window(tumbling('2s'))
    .aggregate({ sensors: count(), most: max('total') })
  perSensor.to(ndjson('sensors.ndjson'))
  perCount.to(ndjson('counts.ndjson'))
  perSensor.late.to(ndjson('late.ndjson'))
})

const branches = job('branches', j => {
  const shape = schema({ n: 'i32', at: 'timestamp', group: 'utf8' })
  const numbers = j
    .from(generator(n => ({ n, at: n * 25, group: `g${n % 11}` }), { count: 120, schema: shape }))
    .withTimestamps('at', { outOfOrderness: 0 })
  const even = numbers
    .filter(row => row.n % 2 === 0)
    .keyBy('group')
    .window(tumbling('1s'))
    .aggregate({ n: count() })
  even.as('even').to(ndjson('even.ndjson'))
  numbers
    .chaining('never')
    .keyBy('n')
    .window(tumbling('100ms'))
    .aggregate({ total: sum('n') })
    .to(ndjson('all.ndjson'))
})

const sessions = job('sessions', j => {
  const result = j
    .from(memory(rows))
    .withTimestamps('at', timed)
    .keyBy('sensor')
    .window(session('300ms'))
    .aggregate({ n: count(), total: sum('value'), most: max('value') })
  result.to(ndjson('sessions.ndjson'))
  result.late.to(ndjson('late.ndjson'))
})

const intervals = job('interval-join', j => {
  const one = j.from(memory(onTime), { idleness: 0 }).withTimestamps('at', timed)
  const two = j.from(memory(others), { idleness: 0 }).withTimestamps('at', timed)
  one
    .keyBy('sensor')
    .intervalJoin(two.keyBy('sensor'), { from: '-100ms', to: '200ms', type: 'left' })
    .select({ sensor: left('sensor'), at: left('at'), value: left('value'), other: right('value') })
    .to(ndjson('pairs.ndjson'))
})

const regular = job('regular-join', j => {
  const one = j.from(memory(onTime.slice(0, 60)), { idleness: 0 }).withTimestamps('at', timed)
  const two = j.from(memory(others.slice(0, 30)), { idleness: 0 }).withTimestamps('at', timed)
  one
    .keyBy('sensor')
    .join(two.keyBy('sensor'), { ttl: '1h' })
    .select({ sensor: left('sensor'), value: left('value'), other: right('value') })
    .to(ndjson('pairs.ndjson'))
})

const processed = job('process', j => {
  j.from(memory(onTime))
    .withTimestamps('at', timed)
    .keyBy('sensor')
    .process(
      {
        state: { seen: valueState<number>(), total: valueState<number>() },
        onRecord: (row, { state, timers, timestamp }) => {
          state.seen.set((state.seen.get() ?? 0) + 1)
          state.total.set((state.total.get() ?? 0) + row.value)
          timers.registerEventTime(Math.ceil((timestamp + 1) / 400) * 400)
        },
        onTimer: ({ time }, { key, state, emit }) => {
          emit({ sensor: key, until: time, seen: state.seen.get() ?? 0, total: state.total.get() ?? 0 })
          if ((state.seen.get() ?? 0) > 9) state.seen.clear()
        },
      },
      { sensor: 'utf8', until: 'timestamp', seen: 'f64', total: 'f64' },
    )
    .to(ndjson('processed.ndjson'))
})

/** Two inputs into one function, which tells what it has of both when both are past. */
const connected = job('connected', j => {
  const one = j.from(memory(onTime), { idleness: 0 }).withTimestamps('at', timed)
  const two = j.from(memory(others), { idleness: 0 }).withTimestamps('at', timed)
  one
    .keyBy('sensor')
    .connect(two.keyBy('sensor'))
    .process(
      {
        state: { balance: valueState<number>() },
        onLeft: (row, { state, timers }) => {
          state.balance.set((state.balance.get() ?? 0) + row.value)
          timers.registerEventTime(100_000)
        },
        onRight: (row, { state, timers }) => {
          state.balance.set((state.balance.get() ?? 0) - row.value)
          timers.registerEventTime(100_000)
        },
        onTimer: (_, { key, state, emit }) => emit({ sensor: key, balance: state.balance.get() ?? 0 }),
      },
      { sensor: 'utf8', balance: 'f64' },
    )
    .to(ndjson('balances.ndjson'))
})

/** Answers later, and not in the order in which it was asked. */
async function asked(value: number): Promise<number> {
  for (let turn = 0; turn < (Math.abs(value) * 7) % 5; turn++) await Promise.resolve()
  return value * 2
}

const asynchronous = job('async', j => {
  j.from(memory(onTime))
    .withTimestamps('at', timed)
    .asyncMap(
      async row => ({ sensor: row.sensor, double: await asked(row.value) }),
      { sensor: 'utf8', double: 'f64' },
      { ordered: false, capacity: 10 },
    )
    .keyBy('sensor')
    .window(tumbling('500ms'))
    .aggregate({ n: count(), total: sum('double') })
    .to(ndjson('doubled.ndjson'))
})

/** By what they are a case of. Rescaling in mid-run happens to each: it is one of the faults. */
export const SHAPES: Readonly<Record<string, readonly Job[]>> = {
  windows: [sensorJob([memory(rows)]), stages, branches],
  splits: [sensorJob([inSplits(onTime, 4)], 2_000), stateless],
  sessions: [sessions],
  joins: [intervals, regular],
  functions: [processed, asynchronous],
  'several inputs': [
    sensorJob([memory(onTime.slice(0, 50)), memory(onTime.slice(50, 100)), memory(others.slice(0, 20))]),
    connected,
  ],
}
