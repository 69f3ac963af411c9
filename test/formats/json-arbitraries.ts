/* Records of JSON, right and wrong, as bytes. Seeded, since a million of them is too many for fast-check. */
import { list, nullable, type Schema, schema, struct } from '../../src/core/index.js'

export const RECORD: Schema = schema({
  id: 'i64',
  count: nullable('i32'),
  price: nullable('f64'),
  ratio: nullable('f32'),
  name: nullable('utf8'),
  at: nullable('timestamp'),
  flag: nullable('bool'),
  city: nullable('utf8'),
  tags: nullable(list(nullable('utf8'))),
  sizes: nullable(list('f64')),
  any: nullable('object'),
  inner: nullable(struct({ x: 'i32', y: nullable('utf8') })),
  __proto: nullable('i32'),
})

export const PATHS = { city: 'user.address.city', __proto: '__proto__' } as const

/** Whole numbers below 2^32 (xorshift). */
export class Random {
  private state: number

  constructor(seed: number) {
    this.state = seed | 1
  }

  below(limit: number): number {
    let state = this.state
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    this.state = state
    return (state >>> 0) % limit
  }

  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)] as T
  }

  chance(percent: number): boolean {
    return this.below(100) < percent
  }
}

const WORDS = [
  'a',
  'Zürich',
  '東京',
  '😀',
  '',
  'with "quotes"',
  'back\\slash',
  'tab\t',
  'a string of more than sixteen bytes',
]
const ESCAPES = [
  '\\u0041',
  '\\ud83d\\ude00',
  '\\ud800',
  '\\udc00x',
  '\\n',
  '\\/',
  '\\b\\f\\r\\t',
  '\\u00e9',
  '\\u20AC',
  '\\ud800\\ud800\\udc00',
]

function stringText(random: Random): string {
  if (random.chance(15))
    return `"${random.pick(WORDS.slice(0, 4))}${random.pick(ESCAPES)}${random.pick(['', 'x', 'é'])}"`
  if (random.chance(10)) return JSON.stringify(`${random.pick(WORDS)}${random.below(100_000)}`)
  return JSON.stringify(random.pick(WORDS))
}

function integerText(random: Random): string {
  return random.pick([
    () => String(random.below(1000)),
    () => String(random.below(4_294_967_295) - 2_147_483_648),
    () => `-${random.below(10)}`,
    () => `${random.below(100)}.0`,
    () => `${random.below(9) + 1}e${random.below(5)}`,
    () => '-0',
  ])()
}

export function numberText(random: Random): string {
  return random.pick([
    () => integerText(random),
    () => (random.below(1_000_000) / 100).toFixed(random.below(4)),
    () => `${random.below(1000)}.${random.below(1_000_000)}e${random.below(40) - 20}`,
    () => `${random.below(1000)}E+${random.below(330)}`,
    () => String(random.below(4_294_967_295) / (random.below(1000) + 1)),
    () => `0.${'0'.repeat(random.below(30))}${random.below(1_000_000)}`,
  ])()
}

function timeText(random: Random): string {
  const two = (limit: number): string => String(random.below(limit)).padStart(2, '0')
  const date = `${1000 + random.below(3000)}-${String(1 + random.below(12)).padStart(2, '0')}-${String(1 + random.below(28)).padStart(2, '0')}`
  return random.pick([
    () => String(random.below(4_294_967_295) * 400),
    () => `"${date}"`,
    () => `"${date}T${two(24)}:${two(60)}Z"`,
    () =>
      `"${date}T${two(24)}:${two(60)}:${two(60)}.${random.below(1000)}${random.pick(['', 'Z', '+05:30', '-11:00'])}"`,
  ])()
}

/** Any JSON value, nested a little. */
export function anyText(random: Random, depth = 3): string {
  if (depth === 0 || random.chance(60)) {
    return random.pick([stringText, numberText, () => 'true', () => 'false', () => 'null'])(random)
  }
  const space = random.pick(['', '', ' ', '\t'])
  const parts = Array.from({ length: random.below(4) }, () => anyText(random, depth - 1))
  if (random.chance(50)) return `[${space}${parts.join(`,${space}`)}${space}]`
  return `{${space}${parts.map((part, index) => `"k${index}"${space}:${part}`).join(`${space},`)}${space}}`
}

const MAKERS: Readonly<Record<string, (random: Random) => string>> = {
  id: integerText,
  count: integerText,
  price: numberText,
  ratio: numberText,
  name: stringText,
  at: timeText,
  flag: random => random.pick(['true', 'false']),
  user: random =>
    random.pick([
      () => `{"address":{"city":${stringText(random)}},"x":1}`,
      () => '{"address":null}',
      () => '{}',
      () => 'null',
    ])(),
  tags: random =>
    `[${Array.from({ length: random.below(4) }, () => (random.chance(20) ? 'null' : stringText(random))).join(', ')}]`,
  sizes: random => `[${Array.from({ length: random.below(4) }, () => numberText(random)).join(',')}]`,
  any: random => anyText(random),
  inner: random =>
    random.pick([
      () => `{"x":${random.below(9)},"y":${stringText(random)}}`,
      () => '{"x":1}',
      () => '{"y":"q","x":2}',
    ])(),
  __proto__: integerText,
  extra: random => anyText(random),
  'k\\u0065y': stringText,
}

/** The text of a record: mostly right, in an order and with spaces that may change from record to record. */
export function recordText(random: Random, variety: number): string {
  let keys = ['id', ...Object.keys(MAKERS).filter(key => key !== 'id' && (variety < 2 || random.chance(80)))]
  // Of one form: no value that is an object, but one that always has the same fields.
  if (variety < 1) keys = keys.filter(key => key !== 'inner' && key !== 'user')
  if (variety > 1) keys.sort(() => random.below(3) - 1)
  if (variety > 1 && random.chance(10)) keys.push(random.pick(keys))
  const space = variety > 1 ? random.pick(['', '', ' ', '  ', '\t', '\r']) : ''
  const parts = keys.map(key => {
    const wrong = key === 'id' ? stringText : anyText
    const maker = variety > 0 && random.chance(2) ? wrong : (MAKERS[key] ?? anyText)
    const value = random.chance(3) ? 'null' : maker(random)
    const name = variety > 1 && key === 'id' && random.chance(5) ? '\\u0069d' : key
    return `"${name}"${space}:${space}${value}`
  })
  if (variety < 1) parts.push(`"user":{"address":{"city":${stringText(random)}}}`)
  return `${space}{${space}${parts.join(`${space},${space}`)}${space}}${space}`
}

const PIECES = [
  '"',
  '\\',
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '0',
  '9',
  '-',
  '.',
  'e',
  'null',
  'true',
  ' ',
  '\u0000',
  '\u001f',
  '\\u12',
  '\\ud800',
  '\t',
  '\r',
  '""',
]

/** The bytes with something wrong, or at least odd, in some place. No line feed comes in. */
export function mutate(bytes: Uint8Array, random: Random): Uint8Array {
  let mutated = Array.from(bytes)
  for (let times = 1 + random.below(2); times > 0; times--) {
    const at = random.below(mutated.length + 1)
    const length = random.below(random.chance(80) ? 3 : 30)
    const piece = random.pick([
      () => Array.from(new TextEncoder().encode(random.pick(PIECES))),
      () => [random.pick([0x80, 0xc0, 0xc3, 0xe2, 0xed, 0xf0, 0xf4, 0xff, random.below(256)])],
      () => mutated.slice(at, at + random.below(12)),
      () => [],
    ])()
    mutated = [...mutated.slice(0, at), ...piece, ...mutated.slice(at + length)]
  }
  return Uint8Array.from(mutated.filter(byte => byte !== 0x0a))
}
