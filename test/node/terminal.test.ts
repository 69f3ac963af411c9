import { describe, expect, it } from 'vitest'
import { LiveArea } from '../../src/node/terminal/live-area.js'
import { bytes, count, counted, time, took, watermark, watermarkToJSON } from '../../src/node/terminal/words.js'

describe('words', () => {
  it('groups digits and counts nouns', () => {
    expect(count(1234567)).toBe('1,234,567')
    expect(counted(1, 'row')).toBe('1 row')
    expect(counted(0, 'row')).toBe('0 rows')
    expect(counted(1200, 'row')).toBe('1,200 rows')
  })
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [999_949, '999.9 kB'],
    [999_950, '1.0 MB'],
    [34_567_000, '34.6 MB'],
    [5e15, '5000.0 TB'],
  ])('%d bytes are %s', (value, text) => expect(bytes(value)).toBe(text))
  it.each([
    [0.4, '0 ms'],
    [850, '850 ms'],
    [12_345, '12.3 s'],
    [99_960, '1 min 40 s'],
    [754_000, '12 min 34 s'],
    [7_260_000, '2 h 1 min'],
  ])('%d ms took %s', (value, text) => expect(took(value)).toBe(text))
  it('writes times in UTC, and infinite watermarks in words', () => {
    expect(time(Date.UTC(2001, 2, 2, 11))).toBe('2001-03-02 11:00:00')
    expect(time(Date.UTC(2001, 2, 2, 11) + 5)).toBe('2001-03-02 11:00:00.005')
    expect(watermark(Number.POSITIVE_INFINITY)).toBe('end of input')
    expect(watermark(Number.NEGATIVE_INFINITY)).toBe('none yet')
    expect(watermark(9e15)).toBe('9000000000000000 UTC')
    expect(watermarkToJSON(0)).toBe('1970-01-01T00:00:00.000Z')
    expect(watermarkToJSON(Number.NEGATIVE_INFINITY)).toBeNull()
    expect(watermarkToJSON(Number.POSITIVE_INFINITY)).toBe('end of input')
  })
})

/** As much of a terminal as LiveArea uses: what is on the screen after all that was written. */
class Screen {
  readonly columns: number
  readonly rows: number
  lines: string[] = ['']
  private row = 0

  constructor(columns: number, rows: number) {
    this.columns = columns
    this.rows = rows
  }

  write(text: string): void {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: terminals are controlled by them
    for (const [token] of text.matchAll(/\u001b\[\d*[AJm]|\r|\n|[^\u001b\r\n]+/g)) {
      if (token === '\n') this.lines[++this.row] ??= ''
      else if (token === '\r') continue
      else if (token.endsWith('A')) this.row -= Number(token.slice(2, -1))
      else if (token === '\u001b[J') this.lines = [...this.lines.slice(0, this.row), '']
      else if (!token.startsWith('\u001b')) this.lines[this.row] += token
    }
  }
}

describe('LiveArea', () => {
  it('draws in place, also with fewer lines, and leaves what stood above', () => {
    const screen = new Screen(20, 10)
    screen.write('$ sabot run\n')
    const area = new LiveArea(screen)
    area.draw(['one', 'two', 'three'])
    expect(screen.lines).toEqual(['$ sabot run', 'one', 'two', 'three', ''])
    area.draw(['four'])
    expect(screen.lines).toEqual(['$ sabot run', 'four', ''])
    area.clear()
    expect(screen.lines).toEqual(['$ sabot run', ''])
  })
  it('cuts lines to the width, where colours take no room', () => {
    const screen = new Screen(10, 10)
    new LiveArea(screen).draw(['123456789', '1234567890', '\u001b[31m12345\u001b[39m6789'])
    expect(screen.lines).toEqual(['123456789', '12345678…', '123456789', ''])
  })
  it('draws no more lines than the terminal has', () => {
    const screen = new Screen(10, 3)
    new LiveArea(screen).draw(['1', '2', '3', '4'])
    expect(screen.lines).toEqual(['1', '2', ''])
  })
})
