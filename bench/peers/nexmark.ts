/*
 * Nexmark's queries as one would write them in plain JavaScript, without an engine: over arrays of objects whose ids and
 * prices are numbers, in the order of event time. Nothing is late, so windows close when time has passed their end.
 * Each gives the number of its results; results are handed to `put`, so that they are really made.
 */

export interface PlainBid {
  readonly auction: number
  readonly bidder: number
  readonly price: number
  readonly channel: string
  readonly url: string
  readonly dateTime: number
  readonly extra: string
}

export interface PlainEvents {
  readonly bids: readonly PlainBid[]
}

type Put = (result: object) => void
export type PlainQuery = (events: PlainEvents, put: Put) => void

const DAY_MS = 86_400_000

export const plainQueries: Readonly<Record<string, PlainQuery>> = {
  q0({ bids }, put) {
    for (const { auction, bidder, price, dateTime, extra } of bids) put({ auction, bidder, price, dateTime, extra })
  },

  q1({ bids }, put) {
    for (const { auction, bidder, price, dateTime, extra } of bids) {
      put({ auction, bidder, price: (price * 908) / 1000, dateTime, extra })
    }
  },

  q2({ bids }, put) {
    for (const { auction, price } of bids) if (auction % 123 === 0) put({ auction, price })
  },

  q14({ bids }, put) {
    for (const bid of bids) {
      const price = (bid.price * 908) / 1000
      if (price <= 1_000_000 || price >= 50_000_000) continue
      const hour = Math.floor(bid.dateTime / 3_600_000) % 24
      const isNight = hour <= 6 || hour >= 20
      put({
        auction: bid.auction,
        bidder: bid.bidder,
        price,
        bidTimeType: hour >= 8 && hour <= 18 ? 'dayTime' : isNight ? 'nightTime' : 'otherTime',
        dateTime: bid.dateTime,
        extra: bid.extra,
        cCounts: bid.extra.split('c').length - 1,
      })
    }
  },

  q17({ bids }, put) {
    let day = Number.NaN
    let open = new Map<number, DayOfAuction>()
    const close = (): void => {
      for (const { sum, ...rest } of open.values()) put({ ...rest, sum, avg: sum / rest.total })
      open = new Map()
    }
    for (const { auction, price, dateTime } of bids) {
      const today = Math.floor(dateTime / DAY_MS)
      if (today !== day) close()
      day = today
      let state = open.get(auction)
      if (state === undefined) {
        state = { auction, day, total: 0, rank1: 0, rank2: 0, rank3: 0, min: price, max: price, sum: 0 }
        open.set(auction, state)
      }
      state.total += 1
      if (price < 10_000) state.rank1 += 1
      else if (price < 1_000_000) state.rank2 += 1
      else state.rank3 += 1
      if (price < state.min) state.min = price
      if (price > state.max) state.max = price
      state.sum += price
    }
    close()
  },

  q21({ bids }, put) {
    for (const { auction, bidder, price, channel, url } of bids) {
      const channelId = CHANNEL_IDS.get(channel.toLowerCase()) ?? /[?&]channel_id=([^&]*)/.exec(url)?.[1]
      if (channelId !== undefined) put({ auction, bidder, price, channel, channelId })
    }
  },

  q22({ bids }, put) {
    for (const { auction, bidder, price, channel, url } of bids) {
      const [, , , dir1, dir2, dir3] = url.split('/')
      put({ auction, bidder, price, channel, dir1, dir2, dir3 })
    }
  },
}

interface DayOfAuction {
  readonly auction: number
  readonly day: number
  total: number
  rank1: number
  rank2: number
  rank3: number
  min: number
  max: number
  sum: number
}

const CHANNEL_IDS = new Map([
  ['apple', '0'],
  ['google', '1'],
  ['facebook', '2'],
  ['baidu', '3'],
])
