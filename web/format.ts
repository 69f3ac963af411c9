/** Figures as people read them. Times are shown in UTC, in which the data stands. */

const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 })
const tenth = new Intl.NumberFormat('en-US', { minimumFractionDigits: 1, maximumFractionDigits: 1 })
const day = new Intl.DateTimeFormat('en-GB', { timeZone: 'UTC', day: 'numeric', month: 'short', year: 'numeric' })
const time = new Intl.DateTimeFormat('en-GB', { timeZone: 'UTC', hour: '2-digit', minute: '2-digit' })
const moment = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short' })

export const count = (value: number): string => whole.format(value)

export const formatDay = (ms: number): string => day.format(ms)

export const formatTime = (ms: number): string => time.format(ms)

/** A moment of the person's own time. */
export const formatMoment = (ms: number): string => moment.format(ms)

/** A delay in minutes. */
export const minutes = (value: number): string => `${tenth.format(value)} min`.replace('-', '−')

export const wholeMinutes = (value: number): string => `${whole.format(value)} min`.replace('-', '−')

export function bytes(value: number): string {
  if (value < 1000) return `${value} B`
  return value < 1e6 ? `${tenth.format(value / 1e3)} kB` : `${tenth.format(value / 1e6)} MB`
}

export function duration(ms: number): string {
  return ms < 1000 ? `${whole.format(ms)} ms` : `${tenth.format(ms / 1000)} s`
}
