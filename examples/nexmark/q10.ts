/* q10, bids with their day and minute, by which files are partitioned. Output: append. */
import { column } from 'sabot'
import { query } from './query.js'

export default query('q10', 'append', ({ bids }) =>
  bids.select({
    auction: 'auction',
    bidder: 'bidder',
    price: 'price',
    dateTime: 'dateTime',
    extra: 'extra',
    dt: column('utf8', bid => isoMinute(bid.dateTime).slice(0, 10)),
    hm: column('utf8', bid => isoMinute(bid.dateTime).slice(11)),
  }),
)

const MINUTE_MS = 60_000

/** yyyy-MM-ddTHH:mm; bids of one minute come together. */
function isoMinute(time: number): string {
  const minute = Math.floor(time / MINUTE_MS)
  if (minute !== last.minute) last = { minute, text: new Date(minute * MINUTE_MS).toISOString().slice(0, 16) }
  return last.text
}

let last = { minute: Number.NaN, text: '' }
