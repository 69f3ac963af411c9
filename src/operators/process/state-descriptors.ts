/* What keyed state a process function declares: typed descriptors. */
import { type Duration, parseDuration } from '../../core/duration.js'
import { describeValue, SabotError } from '../../core/errors.js'

export type StateKind = 'value' | 'list' | 'map' | 'reducing' | 'aggregating'

/** How long what was written lasts. */
export interface StateTtl {
  /** From the last write on. A map's entries and a list's elements expire each on its own. */
  readonly after: Duration
  /**
   * 'event': it is gone when the watermark reaches the time of the write + `after`, where that time is the record's or
   * timer's, or the watermark if that was ahead. 'processing': by the clock of the machine.
   */
  readonly time: 'event' | 'processing'
}

export interface StateOptions<Kept> {
  /** Whole number from 1 on; default 1. State of another version is refused, or goes through `migrate`. */
  readonly version?: number
  /**
   * Makes what this version keeps from what an older one kept: the value, each element of a list, each value of a map,
   * the accumulator of an aggregating state.
   */
  readonly migrate?: (old: unknown, version: number) => Kept
  readonly ttl?: StateTtl
}

/** One value for each key. */
export interface ValueState<T> {
  /** The value, or undefined where there is none. */
  get(): T | undefined
  /** undefined clears it. */
  set(value: T | undefined): void
  clear(): void
}

/** A list for each key. */
export interface ListState<T> {
  /** The elements in their order; empty where there are none. It must not be changed. */
  get(): readonly T[]
  add(value: T): void
  /** Replaces the list. */
  set(values: readonly T[]): void
  clear(): void
}

/** A map for each key. */
export interface MapState<K, V> {
  readonly size: number
  get(key: K): V | undefined
  has(key: K): boolean
  set(key: K, value: V): void
  delete(key: K): void
  /** The entries in the order in which their keys were first set. */
  entries(): IterableIterator<[K, V]>
  keys(): IterableIterator<K>
  values(): IterableIterator<V>
  clear(): void
}

/** One value for each key, into which what is added is folded. */
export interface FoldingState<In, Out> {
  /** undefined where nothing was added. */
  get(): Out | undefined
  add(value: In): void
  clear(): void
}

/** Lift, combine and lower of an aggregating state. The accumulator is made of what state can keep. */
export interface AggregatingFunctions<In, Accumulator, Out> {
  create(): Accumulator
  /** May change the accumulator and give it back. */
  add(accumulator: Accumulator, value: In): Accumulator
  result(accumulator: Accumulator): Out
}

/** A declared state; `handle` is type level only: what a process function sees of it. */
export interface StateDescriptor<Handle = unknown> {
  readonly kind: StateKind
  readonly version: number
  readonly migrate: ((old: unknown, version: number) => unknown) | undefined
  readonly ttl: { readonly afterMs: number; readonly time: 'event' | 'processing' } | undefined
  readonly fold: AggregatingFunctions<unknown, unknown, unknown> | undefined
  readonly handle?: Handle
}

/** What process functions declare: names and descriptors. */
export interface StateDescriptors {
  readonly [name: string]: StateDescriptor
}

/** The states as a process function sees them. */
export type StatesOf<Descriptors> = {
  readonly [Name in keyof Descriptors]: Descriptors[Name] extends StateDescriptor<infer Handle> ? Handle : never
}

/** @throws SabotError INVALID_OPTION, INVALID_DURATION (as all of these functions) */
export function valueState<T>(options: StateOptions<T> = {}): StateDescriptor<ValueState<T>> {
  return descriptor('value', options)
}

export function listState<T>(options: StateOptions<T> = {}): StateDescriptor<ListState<T>> {
  return descriptor('list', options)
}

/** Keys are compared as those of a Map: NaN is a key, and -0 is 0. */
export function mapState<K extends string | number | bigint | boolean | null, V>(
  options: StateOptions<V> = {},
): StateDescriptor<MapState<K, V>> {
  return descriptor('map', options)
}

/** What is added is combined with what is there by `reduce`. */
export function reducingState<T>(
  reduce: (kept: T, added: T) => T,
  options: StateOptions<T> = {},
): StateDescriptor<FoldingState<T, T>> {
  const fold: AggregatingFunctions<T, { value?: T }, T> = {
    create: () => ({}),
    add: (kept, value) => ({ value: 'value' in kept ? reduce(kept.value as T, value) : value }),
    result: kept => kept.value as T,
  }
  return descriptor('reducing', options, fold as AggregatingFunctions<unknown, unknown, unknown>)
}

export function aggregatingState<In, Accumulator, Out>(
  functions: AggregatingFunctions<In, Accumulator, Out>,
  options: StateOptions<Accumulator> = {},
): StateDescriptor<FoldingState<In, Out>> {
  return descriptor('aggregating', options, functions as AggregatingFunctions<unknown, unknown, unknown>)
}

function descriptor<Handle>(
  kind: StateKind,
  { version = 1, migrate, ttl }: StateOptions<unknown>,
  fold?: AggregatingFunctions<unknown, unknown, unknown>,
): StateDescriptor<Handle> {
  if (!Number.isSafeInteger(version) || version < 1) {
    throw new SabotError(
      'INVALID_OPTION',
      `A state's version is a whole number from 1 on, not ${describeValue(version)}`,
      {
        option: 'version',
        value: version,
      },
    )
  }
  return { kind, version, migrate, ttl: ttl && ttlOf(ttl), fold }
}

function ttlOf({ after, time }: StateTtl): { afterMs: number; time: 'event' | 'processing' } {
  const afterMs = parseDuration(after)
  if ((time !== 'event' && time !== 'processing') || afterMs <= 0) {
    throw new SabotError(
      'INVALID_OPTION',
      `ttl is { after: a duration above 0, time: 'event' or 'processing' }, not ${afterMs} ms by ${describeValue(time)}`,
      { option: 'ttl', after, time },
    )
  }
  return { afterMs, time }
}
