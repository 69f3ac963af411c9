/* q20, bids on auctions of category 10, which are at most a minute apart. Output: append. */
import { left, right } from 'sabot'
import { query } from './query.js'

export default query('q20', 'append', ({ auctions, bids }) =>
  auctions
    .filter(auction => auction.category === 10n)
    .keyBy('id')
    .intervalJoin(bids.keyBy('auction'), { from: '-1m', to: '1m' })
    .select({
      auction: right('auction'),
      bidder: right('bidder'),
      price: right('price'),
      channel: right('channel'),
      url: right('url'),
      dateTime: right('dateTime'),
      itemName: left('itemName'),
      initialBid: left('initialBid'),
      reserve: left('reserve'),
      opened: left('dateTime'),
      expires: left('expires'),
      seller: left('seller'),
      category: left('category'),
    }),
)
