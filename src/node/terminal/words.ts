/* Numbers and times as people read them. */

/** 1234567 -> '1,234,567'. */
export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}

/** `counted(1, 'row')` -> '1 row', `counted(1200, 'row')` -> '1,200 rows'. */
export function counted(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`
}

/** 34567 -> '34.6 kB'. */
export function bytes(value: number): string {
  if (value < 1000) return `${value} B`
  const units = ['kB', 'MB', 'GB', 'TB']
  let scaled = value / 1000
  while (scaled >= 999.95 && units.length > 1) {
    scaled /= 1000
    units.shift()
  }
  return `${scaled.toFixed(1)} ${units[0]}`
}

/** Measured time: 850 -> '850 ms', 12345 -> '12.3 s', 754000 -> '12 min 34 s'. */
export function took(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 99_950) return `${(ms / 1000).toFixed(1)} s`
  const seconds = Math.round(ms / 1000)
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

/** A time as '2001-03-02 11:00:00', in UTC; milliseconds where there are some. */
export function time(ms: number): string {
  if (!isTime(ms)) return String(ms)
  return new Date(ms).toISOString().replace('T', ' ').replace('.000Z', '').replace('Z', '')
}

/** A watermark in words. */
export function watermark(ms: number): string {
  if (ms === Number.POSITIVE_INFINITY) return 'end of input'
  if (ms === Number.NEGATIVE_INFINITY) return 'none yet'
  return `${time(ms)} UTC`
}

/** For JSON: ISO 8601, or what JSON cannot hold as text. */
export function watermarkToJSON(ms: number): string | null {
  if (ms === Number.POSITIVE_INFINITY) return 'end of input'
  return isTime(ms) ? new Date(ms).toISOString() : null
}

function isTime(ms: number): boolean {
  return Math.abs(ms) <= 8.64e15
}
