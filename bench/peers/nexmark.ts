/*
 * Nexmark's queries as one would write them in plain JavaScript, without an engine: over arrays of objects whose ids and
 * prices are numbers, in the order of event time. Nothing is late, so windows close when time has passed their end.
 * They take the events as a stream, and know nothing of what comes later; what is over leaves their state. Results are
 * handed to `put`, so that they are really made.
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

  q4(events, put) {
    const categories = new Map<number, { sum: number; count: number }>()
    winningBids(events, ({ category }, { price }) => {
      let known = categories.get(category)
      if (known === undefined) {
        known = { sum: 0, count: 0 }
        categories.set(category, known)
      } else put({ op: '-U', category, avgPrice: known.sum / known.count })
      const op = known.count === 0 ? '+I' : '+U'
      known.sum += price
      known.count += 1
      put({ op, category, avgPrice: known.sum / known.count })
    })
  },

  q6(events, put) {
    const sellers = new Map<number, number[]>()
    winningBids(events, ({ seller, expires }, { price }) => {
      let prices = sellers.get(seller)
      if (prices === undefined) {
        prices = []
        sellers.set(seller, prices)
      }
      prices.push(price)
      if (prices.length > 10) prices.shift()
      put({ seller, expires, avgPrice: prices.reduce((sum, one) => sum + one, 0) / prices.length })
    })
  },

  q8(events, put) {
    let window = Number.NaN
    const sellers = new Set<number>()
    const registered = new Map<number, string>()
    const close = (): void => {
      for (const [id, name] of registered) if (sellers.has(id)) put({ id, name, windowStart: window * 10_000 })
      sellers.clear()
      registered.clear()
    }
    const moveOn = (dateTime: number): void => {
      const now = Math.floor(dateTime / 10_000)
      if (now !== window) close()
      window = now
    }
    inOrder(events.persons, events.auctions, {
      left: ({ id, name, dateTime }) => {
        moveOn(dateTime)
        registered.set(id, name)
      },
      right: ({ seller, dateTime }) => {
        moveOn(dateTime)
        sellers.add(seller)
      },
    })
    close()
  },

  q3({ persons, auctions }, put) {
    const sellers = new Map<number, PlainPerson>()
    const waiting = new Map<number, PlainAuction[]>()
    const pair = ({ name, city, state }: PlainPerson, auction: PlainAuction): void => {
      put({ name, city, state, auction: auction.id })
    }
    inOrder(persons, auctions, {
      left: person => {
        if (!['OR', 'ID', 'CA'].includes(person.state)) return
        sellers.set(person.id, person)
        for (const auction of waiting.get(person.id) ?? []) pair(person, auction)
        waiting.delete(person.id)
      },
      right: auction => {
        if (auction.category !== 10) return
        const person = sellers.get(auction.seller)
        if (person !== undefined) pair(person, auction)
        else append(waiting, auction.seller, auction)
      },
    })
  },

  q9({ auctions, bids }, put) {
    const result = (op: string, auction: PlainAuction, bid: PlainBid): object => {
      const { id, seller, category, dateTime: opened, expires } = auction
      const { bidder, price, dateTime, extra } = bid
      return { op, auction: id, seller, category, opened, expires, bidder, price, dateTime, extra }
    }
    openAuctions(auctions, bids, {
      onBid: ({ auction, best }, bid) => {
        if (best !== undefined) put(result('-D', auction, best))
        put(result('+I', auction, bid))
      },
    })
  },

  q10({ bids }, put) {
    let minute = Number.NaN
    let iso = ''
    for (const { auction, bidder, price, dateTime, extra } of bids) {
      const now = Math.floor(dateTime / 60_000)
      if (now !== minute) iso = new Date(dateTime).toISOString()
      minute = now
      put({ auction, bidder, price, dateTime, extra, dt: iso.slice(0, 10), hm: iso.slice(11, 16) })
    }
  },

  q12({ bids }, put) {
    let window = Number.NaN
    const counts = new Map<number, number>()
    const close = (): void => {
      for (const [bidder, n] of counts) put({ bidder, windowStart: window * 10_000, bids: n })
      counts.clear()
    }
    for (const { bidder } of bids) {
      const now = Math.floor(Date.now() / 10_000)
      if (now !== window) close()
      window = now
      counts.set(bidder, (counts.get(bidder) ?? 0) + 1)
    }
    close()
  },

  q13({ bids }, put) {
    const side = new Map(Array.from({ length: 10_000 }, (_, key) => [key, `value ${key}`]))
    for (const { auction, bidder, price, dateTime } of bids) {
      put({ auction, bidder, price, dateTime, value: side.get(auction % 10_000) ?? '' })
    }
  },

  q15({ bids }, put) {
    statistics(bids, () => '', put)
  },

  q16({ bids }, put) {
    statistics(bids, ({ channel }) => channel, put)
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
      if (before !== undefined) put({ op: '-U', ...before })
      last.set(key, bid)
      put({ op: before === undefined ? '+I' : '+U', ...bid })
    }
  },

  q19({ bids }, put) {
    const best = new Map<number, PlainBid[]>()
    for (const bid of bids) {
      let top = best.get(bid.auction)
      if (top === undefined) {
        top = []
        best.set(bid.auction, top)
      }
      let place = top.length
      while (place > 0 && (top[place - 1] as PlainBid).price < bid.price) place--
      if (place >= 10) continue
      top.splice(place, 0, bid)
      if (top.length > 10) put({ op: '-D', ...top.pop() })
      put({ op: '+I', ...bid })
    }
  },

  q20({ auctions, bids }, put) {
    const open = new Map<number, PlainAuction>()
    const waiting = new Map<number, PlainBid[]>()
    const old: (PlainAuction | PlainBid)[] = []
    let oldest = 0
    const pair = (auction: PlainAuction, bid: PlainBid): void => {
      const { itemName, initialBid, reserve, dateTime: opened, expires, seller, category } = auction
      const { auction: id, bidder, price, channel, url, dateTime } = bid
      const offer = { auction: id, bidder, price, channel, url, dateTime }
      put({ ...offer, itemName, initialBid, reserve, opened, expires, seller, category })
    }
    /** What is older than a minute meets nobody any more. */
    const moveOn = (event: PlainAuction | PlainBid): void => {
      old.push(event)
      for (
        let first = old[oldest];
        first !== undefined && first.dateTime < event.dateTime - 60_000;
        first = old[oldest]
      ) {
        if ('seller' in first) open.delete(first.id)
        else waiting.delete(first.auction)
        oldest += 1
      }
      if (oldest > 65_536) old.splice(0, oldest)
      if (oldest > 65_536) oldest = 0
    }
    inOrder(auctions, bids, {
      left: auction => {
        if (auction.category !== 10) return
        moveOn(auction)
        open.set(auction.id, auction)
        for (const bid of waiting.get(auction.id) ?? []) pair(auction, bid)
        waiting.delete(auction.id)
      },
      right: bid => {
        const auction = open.get(bid.auction)
        if (auction !== undefined) return pair(auction, bid)
        moveOn(bid)
        append(waiting, bid.auction, bid)
      },
    })
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

/** Hands out two streams in the order of event time; of equal times the left one first. */
function inOrder<Left extends Timed, Right extends Timed>(
  lefts: readonly Left[],
  rights: readonly Right[],
  to: { readonly left: (event: Left) => void; readonly right: (event: Right) => void },
): void {
  let next = 0
  for (const right of rights) {
    for (let left = lefts[next]; left !== undefined && left.dateTime <= right.dateTime; left = lefts[++next])
      to.left(left)
    to.right(right)
  }
  for (; next < lefts.length; next++) to.left(lefts[next] as Left)
}

interface Timed {
  readonly dateTime: number
}

interface OpenAuction {
  readonly auction: PlainAuction
  best: PlainBid | undefined
}

/** The winner of each auction when it is over, in the order of the ends. */
function winningBids({ auctions, bids }: PlainEvents, won: (auction: PlainAuction, bid: PlainBid) => void): void {
  openAuctions(auctions, bids, { onEnd: ({ auction, best }) => best !== undefined && won(auction, best) })
}

/** Tells of bids that are the best of their auction so far, and of auctions that are over. */
function openAuctions(
  auctions: readonly PlainAuction[],
  bids: readonly PlainBid[],
  tell: { readonly onBid?: (open: OpenAuction, bid: PlainBid) => void; readonly onEnd?: (open: OpenAuction) => void },
): void {
  const open = new Map<number, OpenAuction>()
  const ends = new Map<number, OpenAuction[]>()
  let second = Number.NaN
  const moveOn = (dateTime: number): void => {
    const now = Math.floor(dateTime / 1000)
    for (; second < now; second++) close(second)
    second = now
  }
  const close = (which: number): void => {
    for (const over of (ends.get(which) ?? []).sort((a, b) => a.auction.expires - b.auction.expires)) {
      tell.onEnd?.(over)
      open.delete(over.auction.id)
    }
    ends.delete(which)
  }
  inOrder(auctions, bids, {
    left: auction => {
      moveOn(auction.dateTime)
      const opened = { auction, best: undefined }
      open.set(auction.id, opened)
      append(ends, Math.floor(auction.expires / 1000), opened)
    },
    right: bid => {
      moveOn(bid.dateTime)
      const offer = open.get(bid.auction)
      if (offer === undefined || bid.dateTime > offer.auction.expires) return
      if (offer.best !== undefined && bid.price <= offer.best.price) return
      tell.onBid?.(offer, bid)
      offer.best = bid
    },
  })
  for (const last of [...ends.keys()].sort((a, b) => a - b)) close(last)
}

function append<Value>(lists: Map<number, Value[]>, key: number, value: Value): void {
  const list = lists.get(key)
  if (list === undefined) lists.set(key, [value])
  else list.push(value)
}

class Statistics {
  bids = 0
  readonly bidders = new Set<number>()
  readonly auctions = new Set<number>()

  add({ bidder, auction }: PlainBid): void {
    this.bids += 1
    this.bidders.add(bidder)
    this.auctions.add(auction)
  }

  counts(name: string): object {
    const { bids, bidders, auctions } = this
    return { [`${name}Bids`]: bids, [`${name}Bidders`]: bidders.size, [`${name}Auctions`]: auctions.size }
  }
}

/** q15 and q16: statistics of each day and key, in all and by price rank. */
function statistics(bids: readonly PlainBid[], keyOf: (bid: PlainBid) => string, put: Put): void {
  let day = Number.NaN
  const open = new Map<string, { last: number; readonly ranks: readonly Statistics[] }>()
  const close = (): void => {
    for (const [key, { last, ranks }] of open) {
      const [total, rank1, rank2, rank3] = ranks
      const time = new Date(last).toISOString()
      const counts = { ...total?.counts('total'), ...rank1?.counts('rank1') }
      put({
        key,
        day: time.slice(0, 10),
        minute: time.slice(11, 16),
        ...counts,
        ...rank2?.counts('rank2'),
        ...rank3?.counts('rank3'),
      })
    }
    open.clear()
  }
  for (const bid of bids) {
    const today = Math.floor(bid.dateTime / DAY_MS)
    if (today !== day) close()
    day = today
    const key = keyOf(bid)
    let state = open.get(key)
    if (state === undefined) {
      state = { last: bid.dateTime, ranks: [new Statistics(), new Statistics(), new Statistics(), new Statistics()] }
      open.set(key, state)
    }
    state.last = Math.max(state.last, bid.dateTime)
    state.ranks[0]?.add(bid)
    state.ranks[bid.price < 10_000 ? 1 : bid.price < 1_000_000 ? 2 : 3]?.add(bid)
  }
  close()
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
