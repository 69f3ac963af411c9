import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BrowserContext } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import flights from '../../examples/flights.js'
import { xxh64Hex } from '../../src/kernel/hash.js'
import { DirectoryCheckpointStorage, nodeEnvironment, run, start } from '../../src/node/index.js'
import { packCheckpoint, unpackCheckpoint } from '../../src/state/archive.js'
import { findChromium } from '../services/chromium.mjs'
import { requiredServices } from '../services/services.mjs'
import {
  digestsIn,
  FlightsPage,
  INPUT,
  openBrowser,
  RESULT_FILES,
  ROWS,
  type Site,
  serveBuiltPage,
  serveSources,
} from './flights-page.js'

const chromium = findChromium()
const isRequired = requiredServices().includes('chromium')
const kernel = nodeEnvironment().createKernel()
const hash = (bytes: Uint8Array): string => xxh64Hex(kernel, bytes)
const INTERRUPTIONS = 2

describe.skipIf(!chromium.path && !isRequired)(
  `flights in a browser ${chromium.reason ?? ''}`,
  { timeout: 120_000 },
  () => {
    let directory = ''
    let site: Site
    let browser: BrowserContext
    let expected: Record<string, string>

    beforeAll(async () => {
      if (!chromium.path) throw new Error(chromium.reason)
      directory = await mkdtemp(join(tmpdir(), 'sabot-flights-'))
      site = await serveBuiltPage(join(directory, 'site'))
      const result = await run(flights, { baseDirectory: directory, parameters: { input: INPUT } })
      if (result.error) throw result.error
      expected = await digestsIn(directory)
    }, 120_000)
    afterAll(async () => {
      await site?.close()
      await rm(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 })
    })
    beforeEach(async () => {
      browser = await openBrowser(chromium.path ?? '', directory)
    })
    afterEach(() => browser.close())

    it('gives the same bytes as Node, and still has them after a reload', async () => {
      const tab = await FlightsPage.open(browser, site.url)
      await tab.is('fresh')
      await tab.click('Start')
      await tab.is('finished')
      expect(await tab.rows()).toBe(ROWS)
      expect(await tab.digests()).toEqual(expected)
      await tab.page.reload()
      await tab.is('finished')
      expect(await tab.rows()).toBe(ROWS)
      expect(await tab.digests()).toEqual(expected)
      expect(tab.complaints).toEqual([])
    })

    it.each([
      ['is reloaded', async (tab: FlightsPage) => void (await tab.page.reload())],
      ['is closed without warning', (tab: FlightsPage) => tab.page.close()],
      [
        'loses its process',
        async (tab: FlightsPage) => {
          const crashed = tab.page.waitForEvent('crash')
          const session = await browser.newCDPSession(tab.page)
          // Never answered: there is nobody left to do it.
          session.send('Page.crash').catch(() => {})
          await crashed
          await tab.page.close()
        },
      ],
    ])('resumes and ends the same when the page %s', async (_, interrupt) => {
      let tab = await FlightsPage.open(browser, site.url)
      // There is a checkpoint to come back to then, however fast the run and however slow the disk.
      await tab.startAndPause()
      let interruptions = 0
      let end: string = 'resumable'
      while (interruptions < INTERRUPTIONS && end === 'resumable') {
        await tab.click('Resume')
        await tab.is('running', 'finished')
        await interrupt(tab)
        interruptions++
        if (tab.page.isClosed()) tab = await FlightsPage.open(browser, site.url)
        // The run may have ended in the same moment.
        end = await tab.is('resumable', 'finished')
      }
      if (end === 'resumable') {
        expect(await tab.note()).toMatch(/^Checkpoint \d+ is saved/)
        await tab.click('Resume')
        await tab.is('finished')
        expect(await tab.note()).toMatch(/^It went on from checkpoint \d+\.$/)
      }
      expect(await tab.rows()).toBe(ROWS)
      expect(await tab.digests()).toEqual(expected)
    })

    it('takes a checkpoint on to Node, which ends the same', async () => {
      const tab = await FlightsPage.open(browser, site.url)
      await tab.startAndPause()
      expect(await tab.rows()).toBeLessThan(ROWS)

      const there = await mkdtemp(join(directory, 'from-browser-'))
      await tab.download('Checkpoint', join(there, 'flights.sabot'))
      await tab.download('Hourly results', join(there, 'hourly.ndjson'))
      await tab.download('Late flights', join(there, 'late.ndjson'))
      const checkpointDirectory = join(there, 'checkpoints')
      const archive = new Uint8Array(await readFile(join(there, 'flights.sabot')))
      const checkpoint = await unpackCheckpoint(archive, new DirectoryCheckpointStorage(checkpointDirectory), hash)
      const result = await run(flights, {
        baseDirectory: there,
        parameters: { input: INPUT },
        checkpointDirectory,
        resume: true,
      })
      expect(result).toMatchObject({ status: 'finished', resumedFrom: checkpoint, metrics: { rowsIn: ROWS } })
      expect(await digestsIn(there)).toEqual(expected)
    })

    it('goes on from a checkpoint of Node and ends the same', async () => {
      const here = await mkdtemp(join(directory, 'from-node-'))
      const checkpointDirectory = join(here, 'checkpoints')
      const handle = await start(flights, { baseDirectory: here, parameters: { input: INPUT }, checkpointDirectory })
      while (handle.metrics().rowsIn < ROWS / 3) await new Promise(resolve => setTimeout(resolve, 5))
      const { lastCheckpoint, metrics } = await handle.stop()
      expect(metrics.rowsIn).toBeLessThan(ROWS)
      const archive = join(here, 'flights.sabot')
      const storage = new DirectoryCheckpointStorage(checkpointDirectory)
      await writeFile(archive, await packCheckpoint(storage, lastCheckpoint ?? 0, hash))
      expect((await stat(join(here, 'hourly.ndjson'))).size).toBeGreaterThan(0)

      const tab = await FlightsPage.open(browser, site.url)
      await tab.is('fresh')
      await tab.load([archive])
      await tab.is('resumable')
      await tab.click('Resume')
      await tab.is('failed')
      expect(await tab.error()).toContain('FILE_TRUNCATED')

      await tab.load([archive, ...RESULT_FILES.map(name => join(here, name))])
      await tab.is('resumable')
      await tab.click('Resume')
      await tab.is('finished')
      expect(await tab.rows()).toBe(ROWS)
      expect(await tab.digests()).toEqual(expected)
    })

    it('runs in one tab at a time; the other says so, and follows when it ends', async () => {
      const first = await FlightsPage.open(browser, site.url)
      await first.startAndPause()
      // The first tab holds what a running job holds, for as long as the test wants.
      await first.holdJob()
      const second = await FlightsPage.open(browser, site.url)
      await second.is('elsewhere')
      expect(await second.page.getByRole('button', { name: 'Start', exact: true }).isDisabled()).toBe(true)
      await first.releaseJob()
      await second.is('resumable')

      await first.holdJob()
      await second.click('Resume')
      await second.is('elsewhere')
      await first.page.close()
      await second.is('resumable')
      expect(await second.note()).toMatch(/^Checkpoint \d+ is saved/)
    })

    it('runs from its sources while it is developed', async () => {
      const sources = await serveSources(join(directory, 'vite'))
      try {
        const tab = await FlightsPage.open(browser, sources.url)
        await tab.startAndPause()
        expect(await tab.rows()).toBeGreaterThan(0)
        expect(tab.complaints).toEqual([])
      } finally {
        await sources.close()
      }
    })

    it('names what is wrong and goes on from there', async () => {
      const tab = await FlightsPage.open(browser, `${site.url}?input=missing.parquet`)
      await tab.is('fresh')
      await tab.click('Start')
      await tab.is('failed')
      expect(await tab.error()).toContain('FILE_NOT_FOUND')

      await tab.page.goto(`${site.url}?bonud=2h`)
      await tab.is('fresh')
      await tab.click('Start')
      await tab.is('failed')
      expect(await tab.error()).toMatch(/UNKNOWN_PARAMETER[\s\S]*bonud/)

      const foreign = join(directory, 'foreign.sabot')
      await writeFile(foreign, 'no checkpoint')
      await tab.page.goto(site.url)
      await tab.is('fresh')
      await tab.load([foreign])
      await tab.is('failed')
      expect(await tab.error()).toContain('CHECKPOINT_CORRUPT')
      await tab.load([join(directory, 'hourly.ndjson')])
      await tab.page.getByText('LOAD_INCOMPLETE').waitFor()
    })
  },
)
