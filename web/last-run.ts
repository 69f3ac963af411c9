import type { Figures } from './figures.js'

/** The figures as they stood at a checkpoint or at the end, kept for the next visit. The results themselves lie elsewhere. */
export interface LastRun {
  readonly finished: boolean
  readonly figures: Figures
}

const KEY = 'sabot.flights.last-run'

export function rememberRun(run: LastRun): void {
  localStorage.setItem(KEY, JSON.stringify(run))
}

export function forgetRun(): void {
  localStorage.removeItem(KEY)
}

export function lastRun(): LastRun | undefined {
  const text = localStorage.getItem(KEY)
  return text === null ? undefined : JSON.parse(text)
}
