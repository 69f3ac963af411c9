import type { ByteReader, ByteWriter } from '../../core/byte-stream.js'
import { SabotError } from '../../core/errors.js'
import { type Json, memberOf } from '../../core/json.js'
import type { GroupSlots } from '../keyed/key-slots.js'
import type { Cursor, KeyKeeper } from './cursor.js'
import type { Expiry } from './expiry.js'
import type { StateDescriptor, StateDescriptors } from './state-descriptors.js'
import type { StateStore } from './state-store.js'
import { FoldingStore, ListStore, MapStore, ValueStore } from './state-stores.js'

type Store = StateStore<unknown> | ListStore | MapStore

/** The name, kind and version of a state, as a snapshot holds them. */
export interface KnownState {
  readonly name: string
  readonly kind: string
  readonly version: number
}

/** All states of a process function, by name. Timers with the tag n + 1 are those of the n-th state's time to live. */
export class KeyedStates {
  /** What a process function sees. */
  readonly handles: Readonly<Record<string, Store>>
  private readonly operator: string
  private readonly descriptors: StateDescriptors
  private readonly stores: readonly Store[]
  private readonly expiries: readonly (Expiry | undefined)[]

  constructor(
    operator: string,
    descriptors: StateDescriptors,
    cursor: Cursor,
    keeper: KeyKeeper,
    expiryOf: (descriptor: StateDescriptor, tag: number) => Expiry | undefined,
  ) {
    const entries = Object.entries(descriptors)
    this.operator = operator
    this.descriptors = descriptors
    this.expiries = entries.map(([, descriptor], index) => expiryOf(descriptor, index + 1))
    this.stores = entries.map(([, descriptor], index) => storeOf(descriptor, cursor, keeper, this.expiries[index]))
    this.handles = Object.fromEntries(entries.map(([name], index) => [name, this.stores[index] as Store]))
  }

  /** The timer of a state's time to live has fired. */
  onExpiry(tag: number, slot: number, now: number): void {
    this.stores[tag - 1]?.onExpiry(slot, now)
  }

  /** Takes over a timer of a state's time to live: its tag now, or undefined where there is none any more. */
  restoreTimer(known: readonly KnownState[], tag: number, slot: number, at: number): number | undefined {
    const index = Object.keys(this.descriptors).indexOf(known[tag - 1]?.name ?? '')
    const expiry = this.expiries[index]
    expiry?.setArmed(slot, at)
    return expiry === undefined ? undefined : index + 1
  }

  describe(): Json {
    return Object.entries(this.descriptors).map(([name, { kind, version }]) => ({ name, kind, version }))
  }

  /** For each state: the places of the keys that have it, and what is kept for them. */
  write({ slots }: GroupSlots, writer: ByteWriter): void {
    for (const [index, store] of this.stores.entries()) {
      const places: number[] = []
      const kept: Json[] = []
      for (let place = 0; place < slots.length; place++) {
        const slot = slots[place] as number
        if (!store.isKept(slot)) continue
        places.push(place)
        kept.push(this.encoded(index, store, slot))
      }
      writer.text(JSON.stringify([places, kept]))
    }
  }

  private encoded(index: number, store: Store, slot: number): Json {
    try {
      return store.encode(slot)
    } catch (cause) {
      if (!(cause instanceof SabotError)) throw cause
      const { operator } = this
      const state = Object.keys(this.descriptors)[index]
      throw new SabotError(cause.code, `Operator ${operator}, state ${state}: ${cause.message}`, { operator, state })
    }
  }

  /** Reads what `write` of the states `known` wrote. */
  read(known: readonly KnownState[], { slots }: GroupSlots, reader: ByteReader): void {
    const names = Object.keys(this.descriptors)
    for (const { name, version } of known) {
      const [places, kept] = JSON.parse(reader.text()) as [number[], (readonly Json[])[]]
      const store = this.stores[names.indexOf(name)]
      const descriptor = this.descriptors[name]
      if (store === undefined || descriptor === undefined) continue
      const migrate = migration(this.operator, name, descriptor, version)
      for (const [index, place] of places.entries()) store.decode(slots[place] ?? 0, kept[index] ?? [], migrate)
    }
  }
}

/** @throws SabotError STATE_MISMATCH, by name, for state that does not fit what is declared */
export function checkStates(
  operator: string,
  json: Json | undefined,
  descriptors: StateDescriptors,
  discarded: readonly string[],
): KnownState[] {
  const known = (Array.isArray(json) ? (json as readonly Json[]) : []).map(
    (entry): KnownState => ({
      name: String(memberOf(entry, 'name')),
      kind: String(memberOf(entry, 'kind')),
      version: Number(memberOf(entry, 'version')),
    }),
  )
  for (const { name, kind, version } of known) {
    const declared = Object.hasOwn(descriptors, name) ? descriptors[name] : undefined
    if (declared === undefined) {
      if (discarded.includes(name)) continue
      throw mismatch(
        operator,
        name,
        `is in the checkpoint (${kind}), but no longer declared: declare it, or name it in discard`,
      )
    }
    if (declared.kind !== kind) {
      throw mismatch(operator, name, `is declared as ${declared.kind}, but the checkpoint holds a ${kind} state`)
    }
    if (version > declared.version) {
      throw mismatch(
        operator,
        name,
        `is of version ${version} in the checkpoint, newer than the declared ${declared.version}`,
      )
    }
    if (version < declared.version && declared.migrate === undefined) {
      throw mismatch(
        operator,
        name,
        `is of version ${version} in the checkpoint and declared with ${declared.version}: give it a migrate(old, version)`,
      )
    }
  }
  return known
}

function mismatch(operator: string, state: string, what: string): SabotError {
  return new SabotError('STATE_MISMATCH', `Operator ${operator}: state ${state} ${what}`, { operator, state })
}

function migration(
  operator: string,
  name: string,
  { kind, version: declared, migrate }: StateDescriptor,
  version: number,
): (value: unknown) => unknown {
  if (version === declared || migrate === undefined) return value => value
  const migrated = (value: unknown): unknown => {
    try {
      return migrate(value, version)
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw new SabotError(
        'USER_FUNCTION_FAILED',
        `Operator ${operator}: migrate of state ${name} threw on what version ${version} kept: ${reason}`,
        { operator, state: name, record: value },
        { cause },
      )
    }
  }
  return kind === 'reducing' ? value => ({ value: migrated((value as { value: unknown }).value) }) : migrated
}

function storeOf(
  { kind, fold }: StateDescriptor,
  cursor: Cursor,
  keeper: KeyKeeper,
  expiry: Expiry | undefined,
): Store {
  if (fold !== undefined) return new FoldingStore(cursor, keeper, expiry, fold)
  if (kind === 'list') return new ListStore(cursor, keeper, expiry)
  return kind === 'map' ? new MapStore(cursor, keeper, expiry) : new ValueStore(cursor, keeper, expiry)
}
