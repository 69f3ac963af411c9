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

export interface PlainAuction {
  readonly id: number
  readonly itemName: string
  readonly description: string
  readonly initialBid: number
  readonly reserve: number
  readonly dateTime: number
  readonly expires: number
  readonly seller: number
  readonly category: number
  readonly extra: string
}

export interface PlainPerson {
  readonly id: number
  readonly name: string
  readonly emailAddress: string
  readonly creditCard: string
  readonly city: string
  readonly state: string
  readonly dateTime: number
  readonly extra: string
}

export interface PlainEvents {
  readonly persons: readonly PlainPerson[]
  readonly auctions: readonly PlainAuction[]
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

  /** Counts by slices of 2 s, of which a window has five. */
  q5({ bids }, put) {
    const slices: Map<number, number>[] = []
    let slice = Number.NaN
    let counts = new Map<number, number>()
    const close = (): void => {
      slices.push(counts)
      if (slices.length > 5) slices.shift()
      counts = new Map()
      fire(slice)
    }
    const fire = (last: number): void => {
      const window = new Map<number, number>()
      let most = 0
      for (const counts of slices) {
        for (const [auction, n] of counts) {
          const sum = (window.get(auction) ?? 0) + n
          window.set(auction, sum)
          if (sum > most) most = sum
        }
      }
      for (const [auction, n] of window) if (n === most) put({ auction, bids: n, end: (last + 1) * 2000 })
    }
    for (const { auction, dateTime } of bids) {
      const now = Math.floor(dateTime / 2000)
      if (Number.isNaN(slice)) slice = now
      for (; slice < now; slice++) close()
      counts.set(auction, (counts.get(auction) ?? 0) + 1)
    }
    for (let more = 0; more < 5; more++, slice++) close()
  },

  q7({ bids }, put) {
    let window = Number.NaN
    let best: PlainBid[] = []
    const close = (): void => {
      for (const { auction, price, bidder, dateTime, extra } of best) put({ auction, price, bidder, dateTime, extra })
      best = []
    }
    for (const bid of bids) {
      const now = Math.floor(bid.dateTime / 10_000)
      if (now !== window) close()
      window = now
      const highest = best[0]?.price ?? -1
      if (bid.price > highest) best = [bid]
      else if (bid.price === highest) best.push(bid)
    }
    close()
  },

  q8({ persons, auctions }, put) {
    const sellers = new Map<number, Set<number>>()
    for (const { seller, dateTime } of auctions) {
      const window = Math.floor(dateTime / 10_000)
      let ids = sellers.get(window)
      if (ids === undefined) {
        ids = new Set()
        sellers.set(window, ids)
      }
      ids.add(seller)
    }
    for (const { id, name, dateTime } of persons) {
      const window = Math.floor(dateTime / 10_000)
      if (sellers.get(window)?.has(id) === true) put({ id, name, windowStart: window * 10_000 })
    }
  },

  q3({ persons, auctions }, put) {
    const sellers = new Map<number, PlainPerson>()
    for (const person of persons) if (['OR', 'ID', 'CA'].includes(person.state)) sellers.set(person.id, person)
    for (const { id, seller, category } of auctions) {
      const person = category === 10 ? sellers.get(seller) : undefined
      if (person !== undefined) put({ name: person.name, city: person.city, state: person.state, auction: id })
    }
  },

  /** All auctions are known beforehand: a luxury that a stream does not have. */
  q9({ auctions, bids }, put) {
    const byId = new Map(auctions.map(auction => [auction.id, auction]))
    const winners = new Map<PlainAuction, PlainBid>()
    for (const bid of bids) {
      const auction = byId.get(bid.auction)
      if (auction === undefined || bid.dateTime < auction.dateTime || bid.dateTime > auction.expires) continue
      const best = winners.get(auction)
      if (best === undefined || bid.price > best.price) winners.set(auction, bid)
    }
    for (const [{ id, seller, category, dateTime: opened, expires }, { bidder, price, dateTime, extra }] of winners) {
      put({ auction: id, seller, category, opened, expires, bidder, price, dateTime, extra })
    }
  },

  q11({ bids }, put) {
    const sessions = new Map<number, { bidder: number; start: number; last: number; bids: number }>()
    for (const { bidder, dateTime } of bids) {
      const session = sessions.get(bidder)
      if (session !== undefined && dateTime - session.last <= 10_000) {
        session.last = dateTime
        session.bids += 1
        continue
      }
      if (session !== undefined) put(session)
      sessions.set(bidder, { bidder, start: dateTime, last: dateTime, bids: 1 })
    }
    for (const session of sessions.values()) put(session)
  },

  q18({ bids }, put) {
    const last = new Map<number, PlainBid>()
    // An update for each bid, as the query gives them.
    for (const bid of bids) {
      const key = bid.bidder * 1e7 + bid.auction
      const before = last.get(key)
      if (before !== undefined) put({ op: '-U', price: before.price, channel: before.channel })
      last.set(key, bid)
      put({ op: before === undefined ? '+I' : '+U', price: bid.price, channel: bid.channel })
    }
  },

  /** All auctions are known beforehand. */
  q20({ auctions, bids }, put) {
    const wanted = new Map<number, PlainAuction>()
    for (const auction of auctions) if (auction.category === 10) wanted.set(auction.id, auction)
    for (const { auction: id, bidder, price, channel, url, dateTime } of bids) {
      const auction = wanted.get(id)
      if (auction === undefined) continue
      const { itemName, initialBid, reserve, dateTime: opened, expires, seller, category } = auction
      put({
        auction: id,
        bidder,
        price,
        channel,
        url,
        dateTime,
        itemName,
        initialBid,
        reserve,
        opened,
        expires,
        seller,
        category,
      })
    }
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
