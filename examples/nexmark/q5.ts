/*
 * q5, hot items: in windows of 10 s, one every 2 s, the auctions with the most bids, all of them where several tie.
 * Output: append.
 */
import { count, left, max, sliding, tumbling } from 'sabot'
import { query } from './query.js'

export default query('q5', 'append', ({ bids }) => {
  const counts = bids
    .keyBy('auction')
    .window(sliding('10s', '2s'))
    .aggregate({ bids: count() })
    .select({ auction: 'auction', bids: 'bids', end: 'windowEnd' })
  // A result has the last millisecond of its window as event time: windows of 2 s hold those of one end.
  const most = counts
    .keyBy('end')
    .window(tumbling('2s'))
    .aggregate({ bids: max('bids') })
  return counts
    .keyBy('end', 'bids')
    .intervalJoin(most.keyBy('end', 'bids'), { from: 0, to: 0 })
    .select({ auction: left('auction'), bids: left('bids'), end: left('end') })
})
