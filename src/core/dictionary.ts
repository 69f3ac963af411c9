/*
 * An append-only set of strings, numbered from 0 in the order of their arrival. Batches of one stream share a
 * dictionary, so that a kernel codes each string once and each row by a table look-up.
 */
import { decodeUtf8, encodeUtf8Into, wellFormed } from './utf8.js'

/** The builders begin a new dictionary rather than let one grow beyond this many entries. */
export const MAX_DICTIONARY_ENTRIES = 65_536

let nextId = 1

/**
 * Laws: `string(encode(text)) === wellFormed(text)`; equal strings have equal codes; entries never change, so what was
 * read of the first n entries stays true. Views from `offsets` and `bytes` show the entries present at the call.
 */
export class Dictionary {
  /** Unique in this process, never reused. */
  readonly id: number = nextId++
  private readonly codes = new Map<string, number>()
  /** Entries that came as bytes are decoded when somebody asks, and stand in `codes` once one of them is sought. */
  private readonly strings: (string | undefined)[] = []
  private count = 0
  private indexed = 0
  private ends: Int32Array = new Int32Array(16)
  private data: Uint8Array = new Uint8Array(128)

  /** A dictionary of the given strings; duplicates are taken once. */
  static of(strings: Iterable<string>): Dictionary {
    const dictionary = new Dictionary()
    for (const text of strings) dictionary.encode(text)
    return dictionary
  }

  get size(): number {
    return this.count
  }

  /** The code of `text`, which is added when it is new. Lone surrogates become U+FFFD. */
  encode(text: string): number {
    return this.find(text) ?? this.append(text)
  }

  /** The code of a string that `find` did not find. */
  append(text: string): number {
    const formed = wellFormed(text)
    const code = this.count
    const start = this.ends[code] ?? 0
    this.reserve(1, start + formed.length * 3)
    this.ends[code + 1] = start + encodeUtf8Into(formed, this.data, start)
    // A substring of a large text would keep all of it alive.
    const kept = formed.length > 12 ? decodeUtf8(this.data, start, this.ends[code + 1]) : formed
    this.strings[code] = kept
    this.codes.set(kept, code)
    this.count++
    this.indexed++
    return code
  }

  /** The code of `text`, or undefined when it is not in the dictionary. */
  find(text: string): number | undefined {
    if (this.indexed < this.count) this.index()
    const code = this.codes.get(text)
    if (code !== undefined) return code
    const formed = wellFormed(text)
    return formed === text ? undefined : this.codes.get(formed)
  }

  /** @throws RangeError when there is no such code. */
  string(code: number): string {
    return this.strings[code] ?? this.decode(code)
  }

  /**
   * Adds entries by their bytes: entry i is [offsets[i], offsets[i + 1]) of `bytes`. It is for the caller to see that
   * they are UTF-8, distinct, and not in the dictionary yet.
   */
  appendUtf8(offsets: Int32Array, bytes: Uint8Array): void {
    const added = offsets.length - 1
    if (added <= 0) return
    const first = offsets[0] ?? 0
    const last = offsets[added] ?? 0
    const start = this.ends[this.count] ?? 0
    this.reserve(added, start + last - first)
    this.data.set(bytes.subarray(first, last), start)
    for (let entry = 1; entry <= added; entry++) this.ends[this.count + entry] = start + (offsets[entry] ?? 0) - first
    this.count += added
    this.strings.length = this.count
  }

  /** Where the entries from `from` on begin in the bytes, and where the last one ends: size − from + 1 numbers. */
  offsets(from = 0): Int32Array {
    return this.ends.subarray(from, this.size + 1)
  }

  /** The UTF-8 bytes of the entries [from, to). */
  bytes(from = 0, to: number = this.size): Uint8Array {
    return this.data.subarray(this.ends[from], this.ends[to])
  }

  private reserve(entries: number, bytes: number): void {
    if (bytes > this.data.length) {
      const larger = new Uint8Array(Math.max(this.data.length * 2, bytes))
      larger.set(this.data)
      this.data = larger
    }
    if (this.count + entries + 1 > this.ends.length) {
      const larger = new Int32Array(Math.max(this.ends.length * 2, this.count + entries + 1))
      larger.set(this.ends)
      this.ends = larger
    }
  }

  private decode(code: number): string {
    if (!(code >= 0 && code < this.count)) {
      throw new RangeError(`Dictionary ${this.id} has ${this.size} entries, none of code ${code}`)
    }
    const text = decodeUtf8(this.data, this.ends[code], this.ends[code + 1])
    this.strings[code] = text
    return text
  }

  /** Makes every entry one that `codes` knows. */
  private index(): void {
    for (; this.indexed < this.count; this.indexed++) this.codes.set(this.string(this.indexed), this.indexed)
  }
}
