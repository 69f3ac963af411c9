import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { ERROR_CODES } from '../../src/core/errors.js'

const root = fileURLToPath(new URL('../../src', import.meta.url))
const sources = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter(file => file.endsWith('.ts') && file !== join('core', 'errors.ts'))
  .map(file => readFileSync(join(root, file), 'utf8'))
  .join('\n')

/** Codes as they stand in the sources: words in capitals between quotes. */
const used = new Set([...sources.matchAll(/'([A-Z]+(?:_[A-Z]+)+)'/g)].map(([, code]) => code ?? ''))

describe('error codes', () => {
  it('are all explained in ERROR_CODES', () => {
    const errors = [...sources.matchAll(/Error\(\s*'([A-Z_]+)'/g)].map(([, code]) => code ?? '')
    expect(errors.length).toBeGreaterThan(50)
    expect(errors.filter(code => !Object.hasOwn(ERROR_CODES, code))).toEqual([])
  })

  it('are all in use', () => {
    expect(Object.keys(ERROR_CODES).filter(code => !used.has(code))).toEqual([])
  })
})
