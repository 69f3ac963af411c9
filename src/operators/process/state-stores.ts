/* The kinds of keyed state. */
import type { Json } from '../../core/json.js'
import type { Cursor, KeyKeeper } from './cursor.js'
import type { Expiry } from './expiry.js'
import type { AggregatingFunctions, FoldingState, ListState, MapState, ValueState } from './state-descriptors.js'
import { decodeValue, encodeValue } from './state-json.js'
import { SingleStore, StateStore } from './state-store.js'

export class ValueStore extends SingleStore<unknown> implements ValueState<unknown> {
  get(): unknown {
    return this.expiry === undefined ? this.kept[this.cursor.slot] : this.current()
  }

  set(value: unknown): void {
    if (value === undefined) this.clear()
    else this.write(value)
  }
}

export class FoldingStore extends SingleStore<unknown> implements FoldingState<unknown, unknown> {
  private readonly functions: AggregatingFunctions<unknown, unknown, unknown>

  constructor(
    cursor: Cursor,
    keeper: KeyKeeper,
    expiry: Expiry | undefined,
    functions: AggregatingFunctions<unknown, unknown, unknown>,
  ) {
    super(cursor, keeper, expiry)
    this.functions = functions
  }

  get(): unknown {
    const accumulator = this.current()
    return accumulator === undefined ? undefined : this.functions.result(accumulator)
  }

  add(value: unknown): void {
    this.write(this.functions.add(this.current() ?? this.functions.create(), value))
  }
}

interface KeptList {
  values: unknown[]
  /** When each was written, where elements expire. */
  times: number[]
}

const NO_ELEMENTS: readonly unknown[] = []

/** [values] or [values, times] */
export class ListStore extends StateStore<KeptList> implements ListState<unknown> {
  get(): readonly unknown[] {
    const list = this.kept[this.cursor.slot]
    if (list === undefined) return NO_ELEMENTS
    const { expiry } = this
    if (expiry === undefined || !list.times.some(time => expiry.isHidden(time))) return list.values
    return list.values.filter((_, index) => !expiry.isHidden(list.times[index] ?? 0))
  }

  add(value: unknown): void {
    const { slot } = this.cursor
    const list = this.kept[slot] ?? { values: [], times: [] }
    this.put(slot, list)
    list.values.push(value)
    if (this.expiry !== undefined) list.times.push(this.expiry.touch(slot))
  }

  set(values: readonly unknown[]): void {
    this.clear()
    for (const value of values) this.add(value)
  }

  encode(slot: number): Json {
    const { values, times } = this.kept[slot] ?? { values: [], times: [] }
    return this.expiry === undefined ? [values.map(encodeValue)] : [values.map(encodeValue), times]
  }

  decode(slot: number, [values, times]: readonly Json[], migrate: (value: unknown) => unknown): void {
    const list: KeptList = { values: listOf(values).map(value => migrate(decodeValue(value))), times: [] }
    this.put(slot, list)
    const { expiry } = this
    if (expiry === undefined) return
    list.times = times === undefined ? list.values.map(() => expiry.touch(slot)) : listOf(times).map(Number)
  }

  protected override expire(slot: number, now: number): void {
    const list = this.kept[slot]
    const { expiry } = this
    if (list === undefined || expiry === undefined) return
    const { times } = list
    list.values = list.values.filter((_, index) => !expiry.isOver(times[index] ?? 0, now))
    list.times = times.filter(time => !expiry.isOver(time, now))
    if (list.values.length === 0) this.remove(slot)
    else expiry.arm(slot, Math.min(...list.times))
  }
}

interface KeptMap {
  readonly values: Map<unknown, unknown>
  readonly times: Map<unknown, number>
}

/** [[[key, value], ...]], and behind it the times of the entries where they expire */
export class MapStore extends StateStore<KeptMap> implements MapState<unknown, unknown> {
  get size(): number {
    return this.visible().size
  }

  get(key: unknown): unknown {
    const map = this.kept[this.cursor.slot]
    return map === undefined || this.isHidden(map, key) ? undefined : map.values.get(key)
  }

  has(key: unknown): boolean {
    const map = this.kept[this.cursor.slot]
    return map?.values.has(key) === true && !this.isHidden(map, key)
  }

  set(key: unknown, value: unknown): void {
    const { slot } = this.cursor
    const map = this.kept[slot] ?? { values: new Map(), times: new Map() }
    this.put(slot, map)
    map.values.set(key, value)
    if (this.expiry !== undefined) map.times.set(key, this.expiry.touch(slot))
  }

  delete(key: unknown): void {
    const { slot } = this.cursor
    const map = this.kept[slot]
    map?.values.delete(key)
    map?.times.delete(key)
    if (map?.values.size === 0) this.remove(slot)
  }

  entries(): IterableIterator<[unknown, unknown]> {
    return this.visible().entries()
  }

  keys(): IterableIterator<unknown> {
    return this.visible().keys()
  }

  values(): IterableIterator<unknown> {
    return this.visible().values()
  }

  encode(slot: number): Json {
    const map = this.kept[slot]
    const entries = Array.from(map?.values ?? [], ([key, value]) => [encodeValue(key), encodeValue(value)])
    if (this.expiry === undefined) return [entries]
    return [entries, Array.from(map?.values.keys() ?? [], key => map?.times.get(key) ?? 0)]
  }

  decode(slot: number, [entries, times]: readonly Json[], migrate: (value: unknown) => unknown): void {
    const map: KeptMap = { values: new Map(), times: new Map() }
    this.put(slot, map)
    const written = times === undefined ? undefined : listOf(times)
    for (const [index, entry] of listOf(entries).entries()) {
      const [key = null, value = null] = listOf(entry)
      const decoded = decodeValue(key)
      map.values.set(decoded, migrate(decodeValue(value)))
      if (this.expiry === undefined) continue
      map.times.set(decoded, written === undefined ? this.expiry.touch(slot) : Number(written[index]))
    }
  }

  protected override expire(slot: number, now: number): void {
    const map = this.kept[slot]
    const { expiry } = this
    if (map === undefined || expiry === undefined) return
    let earliest = Number.POSITIVE_INFINITY
    for (const [key, time] of map.times) {
      if (!expiry.isOver(time, now)) {
        earliest = Math.min(earliest, time)
        continue
      }
      map.values.delete(key)
      map.times.delete(key)
    }
    if (map.values.size === 0) this.remove(slot)
    else expiry.arm(slot, earliest)
  }

  private isHidden(map: KeptMap, key: unknown): boolean {
    return this.expiry?.isHidden(map.times.get(key) ?? 0) === true
  }

  private visible(): Map<unknown, unknown> {
    const map = this.kept[this.cursor.slot]
    if (map === undefined) return new Map()
    if (this.expiry === undefined) return map.values
    return new Map([...map.values].filter(([key]) => !this.isHidden(map, key)))
  }
}

function listOf(json: Json | undefined): readonly Json[] {
  return Array.isArray(json) ? (json as readonly Json[]) : []
}
