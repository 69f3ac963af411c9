import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Dictionary, decodeUtf8, encodeUtf8, Utf8Column, wellFormed } from '../../src/core/index.js'

const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.array(fc.integer({ min: 0xd7fe, max: 0xe001 }), { maxLength: 6 }).map(units => String.fromCharCode(...units)),
)

describe('Dictionary', () => {
  it('gives equal strings equal codes, and codes their strings, with their UTF-8 in order', () => {
    fc.assert(
      fc.property(fc.array(anyText, { maxLength: 60 }), texts => {
        const dictionary = new Dictionary()
        const codes = texts.map(text => dictionary.encode(text))
        const distinct = [...new Set(texts.map(wellFormed))]
        expect(dictionary.size).toBe(distinct.length)
        expect(codes).toEqual(texts.map(text => distinct.indexOf(wellFormed(text))))
        expect(texts.map(text => dictionary.find(text))).toEqual(codes)
        expect(codes.map(code => dictionary.string(code))).toEqual(texts.map(wellFormed))
        expect(dictionary.bytes()).toEqual(encodeUtf8(distinct.join('')))
        const half = distinct.length >> 1
        const tail = dictionary.offsets(half)
        expect(tail.length).toBe(distinct.length - half + 1)
        for (let code = half; code < distinct.length; code++) {
          const from = (tail[code - half] ?? 0) - (tail[0] ?? 0)
          const to = (tail[code - half + 1] ?? 0) - (tail[0] ?? 0)
          expect(decodeUtf8(dictionary.bytes(half), from, to)).toBe(distinct[code])
        }
      }),
    )
  })

  it('takes entries by their bytes, between others, and finds them', () => {
    fc.assert(
      fc.property(fc.uniqueArray(anyText.map(wellFormed)), fc.nat(8), fc.nat(8), (texts, first, second) => {
        const dictionary = Dictionary.of(texts.slice(0, first))
        const { offsets, bytes } = Utf8Column.from(texts)
        dictionary.appendUtf8(offsets.subarray(first, first + second + 1), bytes)
        expect(dictionary.size).toBe(Math.min(texts.length, first + second))
        for (const text of texts) dictionary.encode(text)
        expect(texts.map((_, code) => dictionary.string(code))).toEqual(texts)
        expect(texts.map(text => dictionary.find(text))).toEqual(Array.from(texts.keys()))
        expect(dictionary.bytes()).toEqual(bytes)
        expect(() => dictionary.string(texts.length)).toThrow(RangeError)
      }),
    )
  })

  it('has an id of its own, and no other codes', () => {
    const one = Dictionary.of(['a', 'b', 'a'])
    expect(one.size).toBe(2)
    expect(one.id).not.toBe(new Dictionary().id)
    expect(one.find('c')).toBeUndefined()
    expect(() => one.string(2)).toThrow(RangeError)
  })
})

describe('UTF-8', () => {
  it('is what TextEncoder and TextDecoder have, in columns too', () => {
    fc.assert(
      fc.property(fc.array(anyText), texts => {
        for (const text of texts) {
          expect(encodeUtf8(text)).toEqual(new TextEncoder().encode(text))
          expect(decodeUtf8(encodeUtf8(text))).toBe(wellFormed(text))
        }
        const column = Utf8Column.from(texts)
        expect(texts.map((_, row) => column.value(row))).toEqual(texts.map(wellFormed))
      }),
    )
  })
})
