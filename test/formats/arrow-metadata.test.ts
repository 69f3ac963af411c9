import * as arrow from 'apache-arrow'
import { describe, expect, it } from 'vitest'
import { checkFooter, checkMessage } from '../../src/formats/arrow-metadata.js'

const table = arrow.tableFromArrays({ word: ['a', 'b', 'a'], n: Int32Array.of(1, 2, 3), x: Float64Array.of(1, 2, 3) })

/** The metadata of the messages of a stream. */
function messages(): Uint8Array[] {
  const bytes = arrow.tableToIPC(table, 'stream')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const found: Uint8Array[] = []
  for (let at = 0; view.getInt32(at + 4, true) > 0; ) {
    const length = view.getInt32(at + 4, true)
    const metadata = bytes.slice(at + 8, at + 8 + length)
    found.push(metadata)
    at += 8 + length + arrow.Message.decode(metadata).bodyLength
  }
  return found
}

function footer(): Uint8Array {
  const bytes = arrow.tableToIPC(table, 'file')
  const length = new DataView(bytes.buffer, bytes.byteOffset).getInt32(bytes.length - 10, true)
  return bytes.slice(bytes.length - 10 - length, bytes.length - 10)
}

describe('the metadata of Arrow IPC', () => {
  it('is let pass as the library writes it: schema, dictionary, record batch, footer', () => {
    const all = messages()
    expect(all.map(bytes => arrow.Message.decode(bytes).headerType)).toEqual([1, 2, 3])
    for (const bytes of all) expect(() => checkMessage(bytes)).not.toThrow()
    expect(() => checkFooter(footer())).not.toThrow()
  })

  it('is refused where it is cut, and never read outside where it is damaged', () => {
    for (const [bytes, check] of [
      ...messages().map(each => [each, checkMessage] as const),
      [footer(), checkFooter] as const,
    ]) {
      let refused = 0
      for (let at = 0; at < bytes.length; at++) {
        for (const fill of [0xff, 0x7f, 0x40]) {
          const damaged = bytes.slice().fill(fill, at, at + 4)
          try {
            check(damaged)
          } catch (error) {
            expect(error).toBeInstanceOf(RangeError)
            refused += 1
          }
        }
      }
      expect(refused).toBeGreaterThan(bytes.length / 10)
      for (const length of [0, 3, 4, 8, bytes.length >> 1])
        expect(() => check(bytes.slice(0, length))).toThrow(RangeError)
    }
  })

  it('is refused where tables lie too deep in one another, or are told of again and again', () => {
    for (const [levels, references, why] of [
      [100, 1, 'too deep'],
      [20, 30, 'more tables than bytes'],
    ] as const) {
      const fieldBytes = 8 + 4 + references * 4
      const view = new DataView(new ArrayBuffer(80 + levels * fieldBytes + 12))
      const vtable = (at: number, tableBytes: number, fields: readonly number[]): void => {
        const all = [4 + fields.length * 2, tableBytes, ...fields]
        for (const [index, value] of all.entries()) view.setUint16(at + index * 2, value, true)
      }
      /** The offset at `at` leads to `to`. */
      const lead = (at: number, to: number): void => view.setUint32(at, to - at, true)
      lead(0, 16)
      // A message: its header is of type 1, a schema.
      vtable(4, 12, [0, 4, 8])
      view.setInt32(16, 16 - 4, true)
      view.setUint8(20, 1)
      lead(24, 44)
      // The schema: a list of one field.
      vtable(28, 8, [0, 4])
      view.setInt32(44, 44 - 28, true)
      lead(48, 52)
      view.setUint32(52, 1, true)
      lead(56, 80)
      // Each field's children are all the next field; the last one has none.
      vtable(60, 8, [0, 0, 0, 0, 0, 4])
      for (let level = 0, at = 80; level <= levels; level++, at += fieldBytes) {
        view.setInt32(at, at - 60, true)
        lead(at + 4, at + 8)
        if (level === levels) break
        view.setUint32(at + 8, references, true)
        for (let index = 0; index < references; index++) lead(at + 12 + index * 4, at + fieldBytes)
      }
      expect(() => checkMessage(new Uint8Array(view.buffer))).toThrow(why)
    }
  })
})
