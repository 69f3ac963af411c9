import { describe, expect, it } from 'vitest'
import { BatchBuilder } from '../../src/core/batch-builder.js'
import { DELETE, INSERT, type RowKind, UPDATE_AFTER, UPDATE_BEFORE } from '../../src/core/row-kind.js'
import { Schema } from '../../src/core/schema.js'
import { requireAppendOnly } from '../../src/graph/changelog.js'
import { collect, job, memory, table } from '../../src/index.js'
import { changelogOperator } from '../../src/operators/changelog.js'
import { filterOperator } from '../../src/operators/filter.js'
import { flatMapOperator } from '../../src/operators/flat-map.js'
import { mapOperator } from '../../src/operators/map.js'
import { selectOperator } from '../../src/operators/select.js'
import { HARNESS_MODES, runOperator, type TestElement } from '../../src/testing/operator-harness.js'
import { builds } from '../kernel/builds.js'
import { environment } from '../runtime/streams.js'

const schema = Schema.of({ name: 'utf8', size: 'f64' })
const kernel = () => (builds[0] as (typeof builds)[number]).create()
const changes: readonly { name: string; size: number; rowKind: RowKind }[] = [
  { name: 'a', size: 1, rowKind: INSERT },
  { name: 'b', size: 2, rowKind: INSERT },
  { name: 'a', size: 1, rowKind: UPDATE_BEFORE },
  { name: 'a', size: 3, rowKind: UPDATE_AFTER },
  { name: 'b', size: 2, rowKind: DELETE },
  { name: 'c', size: 4, rowKind: INSERT },
]
const elements = changes.map(({ rowKind, ...row }): TestElement => ({ kind: 'row', row, rowKind }))

describe('row kinds', () => {
  it('stay with their rows through selections, slices and copies', () => {
    const builder = new BatchBuilder(schema)
    for (const { name, size } of changes) builder.append({ name, size })
    const kinds = Uint8Array.from(changes, ({ rowKind }) => rowKind)
    const batch = builder.finish().with({ kinds })
    expect([...(batch.select(Uint32Array.of(2, 3, 5)).compact().kinds ?? [])]).toEqual([1, 2, 0])
    expect([...(batch.slice(2, 5).kinds ?? [])]).toEqual([1, 2, 3])
    expect(batch.select(Uint32Array.of(2, 4)).slice(1, 2).compact().kinds).toEqual(Uint8Array.of(3))
    expect(() => batch.with({ kinds: Uint8Array.of(1) })).toThrow(TypeError)
  })

  it.each([
    ['map', mapOperator(row => ({ ...(row as object) }), schema), 1],
    ['select', selectOperator([{ name: 'size', from: 'size' }]), 1],
    ['filter', filterOperator(() => true), 1],
    ['flatMap', flatMapOperator(row => [row as object, row as object], schema), 2],
  ])('are kept by %s', (_, create, copies) => {
    for (const mode of HARNESS_MODES) {
      const kinds = runOperator(create, kernel, [schema], elements, mode).map(out => {
        return 'row' in out ? (out.rowKind ?? INSERT) : undefined
      })
      expect(kinds).toEqual(changes.flatMap(({ rowKind }) => Array(copies).fill(rowKind)))
    }
  })

  it('become a field by changelog()', () => {
    for (const mode of HARNESS_MODES) {
      const outputs = runOperator(changelogOperator('op'), kernel, [schema], elements, mode)
      expect(outputs.every(out => !('rowKind' in out))).toBe(true)
      expect(outputs.map(out => ('row' in out ? (out.row as { op: string }).op : ''))).toEqual([
        '+I',
        '+I',
        '-U',
        '+U',
        '-D',
        '+I',
      ])
    }
  })

  it('are applied by table()', async () => {
    const builder = new BatchBuilder(schema)
    for (const { name, size } of changes) builder.append({ name, size })
    const batch = builder.finish().with({ kinds: Uint8Array.from(changes, ({ rowKind }) => rowKind) })
    const sink = table<{ name: string; size: number }>({ key: ['name'] })
    const { files, standardOutput, clock } = environment()
    const writer = await sink.open({ state: undefined, files, standardOutput, kernel: kernel(), clock })
    await writer.write(batch)
    const final = [
      { name: 'a', size: 3 },
      { name: 'c', size: 4 },
    ]
    expect(sink.rows).toEqual(expect.arrayContaining(final))
    expect(sink.rows).toHaveLength(2)
    // After a recovery the same changes come once more.
    const again = await sink.open({ state: await writer.prepare(1), files, standardOutput, kernel: kernel(), clock })
    await again.write(batch)
    expect(sink.rows).toEqual(expect.arrayContaining(final))
    expect(sink.rows).toHaveLength(2)
    await sink.open({ state: undefined, files, standardOutput, kernel: kernel(), clock })
    expect(sink.rows).toEqual([])
  })

  it('are refused where inserts are needed, with the way out', () => {
    expect(() => requireAppendOnly('window()', { isChangelog: true })).toThrow(/changelog\('op'\)/)
    expect(requireAppendOnly('window()', {})).toBeUndefined()
  })

  it('cannot hide an existing field', () => {
    expect(() =>
      job('twice', j =>
        j
          .from(memory([{ op: 1 }]))
          .changelog('op')
          .to(collect()),
      ).plan(),
    ).toThrow(expect.objectContaining({ code: 'DUPLICATE_FIELD' }))
  })
})
