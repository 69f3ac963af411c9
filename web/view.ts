import type { SabotError } from 'sabot'
import { adviceOn } from './advice.js'
import type { Figures } from './figures.js'
import { bytes, count, duration, formatDay, formatTime, minutes, wholeMinutes } from './format.js'
import type { AirportHour } from './newest-hour.js'

export type Phase =
  | 'loading'
  | 'fresh'
  | 'resumable'
  | 'starting'
  | 'running'
  | 'stopping'
  | 'finished'
  | 'failed'
  | 'elsewhere'

export interface Model {
  readonly phase: Phase
  readonly figures: Figures | undefined
  readonly hour: readonly AirportHour[]
  /** The newest checkpoint that is saved here. */
  readonly saved: number | undefined
  /** One sentence that explains the state. */
  readonly note: string
  readonly error: SabotError | undefined
}

const STATUS: Record<Phase, string> = {
  loading: 'Looking for a saved run',
  fresh: 'Ready',
  resumable: 'Paused',
  starting: 'Reading the flights',
  running: 'Running',
  stopping: 'Pausing',
  finished: 'Finished',
  failed: 'Stopped by an error',
  elsewhere: 'Running in another tab',
}

const REASONS: Readonly<Record<string, string>> = {
  late: 'after the window closed',
  'invalid-timestamp': 'without a usable time',
}

const AIRPORTS_SHOWN = 8

function element<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.querySelector<T>(`#${id}`)
  if (!found) throw new TypeError(`The page has no element #${id}`)
  return found
}

export const controls = {
  primary: element<HTMLButtonElement>('primary'),
  startOver: element<HTMLButtonElement>('start-over'),
  downloadHourly: element<HTMLButtonElement>('download-hourly'),
  downloadLate: element<HTMLButtonElement>('download-late'),
  downloadCheckpoint: element<HTMLButtonElement>('download-checkpoint'),
  load: element<HTMLInputElement>('load'),
}

/** Shows a model; the same model always gives the same page. */
export function render(model: Model): void {
  renderRun(model)
  renderError(model.error)
  renderTiles(model.figures, model.phase)
  renderHour(model.hour)
  renderControls(model)
}

/** The bound as the text says it: '2h' is 2 hours, anything else stands as it was written. */
export function setBound(bound: string): void {
  text('bound', bound.replace(/^(\d+)h$/, '$1 hours'))
}

function text(id: string, value: string): void {
  const target = element(id)
  // Untouched text keeps a person's selection, and screen readers quiet.
  if (target.textContent !== value) target.textContent = value
}

function renderRun({ phase, figures, note }: Model): void {
  text('status', STATUS[phase])
  element('status').dataset.state = phase
  text('rows', count(figures?.rows ?? 0))
  text('rows-of', figures?.rowsExpected === undefined ? 'flights' : `of ${count(figures.rowsExpected)} flights`)
  element('count').hidden = figures === undefined
  const bar = element('bar')
  const share = figures?.rowsExpected ? (100 * figures.rows) / figures.rowsExpected : 0
  const waiting = phase === 'starting'
  bar.classList.toggle('waiting', waiting)
  bar.classList.toggle('live', phase === 'running')
  const fill = bar.querySelector('div')
  if (fill) fill.style.width = waiting ? '' : `${share}%`
  if (waiting) bar.removeAttribute('aria-valuenow')
  else bar.setAttribute('aria-valuenow', share.toFixed(0))
  text('note', note)
  element('note').hidden = note === ''
}

function renderError(error: SabotError | undefined): void {
  element('error').hidden = error === undefined
  text('error-code', error?.code ?? '')
  text('error-message', error?.message ?? '')
  text('error-advice', error ? adviceOn(error.code) : '')
}

function renderTiles(figures: Figures | undefined, phase: Phase): void {
  const live = phase === 'running' || phase === 'stopping'
  text('rate', figures ? count(figures.rowsPerSecond) : '–')
  text('rate-note', figures ? (live ? 'over the last second' : 'over the whole run') : '')
  const over = phase === 'finished'
  text('watermark', figures?.watermark !== undefined ? formatDay(figures.watermark) : over ? 'End' : '–')
  text(
    'watermark-note',
    figures?.watermark !== undefined ? `${formatTime(figures.watermark)} UTC` : over ? 'of all input' : '',
  )
  text('open', figures ? count(figures.openWindows) : '–')
  text('open-note', figures ? `${count(figures.results)} fired` : '')
  text('late', figures ? count(figures.dropped.reduce((sum, { rows }) => sum + rows, 0)) : '–')
  text(
    'late-note',
    (figures?.dropped ?? [])
      .map(({ reason, rows }, _, all) => `${all.length > 1 ? `${count(rows)} ` : ''}${REASONS[reason] ?? reason}`)
      .join(', '),
  )
  const checkpoint = figures?.checkpoint
  text('checkpoint', checkpoint ? `#${checkpoint.id}` : '–')
  const problem = figures?.checkpointError
  text(
    'checkpoint-note',
    problem ?? (checkpoint ? `${bytes(checkpoint.sizeBytes)} in ${duration(checkpoint.durationMs)}` : ''),
  )
  element('checkpoint-note').classList.toggle('problem', problem !== undefined)
}

function renderHour(hour: readonly AirportHour[]): void {
  const [first] = hour
  element('hour-empty').hidden = first !== undefined
  element('tables').hidden = first === undefined
  if (!first) {
    text('hour', 'Newest finished hour')
    return
  }
  const { windowStart, windowEnd } = first
  text(
    'hour',
    `Newest finished hour: ${formatDay(windowStart)}, ${formatTime(windowStart)} to ${formatTime(windowEnd)} UTC`,
  )
  const busiest = top(hour, row => row.flights)
  const delayed = top(hour, row => row.meanDelay)
  rows(
    'busiest',
    busiest,
    row => row.flights,
    row => [count(row.flights), minutes(row.meanDelay)],
  )
  rows(
    'delayed',
    delayed,
    row => row.meanDelay,
    row => [minutes(row.meanDelay), wholeMinutes(row.worstDelay)],
  )
}

function top(hour: readonly AirportHour[], by: (row: AirportHour) => number): AirportHour[] {
  return [...hour].sort((a, b) => by(b) - by(a) || (a.origin < b.origin ? -1 : 1)).slice(0, AIRPORTS_SHOWN)
}

function rows(
  id: string,
  airports: readonly AirportHour[],
  measure: (row: AirportHour) => number,
  cells: (row: AirportHour) => string[],
): void {
  const most = Math.max(...airports.map(measure))
  element(id).replaceChildren(
    ...airports.map(airport => {
      const row = document.createElement('tr')
      const name = document.createElement('th')
      name.scope = 'row'
      name.textContent = airport.origin
      const share = document.createElement('td')
      share.className = 'share'
      const bar = document.createElement('span')
      bar.style.width = `${most > 0 ? Math.max(0, (100 * measure(airport)) / most) : 0}%`
      share.append(bar)
      row.append(name, share)
      for (const value of cells(airport)) {
        const cell = document.createElement('td')
        cell.textContent = value
        row.append(cell)
      }
      return row
    }),
  )
}

const PRIMARY: Record<Phase, string> = {
  loading: 'Start',
  fresh: 'Start',
  resumable: 'Resume',
  starting: 'Pause',
  running: 'Pause',
  stopping: 'Pause',
  finished: 'Run again',
  failed: 'Resume',
  elsewhere: 'Start',
}

function renderControls({ phase, saved, figures }: Model): void {
  const atRest = phase === 'fresh' || phase === 'resumable' || phase === 'finished' || phase === 'failed'
  const { primary, startOver, downloadHourly, downloadLate, downloadCheckpoint, load } = controls
  text('primary', phase === 'failed' && saved === undefined ? 'Try again' : PRIMARY[phase])
  primary.disabled = !(atRest || phase === 'running')
  startOver.hidden = !(phase === 'resumable' || (phase === 'failed' && saved !== undefined))
  const hasResults = figures !== undefined && figures.results > 0
  downloadHourly.disabled = !(atRest && (saved !== undefined || hasResults))
  downloadLate.disabled = downloadHourly.disabled
  downloadCheckpoint.disabled = !(atRest && saved !== undefined)
  load.disabled = !atRest
}
