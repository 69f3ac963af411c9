import { describe, expect, it } from 'vitest'
import { inferCsvSchema } from '../../src/formats/csv-infer.js'

describe('inferCsvSchema', () => {
  it('takes the narrowest type that holds all texts of a column', () => {
    const sample = [
      '\ufeffb,i,l,x,t,s,zip,none,mixed',
      'true,1,1,1,2001-02-03,a,007,,1',
      'FALSE,-5,9007199254740993,.5,2001-02-03T04:05:06.789Z,"1,5",012,,x',
      ',2147483647,,NaN,,,,,',
      '"tr',
    ].join('\r\n')
    expect(inferCsvSchema(sample).describe()).toBe(
      'b: bool?, i: i32?, l: i64?, x: f64?, t: timestamp?, s: utf8?, zip: utf8?, none: utf8?, mixed: utf8?',
    )
  })

  it('names columns by number where there is no header, and looks at so many records', () => {
    const sample = new TextEncoder().encode('1;a\n2;b\nx;c\n')
    const options = { header: false, delimiter: ';' }
    expect(inferCsvSchema(sample, options).describe()).toBe('column1: utf8?, column2: utf8?')
    expect(inferCsvSchema(sample, { ...options, sampleRecords: 2 }).describe()).toBe('column1: i32?, column2: utf8?')
  })

  it('leaves a record out that may be cut off, unless it is all there is', () => {
    expect(inferCsvSchema('n\n1\n20\n3.').describe()).toBe('n: i32?')
    expect(inferCsvSchema('n\n3.5').describe()).toBe('n: f64?')
  })

  it('refuses a header that names two columns alike, and a sample without a record', () => {
    expect(() => inferCsvSchema('a,a\n1,2\n')).toThrow(expect.objectContaining({ code: 'DUPLICATE_FIELD' }))
    expect(() => inferCsvSchema('')).toThrow(expect.objectContaining({ code: 'SCHEMA_INVALID' }))
  })
})
