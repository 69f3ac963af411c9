/* q7, highest bid: the bids that hold the highest price of their 10 s. Output: append. */
import { column, max, right, tumbling } from 'sabot'
import { query } from './query.js'

export default query('q7', 'append', ({ bids }) => {
  const highest = bids
    .select({ price: 'price', all: column('i32', () => 0) })
    .keyBy('all')
    .window(tumbling('10s'))
    .aggregate({ price: max('price') })
  // A result has the last millisecond of its window as event time.
  return highest
    .keyBy('price')
    .intervalJoin(bids.keyBy('price'), { from: '-9999ms', to: 0 })
    .select({
      auction: right('auction'),
      price: right('price'),
      bidder: right('bidder'),
      dateTime: right('dateTime'),
      extra: right('extra'),
    })
})
