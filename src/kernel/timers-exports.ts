/* The exported functions of timer queues (assembly/timers/exports.ts). */
export interface TimerExports {
  timersCreate(): number
  timersDestroy(timers: number): void
  timersChange(timers: number, times: number, slots: number, tags: number, count: number): number
  timersFire(timers: number, limit: number): number
  timersFired(timers: number): number
  timersPutBack(timers: number, from: number): void
  timersNext(timers: number): number
  timersAll(timers: number): number
  timersCount(timers: number): number
}
