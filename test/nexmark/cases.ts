/* What each query is in SQL, over the tables person, auction and bid. */
import q0 from '../../examples/nexmark/q0.js'
import q1 from '../../examples/nexmark/q1.js'
import q2 from '../../examples/nexmark/q2.js'
import q3 from '../../examples/nexmark/q3.js'
import q4 from '../../examples/nexmark/q4.js'
import q5 from '../../examples/nexmark/q5.js'
import q6 from '../../examples/nexmark/q6.js'
import q7 from '../../examples/nexmark/q7.js'
import q8 from '../../examples/nexmark/q8.js'
import q9 from '../../examples/nexmark/q9.js'
import q10 from '../../examples/nexmark/q10.js'
import q11 from '../../examples/nexmark/q11.js'
import q12 from '../../examples/nexmark/q12.js'
import q13 from '../../examples/nexmark/q13.js'
import q14 from '../../examples/nexmark/q14.js'
import q15 from '../../examples/nexmark/q15.js'
import q16 from '../../examples/nexmark/q16.js'
import q17 from '../../examples/nexmark/q17.js'
import q18 from '../../examples/nexmark/q18.js'
import q19 from '../../examples/nexmark/q19.js'
import q20 from '../../examples/nexmark/q20.js'
import q21 from '../../examples/nexmark/q21.js'
import q22 from '../../examples/nexmark/q22.js'
import type { NexmarkQuery } from '../../examples/nexmark/query.js'

export type Values = readonly unknown[]

export interface Case {
  readonly query: NexmarkQuery<never>
  readonly sql: string
  /** What of the rows is told by SQL, where that is not all. `expected` are SQL's rows. */
  readonly comparable?: (rows: readonly Values[], expected: readonly Values[]) => readonly Values[]
}

const DAY = `strftime(epoch_ms(dateTime), '%Y-%m-%d')`
const RANKS = ['true', 'price < 10000', 'price >= 10000 AND price < 1000000', 'price >= 1000000']
const DAY_STATISTICS = ['count(*)', 'count(DISTINCT bidder)', 'count(DISTINCT auction)']
  .flatMap(count => RANKS.map(rank => `${count} FILTER (${rank})`))
  .join(', ')

/** The highest bid of each auction within its life, of equal ones the earliest. */
const WINNERS = `
  SELECT auction.id AS auction, seller, category, auction.dateTime AS opened, expires,
         bidder, price, bid.dateTime AS dateTime, bid.extra AS extra
  FROM auction JOIN bid ON bid.auction = auction.id AND bid.dateTime BETWEEN auction.dateTime AND expires
  QUALIFY row_number() OVER (PARTITION BY auction.id ORDER BY price DESC, bid.dateTime, bid.rowid) = 1`

/** Sums over windows whose bounds depend on the clock. */
function sumsByKey(rows: readonly Values[]): Values[] {
  const sums = new Map<unknown, number>()
  for (const [key, , , count] of rows) sums.set(key, (sums.get(key) ?? 0) + Number(count))
  return [...sums]
}

/** Of auctions that end in one ms the order is open: the last row of each seller and ms, where SQL has one. */
function lastOfMoment(rows: readonly Values[], expected: readonly Values[]): Values[] {
  const moment = ([seller, expires]: Values) => `${seller} ${expires}`
  const known = new Set(expected.map(moment))
  return [...new Map(rows.map(row => [moment(row), row])).values()].filter(row => known.has(moment(row)))
}

export const CASES: readonly Case[] = [
  { query: q0, sql: 'SELECT auction, bidder, price, dateTime, extra FROM bid' },
  { query: q1, sql: 'SELECT auction, bidder, price * 908 / 1000.0::DOUBLE, dateTime, extra FROM bid' },
  { query: q2, sql: 'SELECT auction, price FROM bid WHERE auction % 123 = 0' },
  {
    query: q3,
    sql: `SELECT name, city, state, auction.id FROM auction JOIN person ON seller = person.id
          WHERE category = 10 AND state IN ('OR', 'ID', 'CA')`,
  },
  { query: q4, sql: `SELECT category, avg(price) FROM (${WINNERS}) GROUP BY category` },
  {
    query: q5,
    sql: `WITH counts AS (
            SELECT auction, count(*) AS n, "end" FROM (
              SELECT auction, unnest([(dateTime // 2000 - k) * 2000 + 10000 for k in [0, 1, 2, 3, 4]]) AS "end"
              FROM bid)
            GROUP BY auction, "end")
          SELECT auction, n, "end" FROM counts
          JOIN (SELECT "end", max(n) AS n FROM counts GROUP BY "end") USING ("end", n)`,
  },
  {
    query: q6,
    // Rows behind which the order is not open, neither at the newest of the ten nor at the oldest.
    sql: `SELECT seller, expires, mean FROM (
            SELECT seller, expires, avg(price) OVER last10 AS mean,
              lead(expires) OVER ordered AS next, lag(expires, 9) OVER ordered AS oldest, lag(expires, 10) OVER ordered AS left
            FROM (${WINNERS})
            WINDOW ordered AS (PARTITION BY seller ORDER BY expires),
              last10 AS (PARTITION BY seller ORDER BY expires ROWS BETWEEN 9 PRECEDING AND CURRENT ROW))
          WHERE expires IS DISTINCT FROM next AND (oldest IS NULL OR oldest IS DISTINCT FROM "left")`,
    comparable: lastOfMoment,
  },
  {
    query: q7,
    sql: `SELECT auction, price, bidder, dateTime, extra FROM bid
          JOIN (SELECT dateTime // 10000 AS w, max(price) AS price FROM bid GROUP BY w) best
          USING (price) WHERE dateTime // 10000 = w`,
  },
  {
    query: q8,
    sql: `SELECT DISTINCT person.id, name, person.dateTime // 10000 * 10000 FROM person
          JOIN auction ON seller = person.id AND auction.dateTime // 10000 = person.dateTime // 10000`,
  },
  { query: q9, sql: WINNERS },
  {
    query: q10,
    sql: `SELECT auction, bidder, price, dateTime, extra, ${DAY}, strftime(epoch_ms(dateTime), '%H:%M') FROM bid`,
  },
  {
    query: q11,
    sql: `SELECT bidder, min(dateTime), max(dateTime) + 10000, count(*) FROM (
            SELECT *, sum(begins) OVER (PARTITION BY bidder ORDER BY dateTime, event) AS session FROM (
              SELECT *, rowid AS event, CASE WHEN dateTime - lag(dateTime) OVER (PARTITION BY bidder ORDER BY dateTime)
                > 10000 THEN 1 ELSE 0 END AS begins FROM bid))
          GROUP BY bidder, session`,
  },
  { query: q12, sql: 'SELECT bidder, count(*) FROM bid GROUP BY bidder', comparable: sumsByKey },
  { query: q13, sql: `SELECT auction, bidder, price, dateTime, 'value ' || auction % 10000 FROM bid` },
  {
    query: q14,
    sql: `SELECT auction, bidder, price * 908 / 1000.0::DOUBLE,
            CASE WHEN hour BETWEEN 8 AND 18 THEN 'dayTime' WHEN hour <= 6 OR hour >= 20 THEN 'nightTime'
                 ELSE 'otherTime' END,
            dateTime, extra, length(extra) - length(replace(extra, 'c', ''))
          FROM (SELECT *, hour(epoch_ms(dateTime)) AS hour FROM bid)
          WHERE price * 908 > 1000000000 AND price * 908 < 50000000000`,
  },
  { query: q15, sql: `SELECT ${DAY} AS day, ${DAY_STATISTICS} FROM bid GROUP BY day` },
  {
    query: q16,
    sql: `SELECT channel, ${DAY} AS day, max(strftime(epoch_ms(dateTime), '%H:%M')), ${DAY_STATISTICS}
          FROM bid GROUP BY channel, day`,
  },
  {
    query: q17,
    sql: `SELECT auction, ${DAY} AS day, ${RANKS.map(rank => `count(*) FILTER (${rank})`).join(', ')},
            min(price), max(price), avg(price), sum(price)
          FROM bid GROUP BY auction, day`,
  },
  {
    query: q18,
    sql: `SELECT * FROM bid
          QUALIFY row_number() OVER (PARTITION BY bidder, auction ORDER BY dateTime DESC, rowid DESC) = 1`,
  },
  {
    query: q19,
    sql: `SELECT * FROM bid QUALIFY row_number() OVER (PARTITION BY auction ORDER BY price DESC, rowid) <= 10`,
  },
  {
    query: q20,
    sql: `SELECT auction, bidder, price, channel, url, bid.dateTime, itemName, initialBid, reserve, auction.dateTime,
            expires, seller, category
          FROM bid JOIN auction ON auction.id = bid.auction WHERE category = 10`,
  },
  {
    query: q21,
    sql: `SELECT * FROM (
            SELECT auction, bidder, price, channel,
              CASE lower(channel) WHEN 'apple' THEN '0' WHEN 'google' THEN '1' WHEN 'facebook' THEN '2'
                WHEN 'baidu' THEN '3' ELSE regexp_extract(url, '(&|^)channel_id=([^&]*)', 2) END AS id
            FROM bid) WHERE id <> ''`,
  },
  {
    query: q22,
    sql: `SELECT auction, bidder, price, channel, split_part(url, '/', 4), split_part(url, '/', 5),
            split_part(url, '/', 6) FROM bid`,
  },
]
