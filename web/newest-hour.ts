/** One line of the hourly results. */
export interface AirportHour {
  readonly origin: string
  readonly windowStart: number
  readonly windowEnd: number
  readonly flights: number
  readonly meanDelay: number
  readonly worstDelay: number
}

/**
 * The newest hour of which all lines are there, from the end of the results file. Hours are written one after
 * another, so an hour is complete once a later one begins, or the file has ended. The first line may be cut.
 */
export function newestHour(tail: Uint8Array, fileHasEnded: boolean): readonly AirportHour[] {
  const lines = new TextDecoder().decode(tail).split('\n').slice(1, -1)
  const hours: AirportHour[][] = []
  for (let at = lines.length - 1; at >= 0 && hours.length < 3; at--) {
    const line = parse(lines[at] ?? '')
    const current = hours.at(-1)
    if (current?.[0]?.windowStart === line.windowStart) current.push(line)
    else hours.push([line])
  }
  // The oldest hour in the tail may be cut by its beginning.
  hours.pop()
  return (fileHasEnded ? hours[0] : hours[1]) ?? []
}

function parse(line: string): AirportHour {
  const { windowStart, windowEnd, ...rest } = JSON.parse(line)
  return { ...rest, windowStart: new Date(windowStart).getTime(), windowEnd: new Date(windowEnd).getTime() }
}
