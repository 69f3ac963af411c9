/* q19, the ten highest bids of each auction, with their rank. Output: append, when all bids are there. */
import { global, topN } from 'sabot'
import { query } from './query.js'

export default query('q19', 'append', ({ bids }) =>
  bids
    .keyBy('auction')
    .window(global())
    .panes({ closing: 'always' })
    .aggregate({ top: topN(10, 'price') })
    .flatMap(({ auction, top }) =>
      top.map(({ bidder, price, dateTime }, index) => ({ auction, bidder, price, dateTime, rank: index + 1 })),
    ),
)
