/*
 * q5, hot items: in windows of 10 s, one every 2 s, the auctions with the most bids, all of them where several tie.
 * Output: append.
 */
import { count, sliding, topN, tumbling } from 'sabot'
import { query } from './query.js'

export default query('q5', 'append', ({ bids }) =>
  bids
    .keyBy('auction')
    .window(sliding('10s', '2s'))
    .aggregate({ bids: count() })
    // A result has the last millisecond of its window as event time: windows of 2 s hold those of one end.
    .window(tumbling('2s'))
    .aggregate({ hottest: topN(1, 'bids', { ties: true }) })
    .flatMap(({ hottest }) => hottest.map(({ auction, bids, windowEnd }) => ({ auction, bids, end: windowEnd }))),
)
