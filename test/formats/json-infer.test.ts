import { describe, expect, it } from 'vitest'
import { type InferJsonOptions, inferJsonSchema } from '../../src/formats/json-infer.js'
import { builds } from '../kernel/builds.js'
import { Random, recordText } from './json-arbitraries.js'
import { decodeJson, utf8 } from './json-running.js'

const inferred = (text: string, options: InferJsonOptions = {}): string =>
  inferJsonSchema(utf8(text), options).describe()

describe('a schema inferred from JSON', () => {
  it('has the narrowest type that takes all that was seen, nulls too', () => {
    const first = '{"a":1,"b":"x","c":true,"d":"2024-01-02","e":null}'
    const second = '{"a":2.5,"b":"2024-01-02","c":null,"d":"2024-01-02T03:04Z"}'
    expect(inferred(`${first}\n${second}`)).toBe('a: f64?, b: utf8?, c: bool?, d: timestamp?, e: object?')
    expect(inferred('{"a":9007199254740993,"b":1e300,"c":1}\n{"a":1,"b":2,"c":"x"}')).toBe(
      'a: i64?, b: f64?, c: object?',
    )
    expect(inferred('{"l":[1,2.5],"m":["x",null],"n":[],"o":[[1]],"p":[1,"x"],"q":{}}')).toBe(
      'l: list<f64?>?, m: list<utf8?>?, n: object?, o: object?, p: object?, q: object?',
    )
    const nested = '{"u":{"a":1,"b":{"c":"x"}}}\n{"u":{"b":{}}}\n{}'
    expect(inferred(nested)).toBe('u: struct<a: f64?, b: struct<c: utf8?>?>?')
    expect(inferred('{"__proto__":1,"toString":2}')).toBe('__proto__: f64?, toString: f64?')
    expect(inferred('{"d":"2024-13-01","e":"2024-01-01x"}')).toBe('d: utf8?, e: utf8?')
  })

  it('passes over what is no record, and a last one that is cut off', () => {
    expect(inferred('\uFEFF\r\n5\nx\n{"a":1}\r\n{"a":"cut')).toBe('a: f64?')
    expect(inferred('')).toBe('')
    expect(inferred('{"a":1}\n{"b":1}', { records: 1 })).toBe('a: f64?')
  })

  it('reads arrays, whole and cut off', () => {
    expect(inferred('[{"a":"x,]"} , {"a":"\\"]","b":[{"c":1}]}]', { format: 'array' })).toBe('a: utf8?, b: object?')
    expect(inferred('[{"a":1},{"a":"cut', { format: 'array' })).toBe('a: f64?')
    expect(inferred('[]', { format: 'array' })).toBe('')
  })

  it('takes every record that it was inferred from', () => {
    const random = new Random(3)
    const kernel = builds[0]?.create() ?? expect.fail('no build')
    for (let times = 0; times < 50; times++) {
      const lines = Array.from({ length: 5 }, () => recordText(random, times % 3)).join('\n')
      const { rows, rejected } = decodeJson(kernel, inferJsonSchema(utf8(lines)), lines)
      expect(rejected.filter(({ reason }) => reason !== 'NOT_EXACT')).toEqual([])
      expect(rows.length + rejected.length).toBe(5)
    }
  })
})
