/* How a CSV file is written. */
import { describeValue } from '../core/errors.js'
import { encodeUtf8 } from '../core/utf8.js'
import type { CsvDialectBytes } from '../kernel/csv-plan.js'

export interface CsvDialect {
  /** Between fields; ',' by default, '\t' for TSV. An ASCII character that is no letter, no digit and none of `.+-`. */
  readonly delimiter?: string
  /** Around fields; '"' by default, null for none. */
  readonly quote?: string | null
  /** Before a quote that is meant as it is, inside quotes; by default the quote itself. */
  readonly escape?: string
  /** Lines that begin with it are skipped; none by default. As the delimiter, no part of values. */
  readonly comment?: string
  /** Whether spaces and tabs around fields are left out; inside quotes they stay. Not by default. */
  readonly trim?: boolean
  /** Texts that mean null; the empty text by default. */
  readonly nulls?: readonly string[]
}

/** A dialect with nothing left open. */
export interface ResolvedDialect {
  readonly delimiter: string
  readonly quote: string | undefined
  readonly escape: string | undefined
  readonly comment: string | undefined
  readonly trim: boolean
  readonly nulls: readonly string[]
}

const MAX_NULLS = 64

/** @throws TypeError when a character cannot play its part, or plays two. */
export function resolveDialect(dialect: CsvDialect): ResolvedDialect {
  const { delimiter = ',', comment, trim = false, nulls = [''] } = dialect
  const quote = dialect.quote === null ? undefined : (dialect.quote ?? '"')
  const escapeWith = quote === undefined ? undefined : (dialect.escape ?? quote)
  if (quote === undefined && dialect.escape !== undefined) throw new TypeError('An escape needs a quote')
  for (const [name, character] of Object.entries({ delimiter, quote, comment, escape: escapeWith })) {
    if (character !== undefined && !isPlainCharacter(character)) {
      throw new TypeError(`${name} must be one ASCII character and no line end, not ${describeValue(character)}`)
    }
  }
  for (const [name, character] of Object.entries({ delimiter, quote, comment })) {
    if (character !== undefined && /[\w.+-]/.test(character)) {
      throw new TypeError(
        `${name} must be no letter, digit, or one of "_.+-", which values have in them, not "${character}"`,
      )
    }
  }
  const isAmbiguous = [quote, escapeWith, comment].includes(delimiter) || (comment !== undefined && comment === quote)
  if (isAmbiguous) {
    throw new TypeError('delimiter, quote and comment must be three different characters, and escape no delimiter')
  }
  if (trim && [delimiter, quote].some(character => character === ' ' || character === '\t')) {
    throw new TypeError('trim leaves out spaces and tabs: with it they cannot be the delimiter or the quote')
  }
  if (nulls.length > MAX_NULLS) throw new TypeError(`There are ${nulls.length} null texts, the most is ${MAX_NULLS}`)
  return { delimiter, quote, escape: escapeWith, comment, trim, nulls }
}

function isPlainCharacter(character: string): boolean {
  return character.length === 1 && character < '\x80' && character !== '\n' && character !== '\r'
}

export function dialectBytes(dialect: ResolvedDialect): CsvDialectBytes {
  return {
    delimiter: dialect.delimiter.charCodeAt(0),
    quote: dialect.quote?.charCodeAt(0),
    escape: dialect.escape?.charCodeAt(0),
    comment: dialect.comment?.charCodeAt(0),
    trim: dialect.trim,
    nulls: dialect.nulls.map(encodeUtf8),
  }
}
