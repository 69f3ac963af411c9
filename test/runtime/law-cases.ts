/* The stateful operators, each as a pipeline over readings: one entry an operator. */
import {
  after,
  aggregatingState,
  calendar,
  collectList,
  count,
  countDistinct,
  countWindow,
  customWindows,
  evict,
  first,
  global,
  hours,
  type JobBuilder,
  type KeyedStream,
  last,
  left,
  listState,
  mapState,
  max,
  mean,
  ndjson,
  pane,
  perRecordSliding,
  quantile,
  reducingState,
  right,
  type Source,
  type Stream,
  session,
  sliding,
  sum,
  trigger,
  tumbling,
  valueState,
} from '../../src/index.js'
import { nextTurn } from '../platform/next-turn.js'
import { OUTPUT, type Reading } from './streams.js'

type Keyed = KeyedStream<Reading, 'sensor'>

export interface Inputs {
  readonly left: Keyed
  readonly right: Keyed
  /** The rows of `right` without time and keys. */
  readonly plain: Stream<Reading>
}

export interface LawCase {
  readonly name: string
  /**
   * What the laws compare: 'rows': all that comes out, as a set; 'table': what is left of the changelog, where the rows
   * of two inputs, or rows in another order, meet in any order.
   */
  readonly compared: 'rows' | 'table'
  /** Whether the order of in-bound records does not matter. */
  readonly anyOrder: boolean
  /** Whether it waits for something outside: it is tested in a job only. */
  readonly waits?: boolean
  readonly define: (inputs: Inputs) => Stream<unknown>
}

const SPAN = { from: '-1s', to: '2s' } as const
const PAIR = { id: left('at'), other: right('at'), x: left('value'), y: right('value') } as const
const WINDOW = { total: sum('value'), n: count() } as const

const windows = (name: string, define: (keyed: Keyed) => Stream<unknown>, anyOrder = true): LawCase => {
  return { name, compared: 'rows', anyOrder, define: ({ left }) => define(left) }
}
const joins = (
  name: string,
  define: (left: Keyed, right: Keyed, plain: Stream<Reading>) => Stream<unknown>,
): LawCase => {
  return { name, compared: 'table', anyOrder: true, define: inputs => define(inputs.left, inputs.right, inputs.plain) }
}

const text = (value: unknown): string => JSON.stringify(value)

export const LAW_CASES: readonly LawCase[] = [
  windows('tumbling windows of the kernel', keyed => keyed.window(tumbling('1s')).aggregate(WINDOW)),
  windows('sliding windows of the kernel', keyed =>
    keyed.window(sliding('2s', '250ms')).aggregate({ ...WINDOW, most: max('value') }),
  ),
  windows('sessions of the kernel', keyed => keyed.window(session('150ms')).aggregate(WINDOW)),
  windows('sessions with a gap by record', keyed =>
    keyed.window(session<Reading>(row => 100 + (row.value & 63))).aggregate(WINDOW),
  ),
  windows('tumbling windows on the host', keyed =>
    keyed.window(tumbling('1s')).aggregate({ d: countDistinct('value'), q: quantile('value', 0.5) }),
  ),
  windows('sliding windows that share slices', keyed =>
    keyed.window(sliding('2s', '500ms')).aggregate({ s: countDistinct('value') }),
  ),
  windows('several windows', keyed => {
    const { short, long } = keyed
      .windows({ short: tumbling('500ms'), long: sliding('2s', '1s') })
      .aggregate({ d: countDistinct('value') })
    return short.union(long)
  }),
  windows(
    'windows that fire early and late, with retractions',
    keyed =>
      keyed
        .window(tumbling('1s'))
        .allowedLateness('1s')
        .emit({ early: after.count(3) })
        .accumulate('retracting')
        .aggregate({ ...WINDOW, timing: pane.timing(), index: pane.index() }),
    false,
  ),
  windows(
    'sessions with updates and retractions',
    keyed =>
      keyed
        .window(session('150ms'))
        .allowedLateness('300ms')
        .emit('updates')
        .accumulate('retracting')
        .aggregate(WINDOW),
    false,
  ),
  windows('sessions by records that wait for late ones', keyed =>
    keyed
      .window(session('150ms', { bounds: 'records', retain: '1s' }))
      .allowedLateness('200ms')
      .emit('final')
      .aggregate(WINDOW),
  ),
  windows(
    'windows of the last records',
    keyed => keyed.window(countWindow(5, 2)).aggregate({ values: collectList('value') }),
    false,
  ),
  windows('sliding windows by record', keyed => keyed.window(perRecordSliding('200ms')).aggregate(WINDOW)),
  windows('calendar windows', keyed =>
    keyed.window(calendar('day', { timeZone: 'Asia/Kathmandu' })).aggregate({ m: mean('value') }),
  ),
  windows('windows of an assigner', keyed =>
    keyed
      .window(customWindows({ assign: at => [{ start: at - 70, end: at + 130 }], merge: 'overlapping' }))
      .aggregate({ most: max('value'), n: count() }),
  ),
  windows(
    'one window that fires every few records and evicts',
    keyed =>
      keyed
        .window(global())
        .trigger(trigger.count(4))
        .evict(evict.count(6))
        .aggregate({ f: first('value'), l: last('value') }),
    false,
  ),
  windows('a window function', keyed =>
    keyed
      .window(tumbling('1s'))
      .process((sensor, rows, { window }) => [
        { sensor, from: window?.start ?? 0, values: text(rows.map(({ value }) => value).sort((a, b) => a - b)) },
      ]),
  ),
  windows('a reduce function', keyed =>
    keyed
      .window(tumbling('1s'))
      .reduce((a, b) => ({ sensor: a.sensor, at: Math.max(a.at, b.at), value: a.value + b.value })),
  ),
  windows(
    'state of all kinds, and timers',
    keyed => {
      const ttl = { after: '1s', time: 'event' } as const
      return keyed.process(
        {
          state: {
            last: valueState<number>({ ttl }),
            all: listState<number>(),
            parity: mapState<boolean, number>({ ttl }),
            total: reducingState<number>((a, b) => a + b),
            mean: aggregatingState({
              create: () => [0, 0],
              add: ([n = 0, s = 0], x: number) => [n + 1, s + x],
              result: ([n = 1, s = 0]) => s / n,
            }),
          },
          onRecord: ({ value }, { state, timers, timestamp }) => {
            state.last.set(value)
            state.all.add(value)
            state.parity.set(value % 2 === 0, (state.parity.get(value % 2 === 0) ?? 0) + 1)
            state.total.add(value)
            state.mean.add(value)
            timers.registerEventTime(Math.ceil(timestamp / 700) * 700)
            if (value > 400) timers.deleteEventTime(Math.ceil(timestamp / 700) * 700)
          },
          onTimer: ({ time }, { key, state, emit }) => {
            const { last, all, parity, total, mean } = state
            emit({
              sensor: key,
              time,
              what: text([last.get(), all.get(), [...parity.entries()].sort(), total.get(), mean.get()]),
            })
            all.clear()
          },
        },
        { sensor: 'utf8', time: 'f64', what: 'utf8' },
      )
    },
    false,
  ),
  windows('the first record of each key', keyed => keyed.deduplicate({ ttl: '300ms' }), false),
  windows('the last record of each key', keyed => keyed.deduplicate({ keep: 'last', ttl: '400ms' }), false),
  windows(
    'the first record in event time',
    keyed => keyed.deduplicate({ keep: 'first', by: 'eventTime', ttl: 'none' }),
    false,
  ),
  windows(
    'the best records with their ranks',
    keyed => keyed.topN(3, { by: 'value', rank: 'place', ttl: '500ms' }),
    false,
  ),
  windows(
    'the best records and their equals',
    keyed => keyed.topN(2, { by: 'value', ties: 'all', ttl: 'none' }),
    false,
  ),
  // Behind another exchange: what waits depends on when the watermark comes, not what is left in the end.
  joins('suppressed updates', a =>
    a.deduplicate({ keep: 'last', ttl: 'none' }).keyBy('sensor').suppress({ wait: '400ms' }),
  ),
  windows('events that are missing', keyed =>
    keyed.missingEvent({ start: row => row.value < 0, expected: row => row.value > 300, within: '200ms' }),
  ),
  joins('an interval join', (a, b) => a.intervalJoin(b, SPAN).select(PAIR)),
  joins('a full interval join', (a, b) => a.intervalJoin(b, { from: '-20ms', to: '10ms', type: 'full' }).select(PAIR)),
  joins('a window join', (a, b) => a.windowJoin(b, tumbling('300ms'), { type: 'full' }).select(PAIR)),
  joins('a window join in sessions', (a, b) => a.windowJoin(b, session('60ms'), { type: 'left' }).select(PAIR)),
  joins('a co-group', (a, b) =>
    a.coGroup(b, sliding('600ms', '300ms'), (x, y, { start }) => [
      { start, x: x.length, y: y.length, sensor: (x[0] ?? y[0])?.sensor ?? '' },
    ]),
  ),
  joins('an as-of join', (a, b) => a.asOfJoin(b, { tolerance: '1s', direction: 'nearest', type: 'left' }).select(PAIR)),
  joins('a temporal join', (a, b) => a.temporalJoin(b, { type: 'left' }).select(PAIR)),
  joins('a regular join', (a, b) => a.join(b, { ttl: hours(1), type: 'full' }).select(PAIR)),
  joins('a regular join by processing time', (a, b) =>
    a.join(b, { ttl: hours(1), time: 'processing', type: 'full' }).select(PAIR),
  ),
  joins('a regular join of changelogs', (a, b) => {
    const best = (keyed: Keyed) => keyed.deduplicate({ keep: 'last', ttl: 'none' }).keyBy('sensor')
    return best(a)
      .join(best(b), { ttl: hours(1), type: 'left' })
      .select(PAIR)
  }),
  joins('enrichment by a side input', (a, _b, plain) =>
    a.enrich(plain.keyBy('sensor')).select({ ...PAIR, other: right('at') }),
  ),
  { ...joins('asynchronous calls in order, and windows behind them', a => called(a, true)), waits: true },
  { ...joins('asynchronous calls in any order, and windows behind them', a => called(a, false)), waits: true },
  joins('two connected streams', (a, b) =>
    a.connect(b).process(
      {
        state: { left: valueState<number>(), right: valueState<number>() },
        onLeft: ({ value }, { state, timers }) => {
          state.left.set((state.left.get() ?? 0) + value)
          timers.registerEventTime(Number.POSITIVE_INFINITY)
        },
        onRight: ({ value }, { state, timers }) => {
          state.right.set((state.right.get() ?? 0) + value)
          timers.registerEventTime(Number.POSITIVE_INFINITY)
        },
        onTimer: (_, { key, state, emit }) =>
          emit({ sensor: key, l: state.left.get() ?? 0, r: state.right.get() ?? 0 }),
      },
      { sensor: 'utf8', l: 'f64', r: 'f64' },
    ),
  ),
]

/** Calls in the subtasks of a keyed operator; each third fails at first. No row may be late behind them. */
function called(keyed: Keyed, ordered: boolean): Stream<unknown> {
  const shape = { sensor: 'utf8', value: 'f64' } as const
  const answer = async (row: { readonly sensor: string; readonly value: number }, attempt: number) => {
    for (let turn = 0; turn <= Math.abs(row.value) % 4; turn++) await nextTurn()
    if (attempt === 1 && row.value % 3 === 0) throw new Error('try again')
    return row
  }
  return keyed
    .process({ onRecord: ({ sensor, value }, { emit }) => emit({ sensor, value }) }, shape)
    .asyncMap(answer, shape, { ordered, capacity: 6, retries: 1, retryDelay: 1 })
    .keyBy('sensor')
    .window(tumbling('200ms'))
    .aggregate(WINDOW)
}

/** The case as a job that writes what comes out, with the kind of each row. */
export function lawPipeline(
  j: JobBuilder,
  { define }: LawCase,
  [one, two]: readonly [Source<Reading>, Source<Reading>],
): void {
  const timed = (source: Source<Reading>) =>
    j.from(source, { idleness: 0 }).withTimestamps('at', { outOfOrderness: '500ms' })
  let rightKeyed: Keyed | undefined
  const inputs: Inputs = {
    left: timed(one).keyBy('sensor'),
    get right() {
      rightKeyed ??= timed(two).keyBy('sensor')
      return rightKeyed
    },
    get plain() {
      return j.from(two)
    },
  }
  define(inputs).changelog('op').to(ndjson(OUTPUT))
}
