// The page of web/, built and served as a static site, and what a person does there.
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type BrowserContext, chromium, type Page } from 'playwright-core'
import { build, createServer, preview } from 'vite'
import { chromiumArguments } from '../services/chromium.mjs'

export const INPUT = fileURLToPath(new URL('../../node_modules/vega-datasets/data/flights-3m.parquet', import.meta.url))
export const ROWS = 3_000_000
export const RESULT_FILES = ['hourly.ndjson', 'late.ndjson']

const configFile = fileURLToPath(new URL('../../vite.config.ts', import.meta.url))
const HOST = '127.0.0.1'

export interface Site {
  readonly url: string
  close(): Promise<void>
}

/** Builds the page into `outDir` and serves it as it would be served anywhere. */
export async function serveBuiltPage(outDir: string): Promise<Site> {
  await build({ configFile, mode: 'production', logLevel: 'error', build: { outDir } })
  const server = await preview({ configFile, logLevel: 'error', build: { outDir }, preview: { host: HOST, port: 0 } })
  return { url: server.resolvedUrls?.local[0] ?? '', close: () => server.close() }
}

/** Serves the page's sources, as `npm run web` does. */
export async function serveSources(cacheDir: string): Promise<Site> {
  const server = await createServer({ configFile, cacheDir, logLevel: 'error', server: { host: HOST, port: 0 } })
  await server.listen()
  return { url: server.resolvedUrls?.local[0] ?? '', close: () => server.close() }
}

/** A browser with a fresh profile on disk, below `directory`. */
export async function openBrowser(executablePath: string, directory: string): Promise<BrowserContext> {
  const profile = await mkdtemp(join(directory, 'profile-'))
  const context = await chromium.launchPersistentContext(profile, { executablePath, args: chromiumArguments })
  context.setDefaultTimeout(30_000)
  return context
}

type PageState = 'fresh' | 'resumable' | 'running' | 'finished' | 'failed' | 'elsewhere'

export class FlightsPage {
  readonly page: Page
  /** What the page complained of in its console, and errors that nobody caught. */
  readonly complaints: string[] = []

  constructor(page: Page) {
    this.page = page
    page.on('pageerror', error => this.complaints.push(String(error)))
    page.on('console', message => {
      if (message.type() === 'error' || message.type() === 'warning') this.complaints.push(message.text())
    })
  }

  static async open(context: BrowserContext, url: string): Promise<FlightsPage> {
    const tab = new FlightsPage(await context.newPage())
    await tab.page.goto(url)
    return tab
  }

  /** Waits for one of the states; which it was. */
  async is(...states: PageState[]): Promise<PageState> {
    const wanted = states.map(state => `#status[data-state="${state}"]`).join()
    const settled = this.page.locator(`${wanted}, #status[data-state="failed"]`)
    await settled.waitFor()
    const state = await this.page.locator('#status').getAttribute('data-state')
    const reached = states.find(wish => wish === state)
    if (reached !== undefined) return reached
    throw new Error(`The page is ${state}: ${await this.error()}`)
  }

  async click(name: 'Start' | 'Pause' | 'Resume' | 'Start over' | 'Run again'): Promise<void> {
    await this.page.getByRole('button', { name, exact: true }).click()
  }

  /** Pauses a new run in its middle. It takes a second or two, so it may end first: then once more. */
  async startAndPause(): Promise<void> {
    await this.is('fresh')
    for (let run = 0; run < 10; run++) {
      const end = await this.runUntilPaused()
      if (end === 'resumable') return
      if (end === 'failed') throw new Error(`The run failed: ${await this.error()}`)
    }
    throw new Error('The run ends before it can be paused')
  }

  /** Clicks the main button, and once more as soon as the page runs: from within, where no state can be missed. */
  private runUntilPaused(): Promise<string> {
    return this.page.evaluate(
      () =>
        new Promise<string>(ended => {
          const status = document.querySelector<HTMLElement>('#status')
          const button = document.querySelector<HTMLButtonElement>('#primary')
          if (!status || !button) throw new Error('The page has no status or no main button')
          let hasBegun = false
          const observer = new MutationObserver(() => {
            const { state = '' } = status.dataset
            hasBegun ||= state === 'starting' || state === 'running'
            if (state === 'running') button.click()
            if (!hasBegun || !['resumable', 'finished', 'failed'].includes(state)) return
            observer.disconnect()
            ended(state)
          })
          observer.observe(status, { attributeFilter: ['data-state'] })
          button.click()
        }),
    )
  }

  async rows(): Promise<number> {
    return Number((await this.page.locator('#rows').textContent())?.replaceAll(',', ''))
  }

  async note(): Promise<string> {
    return (await this.page.locator('#note').textContent()) ?? ''
  }

  async error(): Promise<string> {
    return (await this.page.locator('#error').textContent()) ?? ''
  }

  async download(name: 'Hourly results' | 'Late flights' | 'Checkpoint', path: string): Promise<void> {
    const downloading = this.page.waitForEvent('download')
    await this.page.getByRole('button', { name, exact: true }).click()
    await (await downloading).saveAs(path)
  }

  async load(paths: readonly string[]): Promise<void> {
    await this.page.locator('#load').setInputFiles([...paths])
  }

  /** Takes the lock that a running job has, until releaseJob or the end of the page. */
  async holdJob(): Promise<void> {
    await this.page.evaluate(
      () =>
        new Promise<void>(held => {
          void navigator.locks.request('sabot:flights', () => {
            held()
            return new Promise<void>(release => addEventListener('release-job', () => release(), { once: true }))
          })
        }),
    )
  }

  async releaseJob(): Promise<void> {
    await this.page.evaluate(() => dispatchEvent(new Event('release-job')))
  }

  /** SHA-256 of the result files as they lie in the browser. */
  digests(): Promise<Record<string, string>> {
    return this.page.evaluate(async names => {
      const root = await navigator.storage.getDirectory()
      const folder = await (await root.getDirectoryHandle('sabot')).getDirectoryHandle('flights')
      const digests: Record<string, string> = {}
      for (const name of names) {
        const file = await (await folder.getFileHandle(name)).getFile()
        const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', await file.arrayBuffer()))
        digests[name] = [...digest].map(byte => byte.toString(16).padStart(2, '0')).join('')
      }
      return digests
    }, RESULT_FILES)
  }
}

/** SHA-256 of the result files in a directory. */
export async function digestsIn(directory: string): Promise<Record<string, string>> {
  const digests: Record<string, string> = {}
  for (const name of RESULT_FILES) {
    const hash = createHash('sha256')
    for await (const chunk of createReadStream(join(directory, name))) hash.update(chunk)
    digests[name] = hash.digest('hex')
  }
  return digests
}
