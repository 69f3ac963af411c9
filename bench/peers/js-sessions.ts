export interface SessionRows {
  readonly keys: Int32Array
  readonly timestamps: Float64Array
  readonly values: Float64Array
}

interface Session {
  start: number
  end: number
  n: number
  sum: number
  min: number
  max: number
}

/**
 * What one writes in JavaScript: a Map from key to the open sessions of the key; a row is put into the session that it
 * touches, sessions that it connects are merged; after each batch those that have ended are taken out.
 */
export function mapOfSessions(
  { keys, timestamps, values }: SessionRows,
  gapMs: number,
  boundMs: number,
  batchRows: number,
): number {
  const open = new Map<number, Session[]>()
  let checksum = 0
  let highest = Number.NEGATIVE_INFINITY
  const fire = (watermark: number): void => {
    for (const [key, sessions] of open) {
      if (!sessions.some(({ end }) => end - 1 <= watermark)) continue
      const left: Session[] = []
      for (const session of sessions) {
        if (session.end - 1 <= watermark) checksum += session.n + session.sum + session.min + session.max
        else left.push(session)
      }
      if (left.length === 0) open.delete(key)
      else open.set(key, left)
    }
  }
  for (let row = 0; row < keys.length; row++) {
    const key = keys[row] as number
    const timestamp = timestamps[row] as number
    const value = values[row] as number
    const end = timestamp + gapMs
    if (timestamp > highest) highest = timestamp
    let sessions = open.get(key)
    if (sessions === undefined) {
      sessions = []
      open.set(key, sessions)
    }
    let own: Session | undefined
    for (let index = 0; index < sessions.length; index++) {
      const session = sessions[index] as Session
      if (session.start > end || session.end < timestamp) continue
      if (own === undefined) {
        own = session
      } else {
        own.n += session.n
        own.sum += session.sum
        own.min = Math.min(own.min, session.min)
        own.max = Math.max(own.max, session.max)
        own.start = Math.min(own.start, session.start)
        own.end = Math.max(own.end, session.end)
        sessions.splice(index--, 1)
      }
    }
    if (own === undefined) {
      if (end - 1 > highest - boundMs - 1)
        sessions.push({ start: timestamp, end, n: 1, sum: value, min: value, max: value })
    } else {
      own.n += 1
      own.sum += value
      if (value < own.min) own.min = value
      if (value > own.max) own.max = value
      if (timestamp < own.start) own.start = timestamp
      if (end > own.end) own.end = end
    }
    if ((row + 1) % batchRows === 0) fire(highest - boundMs - 1)
  }
  fire(Number.POSITIVE_INFINITY)
  return checksum
}
