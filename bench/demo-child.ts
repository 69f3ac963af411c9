/*
 * The demo's job in a process of its own: `node demo-child.js INPUT`. Prints its CPU time after the Parquet file was
 * read, its whole CPU time (ms), and the most memory it had (MB).
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Files } from '../src/core/files.js'
import { loadJob } from '../src/node/cli/load.js'
import { nodeFiles } from '../src/node/files.js'
import { run } from '../src/node/run.js'

const [input = ''] = process.argv.slice(2)
const directory = mkdtempSync(join(tmpdir(), 'sabot-bench-'))

function cpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

let readMs = Number.NaN

/** The source lets go of its file once it has read it to the end. */
function noticing(files: Files): Files {
  return {
    openRead: async path => {
      const file = await files.openRead(path)
      return {
        sizeBytes: file.sizeBytes,
        read: (offset, length) => file.read(offset, length),
        close: () => {
          readMs = cpuMs()
          return file.close()
        },
      }
    },
    openAppend: path => files.openAppend(path),
  }
}

const result = await run(await loadJob('examples/flights.ts'), {
  parameters: { input, output: join(directory, 'hourly.ndjson'), late: join(directory, 'late.ndjson') },
  files: noticing(nodeFiles()),
})
const totalMs = cpuMs()
rmSync(directory, { recursive: true })
if (result.error !== undefined) throw result.error
const peakMB = (process.resourceUsage().maxRSS * 1024) / 1e6
process.stdout.write(JSON.stringify({ afterReadMs: totalMs - readMs, totalMs, peakMB }))
process.exit(0)
