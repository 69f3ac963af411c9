/* Bids on auctions that are open, for q4, q6 and q9: an auction's winner is the highest, of equal ones the earliest. */
import { customWindows, left, max, right } from 'sabot'
import type { EventStreams } from './query.js'

/** At its rate of events, no auction lasts longer. */
export const LONGEST_AUCTION = '1m'

interface Offer {
  readonly opened: number
  readonly expires: number
}

/** An auction's life, both ends inclusive, is a window of its own, which fires when it is over. */
const life = customWindows<Offer>({
  description: "an auction's life",
  assign: (_, { opened, expires }) => [{ start: opened, end: expires + 1 }],
})

/** Auctions and bids on them; a bid may be later than its auction's end. */
function offersOf({ auctions, bids }: EventStreams) {
  return auctions.keyBy('id').intervalJoin(bids.keyBy('auction'), { from: 0, to: LONGEST_AUCTION })
}

/** All bids on auctions that are open. */
export function offers(events: EventStreams) {
  return offersOf(events)
    .select({
      auction: left('id'),
      seller: left('seller'),
      category: left('category'),
      opened: left('dateTime'),
      expires: left('expires'),
      bidder: right('bidder'),
      price: right('price'),
      dateTime: right('dateTime'),
      extra: right('extra'),
    })
    .filter(offer => offer.dateTime <= offer.expires)
}

/** The price of each auction, when it is over. */
export function closingPrices(events: EventStreams) {
  return offersOf(events)
    .select({
      auction: left('id'),
      seller: left('seller'),
      category: left('category'),
      opened: left('dateTime'),
      expires: left('expires'),
      price: right('price'),
      dateTime: right('dateTime'),
    })
    .filter(offer => offer.dateTime <= offer.expires)
    .keyBy('auction', 'seller', 'category')
    .window(life)
    .aggregate({ price: max('price') })
}
