// Jobs that job-worker.browser.test.ts runs in a worker.
import { generator, job, ndjson, parquet } from 'sabot'
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

serveJobs({ endless, counted, failing, copying })
