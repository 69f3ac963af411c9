/* q7, highest bid: the bids that hold the highest price of their 10 s, all of them where several tie. Output: append. */
import { topN, tumbling } from 'sabot'
import { query } from './query.js'

export default query('q7', 'append', ({ bids }) =>
  bids
    .window(tumbling('10s'))
    .aggregate({ highest: topN(1, 'price', { ties: true }) })
    .flatMap(({ highest }) =>
      highest.map(({ auction, price, bidder, dateTime, extra }) => ({ auction, price, bidder, dateTime, extra })),
    ),
)
