import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { readVectors } from './files.js'
import { registry } from './kinds/index.js'
import { runVector } from './registry.js'

const { vectors, problems } = readVectors([fileURLToPath(new URL('../vectors', import.meta.url))])

it('reads every vector file', () => {
  expect(problems).toEqual([])
  expect(vectors.length).toBeGreaterThan(200)
})

describe('conformance', () => {
  for (const vector of vectors) {
    it(`${vector.kind} ${vector.id}`, context => {
      const outcome = runVector(registry, vector)
      if (outcome.status === 'skipped') context.skip(`${vector.kind}: ${outcome.reason}`)
      else if (outcome.status === 'failed') expect(outcome.got, vector.description).toEqual(outcome.expected)
      expect(outcome.status).toBe('passed')
    })
  }
})
