import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BatchBuilder } from '../../../src/core/batch-builder.js'
import { ALL_KEY_GROUPS, keyGroupRange } from '../../../src/core/key-groups.js'
import { Schema } from '../../../src/core/schema.js'
import { decimal, nullable, type SchemaShape } from '../../../src/core/types.js'
import { KeySlots } from '../../../src/operators/keyed/key-slots.js'
import { builds } from '../../kernel/builds.js'

const kernel = () => (builds[0] as (typeof builds)[number]).create()

function batchOf(schema: Schema, rows: readonly object[]) {
  const builder = new BatchBuilder(schema)
  for (const row of rows) builder.append(row)
  return builder.finish()
}

/** The keys that a snapshot holds, with a text for each. */
function restored(schema: Schema, snapshots: readonly Uint8Array[], range = ALL_KEY_GROUPS): Map<string, string> {
  const slots = new KeySlots(kernel(), schema.fields, range)
  const kept = new Map<string, string>()
  slots.restore(snapshots, (group, reader) => {
    for (const slot of group.slots) {
      expect(slots.group(slot)).toBe(group.group)
      kept.set(String(slots.key(slot)), reader.text())
    }
    expect(reader.left).toBe(0)
  })
  slots.close()
  return kept
}

const TYPES: readonly [string, SchemaShape, readonly unknown[]][] = [
  ['utf8', { k: nullable('utf8') }, ['a', '', null, '__proto__', 'constructor', 'ü'.repeat(40), '\ud83d\ude00']],
  ['i32', { k: nullable('i32') }, [0, -1, 2_147_483_647, null]],
  ['bool', { k: nullable('bool') }, [true, false, null]],
  ['i64', { k: 'i64' }, [0n, -1n, 9_223_372_036_854_775_807n]],
  ['f64', { k: nullable('f64') }, [0, 1.5, Number.NaN, Number.NEGATIVE_INFINITY, null]],
  ['f32', { k: 'f32' }, [0, 0.5, Number.POSITIVE_INFINITY]],
  ['timestamp', { k: 'timestamp' }, [0, -1, 8.64e15]],
  ['decimal', { k: decimal(2) }, ['1.00', '-0.01']],
]

describe('key slots', () => {
  it.each(TYPES)('keeps keys of type %s through a snapshot', (_type, shape, values) => {
    const schema = Schema.of(shape)
    const slots = new KeySlots(kernel(), schema.fields, ALL_KEY_GROUPS)
    const coded = slots
      .code(
        batchOf(
          schema,
          [...values, ...values].map(k => ({ k })),
        ),
      )
      .slice()
    expect([...coded]).toEqual([...values, ...values].map((_, row) => row % values.length))
    expect(values.map((_, slot) => slots.key(slot))).toEqual(values)
    for (const slot of coded) slots.hold(slot)
    const snapshot = slots.snapshot((group, writer) => {
      for (const slot of group.slots) writer.text(`kept ${String(values[slot])}`)
    })
    expect(restored(schema, [snapshot])).toEqual(new Map(values.map(k => [String(k), `kept ${String(k)}`])))
  })

  it('takes -0 for 0, and every NaN for one key', () => {
    const schema = Schema.of({ k: 'f64' })
    const slots = new KeySlots(kernel(), schema.fields, ALL_KEY_GROUPS)
    const rows = [{ k: 0 }, { k: -0 }, { k: Number.NaN }, { k: -Number.NaN }]
    expect([...slots.code(batchOf(schema, rows))]).toEqual([0, 0, 1, 1])
  })

  it('shows a key of several fields as an object', () => {
    const schema = Schema.of({ a: 'utf8', ['__proto__']: 'i32', constructor: nullable('i32') })
    const slots = new KeySlots(kernel(), schema.fields, ALL_KEY_GROUPS)
    const row = { a: 'x', ['__proto__']: 7, constructor: null }
    const [slot = -1] = slots.code(batchOf(schema, [row]))
    slots.hold(slot)
    expect(slots.key(slot)).toEqual(row)
  })

  it('has one slot where there are no keys', () => {
    const schema = Schema.of({ v: 'i32' })
    const slots = new KeySlots(kernel(), [], ALL_KEY_GROUPS)
    expect([...slots.code(batchOf(schema, [{ v: 1 }, { v: 2 }]))]).toEqual([0, 0])
    slots.hold(0)
    const snapshot = slots.snapshot((_group, writer) => writer.text('only'))
    const other = new KeySlots(kernel(), [], ALL_KEY_GROUPS)
    const texts: string[] = []
    other.restore([snapshot], (group, reader) => texts.push(`${group.group} ${group.slots} ${reader.text()}`))
    expect(texts).toEqual(['0 0 only'])
  })

  it('gives a released slot, the lowest first, to the next new key, and forgets the old key', () => {
    const schema = Schema.of({ k: 'utf8' })
    const slots = new KeySlots(kernel(), schema.fields, ALL_KEY_GROUPS)
    const code = (...keys: string[]) => [
      ...slots.code(
        batchOf(
          schema,
          keys.map(k => ({ k })),
        ),
      ),
    ]
    for (const slot of code('a', 'b', 'c')) slots.hold(slot)
    expect(slots.key(1)).toBe('b')
    slots.release(1)
    slots.release(0)
    expect(slots.key(1)).toBe('b')
    expect(code('d', 'c', 'e', 'f')).toEqual([0, 2, 1, 3])
    slots.hold(1)
    expect(slots.key(1)).toBe('e')
    // 'd' and 'f' are not held.
    expect(code('g', 'e')).toEqual([0, 1])
    expect(slots.count).toBe(2)
  })

  it('refuses what is no such snapshot', () => {
    const schema = Schema.of({ k: 'utf8' })
    const slots = new KeySlots(kernel(), schema.fields, ALL_KEY_GROUPS)
    for (const slot of slots.code(batchOf(schema, [{ k: 'a' }, { k: 'b' }]))) slots.hold(slot)
    const snapshot = slots.snapshot(() => {})
    const refused = (bytes: Uint8Array, code: string) =>
      expect(() => restored(schema, [bytes])).toThrow(expect.objectContaining({ code }))
    refused(new Uint8Array(40), 'SNAPSHOT_FOREIGN')
    for (let end = 16; end < snapshot.length; end++) refused(snapshot.slice(0, end), 'SNAPSHOT_TRUNCATED')
    const newer = snapshot.slice()
    newer[4] = 2
    refused(newer, 'SNAPSHOT_VERSION')
    const others = snapshot.slice()
    others[8] = 64
    refused(others, 'SNAPSHOT_MISMATCH')
  })

  type Step = { readonly key: string; readonly does: 'hold' | 'release' | 'look' }
  const steps = fc.array(
    fc.record({
      key: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g'),
      does: fc.constantFrom<Step['does'][]>('hold', 'hold', 'release', 'look'),
    }),
    { maxLength: 40 },
  )
  const cuts = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 8 })

  /** Runs the steps in batches of the given sizes, in turn, against a set in the order of holding. */
  function run(all: readonly Step[], sizes: readonly number[]): { slots: KeySlots; model: Set<string> } {
    const schema = Schema.of({ k: 'utf8' })
    const slots = new KeySlots(kernel(), schema.fields, ALL_KEY_GROUPS)
    const model = new Set<string>()
    for (let from = 0, turn = 0; from < all.length; turn++) {
      const batch = all.slice(from, from + (sizes[turn % sizes.length] ?? 1))
      from += batch.length
      const rows = batch.map(({ key }) => ({ k: key }))
      const coded = slots.code(batchOf(schema, rows))
      for (const [row, { key, does }] of batch.entries()) {
        const slot = coded[row] ?? -1
        expect(slots.key(slot)).toBe(key)
        expect(slots.isHeld(slot)).toBe(model.has(key))
        if (does === 'hold') {
          slots.hold(slot)
          model.add(key)
        } else if (does === 'release') {
          slots.release(slot)
          model.delete(key)
        }
      }
      expect(slots.count).toBe(model.size)
    }
    return { slots, model }
  }

  const nameAll = (slots: KeySlots) =>
    slots.snapshot((group, writer) => {
      for (const slot of group.slots) writer.text(String(slots.key(slot)))
    })

  it('holds what is held, with snapshots that do not depend on how rows were cut into batches', () => {
    fc.assert(
      fc.property(steps, cuts, (all, sizes) => {
        const one = run(all, sizes)
        const other = run(all, [1])
        expect(nameAll(one.slots)).toEqual(nameAll(other.slots))
        expect([...restored(Schema.of({ k: 'utf8' }), [nameAll(one.slots)])].sort()).toEqual(
          [...one.model].map(key => [key, key]).sort(),
        )
      }),
      { numRuns: 100 },
    )
  })

  it('splits and merges its keys by key group', () => {
    const schema = Schema.of({ k: 'i32' })
    const slots = new KeySlots(kernel(), schema.fields, ALL_KEY_GROUPS)
    const rows = Array.from({ length: 500 }, (_, k) => ({ k }))
    for (const slot of slots.code(batchOf(schema, rows))) slots.hold(slot)
    const whole = nameAll(slots)
    const parts = [0, 1, 2].map(index => {
      const part = new KeySlots(kernel(), schema.fields, keyGroupRange(index, 3, 128))
      part.restore([whole], (group, reader) => {
        for (const _ of group.slots) reader.text()
      })
      return nameAll(part)
    })
    const sizes = parts.map(part => restored(schema, [part]).size)
    expect(Math.min(...sizes)).toBeGreaterThan(100)
    expect([...restored(schema, parts).keys()].map(Number).sort((a, b) => a - b)).toEqual(rows.map(({ k }) => k))
    // Each subtask takes only what is its own from any number of former subtasks.
    expect(restored(schema, parts, keyGroupRange(1, 2, 128)).size).toBeLessThan(300)
  })
})
