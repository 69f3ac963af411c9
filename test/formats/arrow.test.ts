import * as arrow from 'apache-arrow'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  Batch,
  BoolColumn,
  type Column,
  Dictionary,
  DictionaryColumn,
  Float32Column,
  Float64Column,
  Int32Column,
  Int64Column,
  nullable,
  schema,
  TimestampColumn,
  Utf8Column,
} from '../../src/core/index.js'
import { fromArrow, schemaFromArrow, schemaToArrow, toArrow } from '../../src/formats/arrow.js'
import { batchOf, positions, rowsCase } from '../core/arbitraries.js'

function only(batches: readonly Batch[]): Batch {
  const [batch, ...more] = batches
  if (batch === undefined || more.length > 0) throw new Error(`${batches.length} batches`)
  return batch
}

function rowsOf(table: arrow.Table): unknown[] {
  return fromArrow(table).flatMap(batch => batch.toRows())
}

describe('arrow', () => {
  it('round-trips in memory and through IPC, whole, selected and sliced', () => {
    const cases = rowsCase(false).chain(given => positions(given.rows.length).map(chosen => ({ given, chosen })))
    fc.assert(
      fc.property(cases, fc.nat(20), ({ given, chosen }, cut) => {
        const batch = batchOf(given)
        const record = toArrow(batch)
        const back = only(fromArrow(record))
        expect(back.toRows()).toEqual(given.rows)
        expect(back.schema.equals(given.schema)).toBe(true)
        expect(schemaFromArrow(schemaToArrow(given.schema)).equals(given.schema)).toBe(true)
        const selected = batch.select(chosen)
        expect(only(fromArrow(toArrow(selected))).toRows()).toEqual(selected.toRows())
        const from = Math.min(cut, batch.length)
        expect(only(fromArrow(toArrow(batch.slice(from, batch.length)))).toRows()).toEqual(given.rows.slice(from))
        expect(only(fromArrow(record.slice(from))).toRows()).toEqual(given.rows.slice(from))
        const read = arrow.tableFromIPC(arrow.tableToIPC(new arrow.Table([record])))
        expect(rowsOf(read)).toEqual(given.rows)
      }),
    )
  })

  it('shares the buffers of every flat column, both ways', () => {
    const validity = Uint8Array.of(0b101)
    const dictionary = Dictionary.of(['x', 'y'])
    const columns: Column[] = [
      new BoolColumn(Uint8Array.of(0b110), 3, validity),
      new Int32Column(Int32Array.of(1, 2, 3), validity),
      new Int64Column(BigInt64Array.of(1n, 2n, 3n), validity),
      new Float32Column(Float32Array.of(1, 2, 3), validity),
      new Float64Column(Float64Array.of(1, 2, 3), validity),
      new TimestampColumn(BigInt64Array.of(1n, 2n, 3n), validity),
      new Utf8Column(Int32Array.of(0, 1, 2, 3), Uint8Array.of(97, 98, 99), validity),
      new DictionaryColumn(Int32Array.of(0, 1, 0), dictionary, validity),
    ]
    const names = columns.map((_, index) => `c${index}`)
    const shape = Object.fromEntries(columns.map(({ type }, index) => [names[index] ?? '', nullable(type)]))
    const batch = new Batch({ schema: schema(shape), columns, rowCount: 3 })
    const record = toArrow(batch)
    const back = only(fromArrow(record))
    for (const [index, column] of columns.entries()) {
      const data = record.data.children[index]
      const values =
        'bits' in column
          ? column.bits
          : 'codes' in column
            ? column.codes
            : 'bytes' in column
              ? column.bytes
              : Reflect.get(column, 'values')
      expect(data?.values.buffer, column.constructor.name).toBe((values as Uint8Array).buffer)
      expect(data?.nullBitmap.buffer).toBe(validity.buffer)
      const twin = back.columns[index]
      expect(twin?.constructor).toBe(column.constructor)
      for (const key of ['values', 'bits', 'codes', 'bytes', 'offsets', 'validity']) {
        const ours: unknown = Reflect.get(column, key)
        if (ArrayBuffer.isView(ours))
          expect(Reflect.get(twin ?? {}, key).buffer, `${column.constructor.name}.${key}`).toBe(ours.buffer)
      }
    }
    expect(record.data.children[7]?.dictionary?.data[0]?.values.buffer).toBe(dictionary.bytes().buffer)
  })

  it('converts narrow integers, other units, float16, decimals, fixed lists and 64-bit offsets', () => {
    const data = (type: arrow.DataType, values: unknown[]): arrow.Vector => arrow.vectorFromArray(values, type)
    const table = new arrow.Table({
      i8: data(new arrow.Int8(), [-1, null]),
      u16: data(new arrow.Uint16(), [65535, 1]),
      u32: data(new arrow.Uint32(), [4_294_967_295, 0]),
      u64: data(new arrow.Uint64(), [2n ** 63n - 1n, 0n]),
      f16: data(new arrow.Float16(), [1.5, -2]),
      day: data(new arrow.DateDay(), [new Date('2001-01-02'), new Date('1969-12-31')]),
      dateMs: data(new arrow.DateMillisecond(), [new Date(5), new Date(-5)]),
      large: data(new arrow.LargeUtf8(), ['a', 'bc']),
      fixed: arrow.vectorFromArray(
        [
          [1, 2],
          [3, 4],
        ],
        new arrow.FixedSizeList(2, new arrow.Field('item', new arrow.Int32())),
      ),
      nothing: data(new arrow.Null(), [null, null]),
    })
    expect(rowsOf(table)).toEqual([
      {
        i8: -1,
        u16: 65535,
        u32: 4_294_967_295n,
        u64: 2n ** 63n - 1n,
        f16: 1.5,
        day: Date.UTC(2001, 0, 2),
        dateMs: 5,
        large: 'a',
        fixed: [1, 2],
        nothing: null,
      },
      {
        i8: null,
        u16: 1,
        u32: 0n,
        u64: 0n,
        f16: -2,
        day: -86_400_000,
        dateMs: -5,
        large: 'bc',
        fixed: [3, 4],
        nothing: null,
      },
    ])
  })

  it.each([
    [new arrow.TimestampSecond(), [1n, -1n], [1000, -1000]],
    [new arrow.TimestampMillisecond(), [1n, -1n], [1, -1]],
    [new arrow.TimestampMicrosecond(), [1999n, -1n], [1, -1]],
    [new arrow.TimestampNanosecond(), [1_999_999n, -1n], [1, -1]],
  ])('reads %s as ms, cut towards −∞', (type, values, expected) => {
    const child = arrow.makeData({ type, length: 2, data: BigInt64Array.from(values) })
    const table = new arrow.Table({ t: new arrow.Vector([child]) })
    expect(rowsOf(table)).toEqual(expected.map(t => ({ t })))
  })

  it('recodes dictionaries with other code types, duplicates and nulls, and shares one among batches', () => {
    const entries = arrow.vectorFromArray(['a', 'b', 'a', null], new arrow.Utf8())
    const type = new arrow.Dictionary(new arrow.Utf8(), new arrow.Int8(), 1)
    const chunk = (codes: number[]): arrow.Data =>
      arrow.makeData({ type, length: codes.length, data: Int8Array.from(codes), dictionary: entries })
    const table = new arrow.Table({ s: new arrow.Vector([chunk([0, 1, 2, 3]), chunk([1, 2])]) })
    const batches = fromArrow(table)
    expect(batches.map(batch => batch.toRows())).toEqual([
      ['a', 'b', 'a', null].map(s => ({ s })),
      ['b', 'a'].map(s => ({ s })),
    ])
    const [first, second] = batches.map(batch => batch.column('s') as DictionaryColumn)
    expect(second?.dictionary).toBeInstanceOf(Dictionary)
    expect(second?.dictionary).toBe(first?.dictionary)
  })

  it('refuses types that it does not have, by field and name', () => {
    const binary = new arrow.Table({ raw: arrow.vectorFromArray([Uint8Array.of(1)], new arrow.Binary()) })
    expect(() => fromArrow(binary)).toThrow(
      expect.objectContaining({ code: 'UNSUPPORTED_TYPE', message: expect.stringMatching(/raw.*Binary/) }),
    )
    const batch = batchOf({ schema: schema({ thing: 'object' }), rows: [] })
    expect(() => toArrow(batch)).toThrow(
      expect.objectContaining({ code: 'UNSUPPORTED_TYPE', details: expect.objectContaining({ field: 'thing' }) }),
    )
  })

  it('refuses values out of range and damaged buffers, with the row', () => {
    const table = (data: arrow.Data): arrow.Table => new arrow.Table({ x: new arrow.Vector([data]) })
    const second = arrow.makeData({
      type: new arrow.TimestampSecond(),
      length: 2,
      data: BigInt64Array.of(0n, 2n ** 62n),
    })
    expect(() => fromArrow(table(second))).toThrow(
      expect.objectContaining({ code: 'OUT_OF_RANGE', details: expect.objectContaining({ position: 1 }) }),
    )
    const unsigned = arrow.makeData({ type: new arrow.Uint64(), length: 1, data: BigUint64Array.of(2n ** 63n) })
    expect(() => fromArrow(table(unsigned))).toThrow(expect.objectContaining({ code: 'OUT_OF_RANGE' }))
    const wide = arrow.makeData({ type: new arrow.Decimal(0, 38, 128), length: 1, data: Uint32Array.of(0, 0, 1, 0) })
    expect(() => fromArrow(table(wide))).toThrow(expect.objectContaining({ code: 'OUT_OF_RANGE' }))
    const offsets = arrow.makeData({
      type: new arrow.Utf8(),
      length: 1,
      nullCount: 0,
      valueOffsets: Int32Array.of(0, 5),
      data: Uint8Array.of(97),
    })
    expect(() => fromArrow(table(offsets))).toThrow(expect.objectContaining({ code: 'ARROW_INVALID' }))
    const codes = arrow.makeData({
      type: new arrow.Dictionary(new arrow.Utf8(), new arrow.Int32(), 1),
      length: 1,
      data: Int32Array.of(7),
      dictionary: arrow.vectorFromArray(['a'], new arrow.Utf8()),
    })
    expect(() => fromArrow(table(codes))).toThrow(
      expect.objectContaining({ code: 'ARROW_INVALID', message: expect.stringContaining('code 7') }),
    )
  })
})
