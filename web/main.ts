import { SabotError } from 'sabot'
import { isJobRunning, JobWorker, jobReleased, SavedJob } from 'sabot/browser'
import flightsUrl from '../node_modules/vega-datasets/data/flights-3m.parquet?url'
import { saveFile } from './download.js'
import { figuresOf, RateMeter } from './figures.js'
import { forgetRun, lastRun, rememberRun } from './last-run.js'
import { newestHour } from './newest-hour.js'
import { controls, type Model, render, setBound } from './view.js'

const JOB = 'flights'
const HOURLY = 'hourly.ndjson'
const LATE = 'late.ndjson'
/** Room for the lines of three hours, with a few hundred airports each. */
const TAIL_BYTES = 256 * 1024
/** The run takes seconds: checkpoints come often enough to be seen, and to lose little. */
const CHECKPOINT_INTERVAL_MS = 500

const saved = new SavedJob(JOB)
let running: JobWorker | undefined
let model: Model = { phase: 'loading', figures: undefined, hour: [], saved: undefined, note: '', error: undefined }

function show(change: Partial<Model>): void {
  model = { ...model, ...change }
  render(model)
}

/** The job's parameters: what stands in the address of the page (?bound=48h), over what this page says. */
function parameters(): Record<string, string> {
  const input = new URL(flightsUrl, document.baseURI).href
  return { input, output: HOURLY, late: LATE, ...Object.fromEntries(new URLSearchParams(location.search)) }
}

/** Finds out how things stand, at first and whenever another tab may have changed them. */
async function survey(): Promise<void> {
  while (await isJobRunning(JOB)) {
    show({
      phase: 'elsewhere',
      figures: undefined,
      hour: [],
      error: undefined,
      note: 'This page goes on when it ends there.',
    })
    await jobReleased(JOB)
  }
  const checkpoint = await saved.newestCheckpoint()
  const last = lastRun()
  if (last?.finished) {
    show({ phase: 'finished', figures: last.figures, hour: await savedHour(true), saved: checkpoint, note: '' })
  } else if (checkpoint === undefined) {
    show({ phase: 'fresh', figures: undefined, hour: [], saved: undefined, note: '' })
  } else {
    const figures = last?.figures.checkpoint?.id === checkpoint ? last.figures : undefined
    const note = `Checkpoint ${checkpoint} is saved in this browser. The run goes on from there.`
    show({ phase: 'resumable', figures, hour: await savedHour(false), saved: checkpoint, note })
  }
}

/** The newest finished hour from the results as they were saved. */
async function savedHour(ended: boolean): Promise<Model['hour']> {
  const file = await saved.file(HOURLY)
  if (!file) return []
  return newestHour(new Uint8Array(await file.slice(-TAIL_BYTES).arrayBuffer()), ended)
}

async function run(resume: boolean): Promise<void> {
  show({ phase: 'starting', error: undefined, note: '', ...(resume ? {} : { figures: undefined, hour: [] }) })
  if (!resume) forgetRun()
  // Asks that the browser keeps what is saved when space gets short. The run does not depend on the answer.
  void navigator.storage.persist()
  const rate = new RateMeter()
  const worker = new Worker(new URL('./flights.worker.ts', import.meta.url), { type: 'module', name: JOB })
  running = new JobWorker(worker, JOB, {
    parameters: parameters(),
    resume,
    checkpoints: { intervalMs: CHECKPOINT_INTERVAL_MS },
    tails: { [HOURLY]: TAIL_BYTES },
    onProgress: ({ status, metrics, tails }) => {
      const seen = figuresOf(metrics, rate.add(metrics.rowsIn, metrics.elapsedMs))
      // Until it takes one of its own, a resumed run stands on the checkpoint that it came from.
      const figures = { ...seen, checkpoint: seen.checkpoint ?? model.figures?.checkpoint }
      const hour = newestHour(tails[HOURLY] ?? new Uint8Array(), status === 'finished')
      if (figures.checkpoint && figures.checkpoint.id !== model.figures?.checkpoint?.id) {
        rememberRun({ finished: false, figures })
      }
      if (metrics.rowsIn === 0) return
      show({
        phase: model.phase === 'stopping' ? 'stopping' : 'running',
        figures,
        hour: hour.length > 0 ? hour : model.hour,
        saved: figures.checkpoint?.id ?? model.saved,
      })
    },
  })
  const { status, error, metrics, resumedFrom } = await running.ended
  running = undefined
  const checkpoint = await saved.newestCheckpoint()
  const figures = metrics.rowsIn > 0 ? figuresOf(metrics, rate.overall()) : model.figures
  if (error?.code === 'JOB_RUNNING_ELSEWHERE') return survey()
  if (error) return show({ phase: 'failed', figures, saved: checkpoint, error, note: '' })
  if (figures) rememberRun({ finished: status === 'finished', figures })
  const note = resumedFrom === undefined ? '' : `It went on from checkpoint ${resumedFrom}.`
  if (status === 'finished') show({ phase: 'finished', figures, saved: checkpoint, note })
  else if (checkpoint !== undefined)
    show({ phase: 'resumable', figures, saved: checkpoint, note: pausedNote(checkpoint) })
  else
    show({
      phase: 'fresh',
      figures,
      saved: undefined,
      note: 'Nothing could be saved: the run starts from the beginning.',
    })
  // The last checkpoint may have failed while the job stopped in good order.
  show({ error: metrics.checkpoints.lastError })
}

function pausedNote(checkpoint: number): string {
  return `Everything so far is in checkpoint ${checkpoint}. Close the tab if you like; it goes on from there.`
}

async function load(files: readonly File[]): Promise<void> {
  const results = files.filter(file => file.name === HOURLY || file.name === LATE)
  const [archive, ...others] = files.filter(file => !results.includes(file))
  if (!archive || others.length > 0) {
    const names = files.map(file => file.name).join(', ')
    throw new SabotError(
      'LOAD_INCOMPLETE',
      `Choose one checkpoint file, and with it ${HOURLY} and ${LATE} as they were then. You chose: ${names}.`,
      { names },
    )
  }
  show({ phase: 'loading', error: undefined, note: '' })
  forgetRun()
  await saved.load(archive, Object.fromEntries(results.map(file => [file.name, file])))
  await survey()
}

async function downloadCheckpoint(): Promise<void> {
  const checkpoint = await saved.newestCheckpoint()
  if (checkpoint === undefined) return
  saveFile(new Blob([await saved.archive(checkpoint)]), `${JOB}-${checkpoint}.sabot`)
}

async function downloadFile(name: string): Promise<void> {
  const file = await saved.file(name)
  if (!file) throw new SabotError('FILE_NOT_FOUND', `${name} is not there yet; run the job first`, { path: name })
  saveFile(file, name)
}

/** Does what a person asked for; what goes wrong is shown, with what was there left as it is. */
function act(action: () => Promise<void>): () => void {
  return () => {
    action().catch(cause => {
      const error = cause instanceof SabotError ? cause : new SabotError('PAGE_FAILED', String(cause), {}, { cause })
      const atRest = model.phase === 'loading' || model.phase === 'starting'
      show({ error, ...(atRest ? { phase: 'failed', note: '' } : {}) })
    })
  }
}

async function primary(): Promise<void> {
  if (model.phase === 'running') {
    show({ phase: 'stopping' })
    await running?.stop()
  } else {
    await run(model.phase !== 'fresh' && model.phase !== 'finished' && model.saved !== undefined)
  }
}

controls.primary.addEventListener('click', act(primary))
controls.startOver.addEventListener(
  'click',
  act(() => run(false)),
)
controls.downloadHourly.addEventListener(
  'click',
  act(() => downloadFile(HOURLY)),
)
controls.downloadLate.addEventListener(
  'click',
  act(() => downloadFile(LATE)),
)
controls.downloadCheckpoint.addEventListener('click', act(downloadCheckpoint))
controls.load.addEventListener(
  'change',
  act(async () => {
    const files = [...(controls.load.files ?? [])]
    controls.load.value = ''
    if (files.length > 0) await load(files)
  }),
)

setBound(parameters().bound ?? '2h')
render(model)
act(survey)()
