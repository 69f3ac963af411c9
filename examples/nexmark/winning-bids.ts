/* Bids on auctions that are open, for q4, q6 and q9: an auction's winner is the highest, of equal ones the earliest. */
import { left, right, valueState } from 'sabot'
import type { EventStreams } from './query.js'

/** At its rate of events, no auction lasts longer. */
export const LONGEST_AUCTION = '1m'

/** What an auction has brought so far. */
interface Closing {
  readonly seller: bigint
  readonly category: bigint
  readonly expires: number
  readonly price: bigint
}

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

/** The price of each auction on which somebody bid, when it is over: at a timer, the last ms of its life. */
export function closingPrices(events: EventStreams) {
  return offersOf(events)
    .select({
      auction: left('id'),
      seller: left('seller'),
      category: left('category'),
      expires: left('expires'),
      price: right('price'),
      dateTime: right('dateTime'),
    })
    .filter(offer => offer.dateTime <= offer.expires)
    .keyBy('auction')
    .process(
      {
        state: { best: valueState<Closing>() },
        onRecord: ({ seller, category, expires, price }, { state, timers }) => {
          const best = state.best.get()
          if (best === undefined) timers.registerEventTime(expires)
          if (best === undefined || price > best.price) state.best.set({ seller, category, expires, price })
        },
        onTimer: (_, { state, emit }) => {
          const best = state.best.get()
          if (best !== undefined) emit(best)
          state.best.clear()
        },
      },
      { seller: 'i64', category: 'i64', expires: 'timestamp', price: 'i64' },
    )
}
