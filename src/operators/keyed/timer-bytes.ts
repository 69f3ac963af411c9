/*
 * Timers in the sections of a keyed snapshot: count u32, then for each timer of the group, in the order in which they
 * fire, time f64 | place of its key among the group's u32 | tag u32 | place among the timers of all groups u32.
 */
import type { ByteReader, ByteWriter } from '../../core/byte-stream.js'
import type { TimerQueue } from '../../kernel/timers.js'
import type { GroupSlots, KeySlots } from './key-slots.js'

/** Writes the timers of a queue, group by group. Every key that has a timer is held. */
export class TimerWriter {
  private readonly entries: ReturnType<TimerQueue['entries']>
  /** By key group, the places of its timers. */
  private readonly byGroup = new Map<number, number[]>()
  private places: Uint32Array = new Uint32Array(64)

  constructor(queue: TimerQueue, keys: KeySlots) {
    this.entries = queue.entries()
    for (const [place, slot] of this.entries.slots.entries()) {
      const group = keys.group(slot)
      const places = this.byGroup.get(group)
      if (places === undefined) this.byGroup.set(group, [place])
      else places.push(place)
    }
  }

  write({ group, slots }: GroupSlots, writer: ByteWriter): void {
    const { times, slots: keyOf, tags } = this.entries
    const own = this.byGroup.get(group) ?? []
    writer.u32(own.length)
    if (own.length === 0) return
    for (let place = 0; place < slots.length; place++) this.setPlace(slots[place] as number, place)
    for (const timer of own) {
      writer.f64(times[timer] ?? 0)
      writer.u32(this.places[keyOf[timer] ?? 0] ?? 0)
      writer.u32(tags[timer] ?? 0)
      writer.u32(timer)
    }
  }

  private setPlace(slot: number, place: number): void {
    if (slot >= this.places.length) {
      const larger = new Uint32Array(Math.max(slot + 1, this.places.length * 2))
      larger.set(this.places)
      this.places = larger
    }
    this.places[slot] = place
  }
}

export interface RestoredTimer {
  readonly time: number
  readonly slot: number
  readonly tag: number
  /** Among the timers of its snapshot. */
  readonly place: number
}

/** Reads the timers of one snapshot, group by group, and registers them in the order in which they were there. */
export class TimerReader {
  private readonly timers: RestoredTimer[] = []

  read({ slots }: GroupSlots, reader: ByteReader): void {
    for (let left = reader.u32(); left > 0; left--) {
      const time = reader.f64()
      const slot = slots[reader.u32()] ?? 0
      this.timers.push({ time, slot, tag: reader.u32(), place: reader.u32() })
    }
  }

  /** `tagOf` says what a timer's tag is now; undefined where the timer is to go. */
  registerAll(queue: TimerQueue, tagOf: (timer: RestoredTimer) => number | undefined = ({ tag }) => tag): void {
    const kept = this.timers
      .sort((a, b) => a.place - b.place)
      .flatMap(timer => {
        const tag = tagOf(timer)
        return tag === undefined ? [] : [{ ...timer, tag }]
      })
    queue.registerAll({
      times: Float64Array.from(kept, ({ time }) => time),
      slots: Uint32Array.from(kept, ({ slot }) => slot),
      tags: Uint32Array.from(kept, ({ tag }) => tag),
    })
  }
}
