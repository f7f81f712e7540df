/* How long things took: counts in buckets whose width grows with the value, so that any quantile is
 * right to within 1/16 of itself, from a nanosecond to hours.
 *
 * One thread records, any thread reads, nobody locks: the counters are relaxed atomics, and a
 * reading that is a few counts old is as good as another. */
#ifndef ISO_CORE_HISTOGRAM_H
#define ISO_CORE_HISTOGRAM_H

#include <stdatomic.h>
#include <stdint.h>

enum {
  ISO_HISTOGRAM_STEPS = 16,
  ISO_HISTOGRAM_OCTAVES = 44,
  ISO_HISTOGRAM_BUCKETS = ISO_HISTOGRAM_STEPS * ISO_HISTOGRAM_OCTAVES
};

typedef struct iso_histogram_s {
  atomic_uint_fast64_t counts[ISO_HISTOGRAM_BUCKETS];
  atomic_uint_fast64_t sum_ns;
  atomic_uint_fast64_t max_ns;
} iso_histogram_t;

/* What a reading gives; all 0 where nothing was recorded. */
typedef struct iso_histogram_summary_s {
  uint64_t count;
  double mean_ns;
  double max_ns;
  /* p50, p90, p99, p99.9 */
  double quantiles_ns[4];
} iso_histogram_summary_t;

/* Thread: the one that records. Zeroed memory is an empty histogram. */
void iso_histogram_record(iso_histogram_t *histogram, uint64_t value_ns);
/* Adds what `from` holds. Thread: the one that records into `to`. */
void iso_histogram_merge(iso_histogram_t *to, const iso_histogram_t *from);
void iso_histogram_summarize(const iso_histogram_t *histogram, iso_histogram_summary_t *out);

#endif
