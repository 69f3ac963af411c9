/* The last lines of a terminal, redrawn in place. */

/** What it needs of a TTY stream. */
export interface Terminal {
  readonly columns?: number
  readonly rows?: number
  write(text: string): unknown
}

const ESCAPE = '\u001b'
const UP = (lines: number): string => (lines > 0 ? `${ESCAPE}[${lines}A` : '')
const CLEAR_BELOW = `${ESCAPE}[J`
const RESET = `${ESCAPE}[0m`

/** Lines at the bottom of a terminal that are drawn anew in place. Lines are cut to its width, so that none wraps. */
export class LiveArea {
  private readonly terminal: Terminal
  private drawn = 0

  constructor(terminal: Terminal) {
    this.terminal = terminal
  }

  draw(lines: readonly string[]): void {
    // The cursor line below takes a row as well; what does not fit could not be cleared again.
    const shown = lines.slice(0, Math.max(1, (this.terminal.rows ?? 24) - 1))
    const width = (this.terminal.columns ?? 80) - 1
    this.terminal.write(`${this.home()}${shown.map(line => `${cut(line, width)}\n`).join('')}`)
    this.drawn = shown.length
  }

  /** Removes what was drawn. */
  clear(): void {
    this.terminal.write(this.home())
    this.drawn = 0
  }

  private home(): string {
    return `\r${UP(this.drawn)}${CLEAR_BELOW}`
  }
}

/** Colours take no room. */
function cut(line: string, width: number): string {
  let room = width
  let result = ''
  for (const piece of line.split(new RegExp(`(${ESCAPE}\\[[0-9;]*m)`))) {
    if (piece.startsWith(ESCAPE)) result += piece
    else if (piece.length <= room) {
      result += piece
      room -= piece.length
    } else return `${result}${piece.slice(0, Math.max(0, room - 1))}…${RESET}`
  }
  return result
}
