/*
 * Visits of each page in each minute, from records in memory. The watermark waits ten seconds for records that come
 * out of order: the visit of 10:00:58 is in time, that of 10:00:20 is late.
 *
 *   sabot run examples/visits.ts
 */
import { count, job, memory, stdout, tumbling } from 'sabot'

const visits = [
  { page: 'home', at: new Date('2026-01-01T10:00:05Z') },
  { page: 'docs', at: new Date('2026-01-01T10:00:40Z') },
  { page: 'home', at: new Date('2026-01-01T10:01:02Z') },
  { page: 'docs', at: new Date('2026-01-01T10:00:58Z') },
  { page: 'home', at: new Date('2026-01-01T10:01:30Z') },
  { page: 'docs', at: new Date('2026-01-01T10:00:20Z') },
]

export default job('visits', j => {
  j.from(memory(visits))
    .withTimestamps('at', { outOfOrderness: '10s' })
    .keyBy('page')
    .window(tumbling('1m'))
    .aggregate({ visits: count() })
    .to(stdout())
})
