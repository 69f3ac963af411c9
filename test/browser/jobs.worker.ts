// Jobs that job-worker.browser.test.ts runs in a worker.
import { count, generator, job, max, ndjson, parquet, schema, splits, sum, tumbling } from 'sabot'
import { serveJobs } from 'sabot/browser'

/** Two rows of a thousand, without end. */
const endless = job('endless', j => {
  const rows = j.from(generator(index => ({ index, isKept: index % 500 === 0 })))
  rows.filter(row => row.isKept).to(ndjson('kept.ndjson'))
})

const counted = job('counted', j => {
  const count = Number(j.parameter('count', '10'))
  j.from(generator(index => ({ index }), { count })).to(ndjson('counted.ndjson'))
})

const failing = job('failing', j => {
  const makeRow = (index: number) => {
    if (index === 20_000) throw new RangeError('no more')
    return { index }
  }
  j.from(generator(makeRow)).to(ndjson('failing.ndjson'))
})

const copying = job('copying', j => {
  j.from(parquet('mine.parquet', { n: 'i32' })).to(ndjson('copied.ndjson'))
})

/** Set by the page: then the next function that is called ends its worker. */
let isArmed = false
new BroadcastChannel('jobs.worker').onmessage = () => {
  isArmed = true
}

const PARTS = 3

/** Windows by key over several splits; see windowsOf in job-worker.browser.test.ts. */
const keyed = job('keyed', j => {
  const rows = Number(j.parameter('rows', '1000'))
  const shape = schema({ key: 'utf8', at: 'timestamp', n: 'i32' })
  const parts = Array.from({ length: PARTS }, (_, part) => {
    const makeRow = (index: number) => ({ key: `k${(index * 7 + part) % 97}`, at: index * 10, n: index % 1000 })
    return generator(makeRow, { count: rows, schema: shape })
  })
  j.from(splits(parts))
    .filter(() => {
      if (isArmed) globalThis.close()
      return true
    })
    .withTimestamps('at', { outOfOrderness: '1s' })
    .keyBy('key')
    .window(tumbling('10s'))
    .aggregate({ rows: count(), total: sum('n'), most: max('n') })
    .to(ndjson('keyed.ndjson'))
})

serveJobs({ endless, counted, failing, copying, keyed })
