/* See histogram.h. A value's bucket: its highest bit says the octave, the four bits below it the
 * step. Values under 16 have a bucket each. */
#include "core/histogram.h"

static int highest_bit(uint64_t value) {
#if defined(__GNUC__)
  return 63 - __builtin_clzll(value);
#else
  int bit = 0;
  while (value >>= 1)
    bit++;
  return bit;
#endif
}

static unsigned bucket_of(uint64_t value) {
  if (value < ISO_HISTOGRAM_STEPS) return (unsigned) value;
  int octave = highest_bit(value) - 3;
  unsigned step = (unsigned) (value >> (octave - 1)) & (ISO_HISTOGRAM_STEPS - 1);
  unsigned bucket = (unsigned) octave * ISO_HISTOGRAM_STEPS + step;
  return bucket < ISO_HISTOGRAM_BUCKETS ? bucket : ISO_HISTOGRAM_BUCKETS - 1;
}

/* The middle of a bucket. */
static double value_of(unsigned bucket) {
  if (bucket < ISO_HISTOGRAM_STEPS) return bucket;
  unsigned octave = bucket / ISO_HISTOGRAM_STEPS;
  unsigned step = bucket % ISO_HISTOGRAM_STEPS;
  double width = (double) (UINT64_C(1) << (octave - 1));
  return (ISO_HISTOGRAM_STEPS + step + 0.5) * width;
}

static uint64_t load(const atomic_uint_fast64_t *counter) {
  return atomic_load_explicit(counter, memory_order_relaxed);
}

/* Only one thread writes, so load and store need not be one step. */
static void add(atomic_uint_fast64_t *counter, uint64_t amount) {
  atomic_store_explicit(counter, load(counter) + amount, memory_order_relaxed);
}

static void raise_to(atomic_uint_fast64_t *counter, uint64_t value) {
  if (value > load(counter)) atomic_store_explicit(counter, value, memory_order_relaxed);
}

void iso_histogram_record(iso_histogram_t *histogram, uint64_t value_ns) {
  add(&histogram->counts[bucket_of(value_ns)], 1);
  add(&histogram->sum_ns, value_ns);
  raise_to(&histogram->max_ns, value_ns);
}

void iso_histogram_merge(iso_histogram_t *to, const iso_histogram_t *from) {
  for (unsigned i = 0; i < ISO_HISTOGRAM_BUCKETS; i++)
    add(&to->counts[i], load(&from->counts[i]));
  add(&to->sum_ns, load(&from->sum_ns));
  raise_to(&to->max_ns, load(&from->max_ns));
}

static double quantile(const iso_histogram_t *histogram, uint64_t count, double share) {
  double wanted = (double) count * share;
  uint64_t seen = 0;
  for (unsigned i = 0; i < ISO_HISTOGRAM_BUCKETS; i++) {
    seen += load(&histogram->counts[i]);
    if (seen != 0 && (double) seen >= wanted) return value_of(i);
  }
  return 0;
}

void iso_histogram_summarize(const iso_histogram_t *histogram, iso_histogram_summary_t *out) {
  static const double shares[] = {0.5, 0.9, 0.99, 0.999};
  out->count = 0;
  for (unsigned i = 0; i < ISO_HISTOGRAM_BUCKETS; i++)
    out->count += load(&histogram->counts[i]);
  out->max_ns = (double) load(&histogram->max_ns);
  out->mean_ns = out->count == 0 ? 0 : (double) load(&histogram->sum_ns) / (double) out->count;
  for (int i = 0; i < 4; i++) {
    double value = quantile(histogram, out->count, shares[i]);
    out->quantiles_ns[i] = value < out->max_ns ? value : out->max_ns;
  }
}
