/* list, alloc, account, histogram. */
#include "core/account.h"
#include "core/alloc.h"
#include "core/error.h"
#include "core/histogram.h"
#include "core/list.h"
#include "test.h"
#include "tests.h"

typedef struct item_s {
  int value;
  iso_link_t link;
} item_t;

static int shift_value(iso_list_t *list) {
  iso_link_t *link = iso_list_shift(list);
  return link == NULL ? -1 : ISO_LIST_ITEM(link, item_t, link)->value;
}

void test_list_keeps_order(void) {
  iso_list_t list;
  item_t items[4];
  iso_list_init(&list);
  CHECK(iso_list_empty(&list));
  CHECK(iso_list_shift(&list) == NULL);
  for (int i = 0; i < 4; i++) {
    items[i].value = i;
    iso_list_append(&list, &items[i].link);
  }
  CHECK(!iso_list_empty(&list));
  iso_list_remove(&items[1].link);
  /* Twice is harmless: a removed link points at itself. */
  iso_list_remove(&items[1].link);
  CHECK_EQ(shift_value(&list), 0);
  CHECK_EQ(shift_value(&list), 2);
  CHECK_EQ(shift_value(&list), 3);
  CHECK_EQ(shift_value(&list), -1);
}

void test_list_splices(void) {
  iso_list_t a;
  iso_list_t b;
  item_t items[4];
  iso_list_init(&a);
  iso_list_init(&b);
  iso_list_splice(&a, &b);
  CHECK(iso_list_empty(&a));
  for (int i = 0; i < 4; i++) {
    items[i].value = i;
    iso_list_append(i < 2 ? &a : &b, &items[i].link);
  }
  iso_list_splice(&a, &b);
  CHECK(iso_list_empty(&b));
  for (int i = 0; i < 4; i++)
    CHECK_EQ(shift_value(&a), i);
  CHECK(iso_list_empty(&a));
}

void test_alloc_counts_and_fails(void) {
  size_t before = iso_alloc_live();
  char *block = iso_alloc(10);
  char *zeroed = iso_alloc_zeroed(10);
  CHECK(block != NULL && zeroed != NULL);
  CHECK_EQ(zeroed[9], 0);
  CHECK_EQ(iso_alloc_live(), before + 2);
  iso_alloc_fail_at(2);
  void *third = iso_alloc(1);
  CHECK(third != NULL);
  CHECK(iso_realloc(block, 1000) == NULL);
  block = iso_realloc(block, 1000);
  CHECK(block != NULL);
  iso_free(block);
  iso_free(zeroed);
  iso_free(third);
  iso_free(NULL);
  CHECK_EQ(iso_alloc_live(), before);
}

void test_account_holds_its_limit(void) {
  iso_account_t *account = iso_account_create(100);
  CHECK(iso_account_charge(account, 60));
  CHECK(!iso_account_charge(account, 41));
  CHECK(!iso_account_charge(account, SIZE_MAX));
  CHECK(iso_account_charge(account, 40));
  CHECK_EQ(iso_account_used(account), 100);
  iso_account_refund(account, 100);
  CHECK_EQ(iso_account_used(account), 0);
  iso_account_retain(account);
  iso_account_release(account);
  iso_account_release(account);
  iso_account_t *unlimited = iso_account_create(0);
  CHECK(iso_account_charge(unlimited, SIZE_MAX / 2));
  iso_account_release(unlimited);
}

static void check_near(double value, double wanted) {
  CHECK(value >= wanted * 15 / 16 && value <= wanted * 17 / 16);
}

void test_histogram_is_right_to_a_sixteenth(void) {
  iso_histogram_t *histogram = iso_alloc_zeroed(sizeof(*histogram));
  iso_histogram_summary_t summary;
  iso_histogram_summarize(histogram, &summary);
  CHECK_EQ(summary.count, 0);
  CHECK(summary.quantiles_ns[3] <= 0);
  for (uint64_t i = 1; i <= 100000; i++)
    iso_histogram_record(histogram, i * 1000);
  iso_histogram_summarize(histogram, &summary);
  CHECK_EQ(summary.count, 100000);
  check_near(summary.quantiles_ns[0], 50e6);
  check_near(summary.quantiles_ns[1], 90e6);
  check_near(summary.quantiles_ns[2], 99e6);
  check_near(summary.quantiles_ns[3], 99.9e6);
  check_near(summary.mean_ns, 50e6);
  CHECK_EQ(summary.max_ns, 100000000);
  /* The ends of what it can hold. */
  iso_histogram_record(histogram, 0);
  iso_histogram_record(histogram, UINT64_MAX);
  iso_histogram_summarize(histogram, &summary);
  CHECK_EQ(summary.count, 100002);
  iso_free(histogram);
}

void test_histogram_merges(void) {
  iso_histogram_t *histograms = iso_alloc_zeroed(2 * sizeof(*histograms));
  iso_histogram_summary_t summary;
  for (int i = 0; i < 10; i++)
    iso_histogram_record(&histograms[0], 5);
  for (int i = 0; i < 30; i++)
    iso_histogram_record(&histograms[1], 9);
  iso_histogram_merge(&histograms[0], &histograms[1]);
  iso_histogram_summarize(&histograms[0], &summary);
  CHECK_EQ(summary.count, 40);
  CHECK_EQ(summary.quantiles_ns[0], 9);
  CHECK_EQ(summary.max_ns, 9);
  CHECK_EQ(summary.mean_ns, 8);
  iso_free(histograms);
}
