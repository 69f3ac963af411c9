/* q12, bids of each bidder in 10 s of processing time. Output: append; what is in a window depends on the clock. */
import { count, tumbling } from 'sabot'
import { query } from './query.js'

export default query('q12', 'append', ({ bids }) =>
  bids
    .keyBy('bidder')
    .window(tumbling('10s', { time: 'processing' }))
    .aggregate({ bids: count() }),
)
