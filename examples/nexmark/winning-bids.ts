/* The winning bid of each auction, for q4, q6 and q9: the highest while it is open, of equal ones the earliest. */
import { customWindows, left, maxBy, right } from 'sabot'
import type { EventStreams } from './query.js'

interface Pair {
  readonly opened: number
  readonly expires: number
}

/** An auction's life, both ends inclusive, is a window of its own, which fires when it is over. */
const life = customWindows<Pair>({
  description: "an auction's life",
  assign: (_, { opened, expires }) => [{ start: opened, end: expires + 1 }],
})

/** At its rate of events, no auction lasts longer. */
const LONGEST = '1m'

export function winningBids({ auctions, bids }: EventStreams) {
  const pairs = auctions
    .keyBy('id')
    .intervalJoin(bids.keyBy('auction'), { from: 0, to: LONGEST })
    .select({
      auction: left('id'),
      opened: left('dateTime'),
      expires: left('expires'),
      seller: left('seller'),
      category: left('category'),
      bidder: right('bidder'),
      price: right('price'),
      dateTime: right('dateTime'),
      extra: right('extra'),
    })
  return pairs
    .filter(pair => pair.dateTime <= pair.expires)
    .keyBy('auction', 'seller', 'category')
    .window(life)
    .aggregate({ bid: maxBy('price') })
}
