/*
 * The yardstick of the window kernel: the same work in C. Batches of coded u32 keys, f64 timestamps and f64 values are
 * copied into a staging area; each row is added to n, sum, min and max of its key, densely by key id; when the time of a
 * tumbling window is over its results are written to output columns and the state is cleared.
 *
 *   cc -O3 window.c -o window -lm && ./window ROWS KEYS ROWS_PER_WINDOW PASSES
 *
 * Prints the CPU time of the median pass in ns per row (after one pass that is not counted), and a checksum over results.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BATCH 8192
#define OUTPUT 8192

typedef struct { double n, sum, min, max; } record;

static double now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return t.tv_sec * 1e9 + t.tv_nsec;
}

/* The generator of the JavaScript side: xorshift32, the same draws in the same order. */
static uint32_t state;
static uint32_t draw(void) {
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state;
}

static uint32_t ids[BATCH];
static double timestamps[BATCH];
static double values[BATCH];

static uint32_t out_id[OUTPUT];
static double out_start[OUTPUT], out_end[OUTPUT], out_n[OUTPUT], out_sum[OUTPUT], out_min[OUTPUT], out_max[OUTPUT];

static double checksum;

static void drain(uint32_t rows) {
  for (uint32_t i = 0; i < rows; i += 64) checksum += out_id[i] + out_n[i] + out_sum[i] + out_min[i] + out_max[i];
}

static void fire(record *records, uint32_t keys, double start, double end) {
  uint32_t row = 0;
  for (uint32_t id = 0; id < keys; id++) {
    record *r = &records[id];
    if (r->n == 0) continue;
    out_id[row] = id;
    out_start[row] = start;
    out_end[row] = end;
    out_n[row] = r->n;
    out_sum[row] = r->sum;
    out_min[row] = r->min;
    out_max[row] = r->max;
    if (++row == OUTPUT) {
      drain(row);
      row = 0;
    }
  }
  drain(row);
}

static void clear(record *records, uint32_t keys) {
  for (uint32_t id = 0; id < keys; id++) records[id] = (record){0, 0, INFINITY, -INFINITY};
}

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

int main(int argc, char **argv) {
  if (argc < 5) return 2;
  const uint32_t rows = strtoul(argv[1], 0, 10), keys = strtoul(argv[2], 0, 10);
  const double size = strtod(argv[3], 0);
  const int passes = atoi(argv[4]);
  if (passes < 1) return 2;
  double *times = malloc(passes * sizeof(double));
  uint32_t *all_ids = malloc(rows * sizeof(uint32_t));
  double *all_timestamps = malloc(rows * sizeof(double));
  double *all_values = malloc(rows * sizeof(double));
  record *records = malloc(keys * sizeof(record));
  state = 2463534242u;
  for (uint32_t i = 0; i < rows; i++) {
    all_ids[i] = draw() % keys;
    all_timestamps[i] = i;
    all_values[i] = draw() % 1000;
  }
  for (int pass = -1; pass < passes; pass++) {
    checksum = 0;
    const double began = now_ns();
    clear(records, keys);
    double start = 0, end = size;
    for (uint32_t first = 0; first < rows; first += BATCH) {
      const uint32_t count = rows - first < BATCH ? rows - first : BATCH;
      memcpy(ids, all_ids + first, count * sizeof(uint32_t));
      memcpy(timestamps, all_timestamps + first, count * sizeof(double));
      memcpy(values, all_values + first, count * sizeof(double));
      for (uint32_t i = 0; i < count; i++) {
        if (timestamps[i] >= end) {
          fire(records, keys, start, end);
          clear(records, keys);
          start = size * floor(timestamps[i] / size);
          end = start + size;
        }
        record *r = &records[ids[i]];
        const double value = values[i];
        r->n += 1;
        r->sum += value;
        r->min = value < r->min ? value : r->min;
        r->max = value > r->max ? value : r->max;
      }
    }
    fire(records, keys, start, end);
    if (pass >= 0) times[pass] = now_ns() - began;
  }
  qsort(times, passes, sizeof(double), ascending);
  printf("{\"nsPerRow\": %.3f, \"checksum\": %.0f}\n", times[passes / 2] / rows, checksum);
  return 0;
}
