import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  decimal,
  list,
  nullable,
  SabotError,
  Schema,
  schema,
  struct,
  typeName,
  typesEqual,
} from '../../src/core/index.js'
import { columnType, fields } from './arbitraries.js'

describe('Schema', () => {
  it('survives JSON', () => {
    fc.assert(
      fc.property(fields(), list => {
        const original = new Schema(list)
        const read = Schema.fromJSON(JSON.parse(JSON.stringify(original)))
        expect(read.equals(original)).toBe(true)
        expect(read.toJSON()).toEqual(original.toJSON())
        expect(read.describe()).toBe(original.describe())
      }),
    )
  })

  it('finds each field by name, whatever the name', () => {
    fc.assert(
      fc.property(fields(), list => {
        const made = new Schema(list)
        for (const [index, { name }] of list.entries()) {
          expect(made.indexOf(name)).toBe(index)
          expect(made.has(name)).toBe(true)
        }
        const reversed = made.names.reverse()
        expect(made.select(reversed).names).toEqual(reversed)
      }),
    )
  })

  it('is equal only to the same names, types and nullability in the same order', () => {
    const one = schema({ a: 'i32', b: nullable('utf8') })
    expect(one.equals(schema({ a: 'i32', b: nullable('utf8') }))).toBe(true)
    expect(one.equals(schema({ b: nullable('utf8'), a: 'i32' }))).toBe(false)
    expect(one.equals(schema({ a: 'i32', b: 'utf8' }))).toBe(false)
    expect(one.equals(schema({ a: 'i64', b: nullable('utf8') }))).toBe(false)
    expect(one.equals(schema({ a: 'i32' }))).toBe(false)
  })

  it('types are equal when they say the same', () => {
    fc.assert(
      fc.property(columnType(), columnType(), (a, b) => {
        expect(typesEqual(a, structuredClone(a))).toBe(true)
        expect(typesEqual(a, b)).toBe(JSON.stringify(a) === JSON.stringify(b))
      }),
    )
  })

  it('has no fields that it was not given', () => {
    const made = schema({ a: 'i32' })
    for (const name of ['__proto__', 'constructor', 'toString', '']) {
      expect(made.has(name)).toBe(false)
      expect(() => made.field(name)).toThrow(SabotError)
    }
  })

  it('says which fields there are, and which is nearest', () => {
    const made = schema({ origin: 'utf8', delay: 'i32', date: 'timestamp' })
    const failure = (name: string): SabotError => {
      try {
        made.indexOf(name)
      } catch (error) {
        if (error instanceof SabotError) return error
      }
      throw new Error('it was found')
    }
    expect(failure('Origin')).toMatchObject({
      code: 'UNKNOWN_FIELD',
      details: { nearest: 'origin', known: made.names },
    })
    expect(failure('dealy').details).toMatchObject({ nearest: 'delay' })
    expect(failure('altitude').details).toMatchObject({ nearest: undefined })
  })

  it('names types in words', () => {
    const type = struct({ items: list(nullable(decimal(2))), at: 'timestamp' })
    expect(typeName(type)).toBe('struct<items: list<decimal(2)?>, at: timestamp>')
  })

  it('refuses duplicates, unknown types and broken JSON', () => {
    const field = { name: 'a', type: 'i32', nullable: false } as const
    expect(() => new Schema([field, field])).toThrow(/two fields named "a"/)
    // @ts-expect-error: there is no such type
    expect(() => schema({ a: 'i16' })).toThrow(TypeError)
    expect(() => decimal(19)).toThrow(TypeError)
    for (const json of [null, {}, { fields: [{}] }, { fields: [{ name: 'a', type: 'i16', nullable: true }] }]) {
      expect(() => Schema.fromJSON(json)).toThrow(expect.objectContaining({ code: 'SCHEMA_INVALID' }))
    }
  })
})
