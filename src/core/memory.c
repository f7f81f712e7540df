/* What bounds the memory of a thread: its limit counts the JavaScript heap and the buffers
 * together, and is kept in this order:
 *
 *   1. A buffer that would cross it is refused: a RangeError in the code that asked (account.h).
 *   2. A full collection that leaves more than the limit alive: the code is interrupted, and ends
 * at V8's next check. V8's own limit lies a quarter above, so that it seldom comes to
 *   3. V8 asks for more: the code is interrupted, and V8 given a little more, for a builtin may
 * have to come to its end before there is a check.
 *   4. V8 asks again and again, or says that it would abort: the thread leaves the code by a jump
 *      to its own beginning, and disposes of the isolate from there. What V8 had in plain malloc
 *      is lost; the heap, which is nearly all, is not.
 *   5. Where no jump is possible (V8 is inside a collection, or the thread inside its loop), or the
 *      disposal does not come to an end: the thread is parked for ever, with all it holds.
 *
 * In all cases the thread ends: what its code left behind is not worth keeping.
 *
 * Thread: the one whose memory it is. */
#include <setjmp.h>

#include "core/memory.h"

#include "core/error.h"
#include "core/guard.h"
#include "core/internal.h"
#include "core/thread.h"

enum {
  MEGABYTE = 1 << 20,
  /* Given to V8 at a time, at least. */
  RAISE_AT_LEAST_BYTES = 32 * MEGABYTE,
  /* So often. */
  RAISES_AT_MOST = 2,
  /* Code that V8 has not stopped by then is in a builtin that grows. */
  PATIENCE_NS = 250000000,
  /* Collections that free nothing may take so much time, one after the other. */
  CRAWL_AT_MOST_NS = 1500000000,
  SLACK_PART_OF = 16,
  /* A run shorter than this cannot have taken much memory that no collection has seen. */
  LONG_RUN_NS = 1000000,
};

/* `wanted_bytes`: more than what it has, that it asks for. */
static void interrupt(iso_thread_t *thread, size_t wanted_bytes) {
  iso_pool_t *pool = thread->pool;
  iso_memory_t *memory = &thread->memory;
  size_t had_bytes = memory->used_bytes + iso_account_used(thread->account) + wanted_bytes;
  /* By the time that it has ended it may have none of it any more. */
  if (had_bytes > memory->blamed_bytes) memory->blamed_bytes = had_bytes;
  iso_pool__lock(pool);
  iso_guard__interrupt_locked(pool, thread, ISO_EMEMORY);
  iso_pool__unlock(pool);
}

size_t iso_memory__v8_limit(size_t limit_bytes) {
  return limit_bytes == 0 ? 0 : limit_bytes + limit_bytes / 4;
}

/* Has V8 been given all that there is to give? Leaving it costs what it has in plain malloc, so
 * until it has been given as much it is given more, to come to its own end. */
static bool has_had_enough(const iso_memory_t *memory, const iso_heap_t *heap, uint64_t now_ns) {
  if (memory->given_bytes < heap->plain_bytes) return false;
  return memory->raises >= RAISES_AT_MOST || now_ns - memory->full_since_ns > PATIENCE_NS;
}

size_t iso_memory__full(iso_thread_t *thread, size_t limit_bytes, const iso_heap_t *heap) {
  iso_memory_t *memory = &thread->memory;
  uint64_t now_ns = uv_hrtime();
  /* V8 14 also asks when a single buffer was refused and collecting has not helped: that is a
   * RangeError for the code inside, and nothing is wrong with the heap. */
  if (heap->held_bytes < limit_bytes / 2) return limit_bytes;
  memory->used_bytes = heap->used_bytes;
  if (memory->raises == 0)
    memory->full_since_ns = now_ns;
  else if (has_had_enough(memory, heap, now_ns) && iso_thread__can_unwind(thread))
    iso_thread__unwind(thread, ISO_EMEMORY);
  interrupt(thread, 0);
  memory->raises++;
  size_t eighth = limit_bytes / 8;
  size_t more_bytes = eighth > RAISE_AT_LEAST_BYTES ? eighth : RAISE_AT_LEAST_BYTES;
  memory->given_bytes += more_bytes;
  return limit_bytes + more_bytes;
}

/* Near the limit V8 may collect again and again and get nowhere. */
static bool crawls(iso_memory_t *memory, size_t limit_bytes, size_t used_bytes, uint64_t took_ns) {
  uint64_t now_ns = uv_hrtime();
  uint64_t between_ns = now_ns - memory->last_collection_ns;
  bool is_near = used_bytes > limit_bytes / 4 * 3;
  /* It collects for more than half of the time. */
  bool is_busy = between_ns < 2 * took_ns;
  memory->last_collection_ns = now_ns;
  memory->crawl_ns = is_near && is_busy ? memory->crawl_ns + took_ns : 0;
  return memory->crawl_ns > CRAWL_AT_MOST_NS;
}

void iso_memory__collected(iso_thread_t *thread, const iso_heap_t *heap, uint64_t took_ns) {
  iso_memory_t *memory = &thread->memory;
  size_t limit_bytes = thread->pool->options.memory_limit_bytes;
  iso_account_set_heap(thread->account, heap->used_bytes);
  /* V8 counts its young generation on top of the limit that it was given. */
  size_t crawl_bytes = limit_bytes == 0 ? heap->limit_bytes : limit_bytes;
  bool is_crawling = crawls(memory, crawl_bytes, heap->used_bytes, took_ns);
  memory->used_bytes = heap->used_bytes;
  size_t buffer_bytes = iso_account_take_low(thread->account);
  /* Of buffers that were freed meanwhile V8 may still know, and of one that was refused, but they
   * were never much more than the limit: what is beyond is memory that no account sees, of
   * WebAssembly. */
  size_t known_bytes = iso_account_used(thread->account) + iso_memory__v8_limit(limit_bytes);
  /* A buffer was refused by what the heap was when it last was collected: it has a right to be a
   * little more by now. */
  size_t slack_bytes = limit_bytes / SLACK_PART_OF;
  bool is_over = heap->used_bytes + buffer_bytes > limit_bytes + slack_bytes ||
                 heap->external_bytes > known_bytes;
  if (is_crawling || (limit_bytes != 0 && is_over)) interrupt(thread, 0);
}

/* V8 lets one large object through its limit until it next collects: then it is made to. */
void iso_memory__check(iso_thread_t *thread, size_t bytes) {
  size_t limit_bytes = thread->pool->options.memory_limit_bytes;
  if (iso_account_is_overrun(thread->account)) interrupt(thread, 0);
  if (limit_bytes == 0) return;
  if (bytes > limit_bytes) interrupt(thread, bytes);
  iso_heap_t heap;
  iso_engine_heap(thread->engine, &heap);
  if (heap.used_bytes > iso_memory__v8_limit(limit_bytes)) iso_engine_collect(thread->engine);
}

void iso_memory__ran(iso_thread_t *thread, uint64_t took_ns) {
  if (took_ns >= LONG_RUN_NS) iso_memory__check(thread, 0);
}

void iso_memory__describe(const iso_thread_t *thread, iso_message_t *message) {
  size_t used_bytes = thread->memory.used_bytes + iso_account_used(thread->account);
  size_t blamed_bytes = thread->memory.blamed_bytes;
  size_t limit_bytes = thread->pool->options.memory_limit_bytes;
  if (blamed_bytes > used_bytes) used_bytes = blamed_bytes;
  iso_message_reset(message);
  (void) iso_message_put_int32(message, (int32_t) (limit_bytes / MEGABYTE));
  (void) iso_message_put_int32(message, (int32_t) (used_bytes / MEGABYTE));
}
