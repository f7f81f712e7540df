/* Where V8 asks for memory, and where it would abort for want of it: both are passed on. */
#include "engine/v8/v8_internal.h"

#include <uv.h>

#include "core/block.h"

namespace iso {
namespace {

/* Blocks, charged to the isolate's account. A refused allocation is a RangeError in the code that
 * asked. */
class CountingAllocator final : public node::ArrayBufferAllocator {
public:
  explicit CountingAllocator(iso_account_t *account) : account_(account) {
    iso_account_retain(account);
  }
  ~CountingAllocator() override { iso_account_release(account_); }

  void *Allocate(size_t length) override { return create(length, true); }
  void *AllocateUninitialized(size_t length) override { return create(length, false); }
  void Free(void *data, size_t) override { iso_block_destroy(data); }

private:
  void *create(size_t length, bool is_zeroed) {
    void *block = iso_block_create(length, is_zeroed);
    if (block == nullptr || iso_block_charge(block, account_)) return block;
    iso_block_destroy(block);
    return nullptr;
  }

  /* Only an Environment asks for Node's own allocator, and there is none in our isolates. */
  node::NodeArrayBufferAllocator *GetImpl() override { return nullptr; }

  iso_account_t *account_;
};

/* The engine whose code runs on this thread: V8's fatal callbacks carry nothing to find it by. */
thread_local iso_engine_t *current_engine;

size_t on_near_heap_limit(void *data, size_t current_limit, size_t) {
  auto *engine = static_cast<iso_engine_t *>(data);
  iso_heap_t heap;
  read_heap(engine->isolate, &heap);
  return engine->hooks->heap_full(engine->hooks_data, current_limit, &heap);
}

void on_collection_start(v8::Isolate *, v8::GCType, v8::GCCallbackFlags, void *data) {
  auto *engine = static_cast<iso_engine_t *>(data);
  engine->is_collecting = true;
  engine->collection_start_ns = uv_hrtime();
}

void on_collection_end(v8::Isolate *isolate, v8::GCType type, v8::GCCallbackFlags, void *data) {
  auto *engine = static_cast<iso_engine_t *>(data);
  engine->is_collecting = false;
  if (type != v8::kGCTypeMarkSweepCompact) return;
  iso_heap_t heap;
  read_heap(isolate, &heap);
  uint64_t took_ns = uv_hrtime() - engine->collection_start_ns;
  engine->hooks->collected(engine->hooks_data, &heap, took_ns);
}

size_t never_called(void *, size_t current_limit, size_t) {
  return current_limit;
}

/* While the isolate is disposed of: nothing that grows runs in it any more. */
size_t give_more(void *, size_t current_limit, size_t) {
  return current_limit + (size_t{256} << 20);
}

/* V8 would abort right after these return. On a thread of V8's own that helps with a collection
 * there is no engine, and nobody to tell: that thread stays here, the collection does not come to
 * its end, and the engine's thread is written off. */
void on_fatal(bool is_out_of_memory) {
  iso_engine_t *engine = current_engine;
  if (engine != nullptr)
    engine->hooks->fatal(engine->hooks_data, is_out_of_memory, engine->is_collecting);
  for (;;)
    uv_sleep(UINT32_MAX);
}

void on_fatal_error(const char *, const char *) {
  on_fatal(false);
}

void on_out_of_memory(const char *, const v8::OOMDetails &) {
  on_fatal(true);
}

} // namespace

std::shared_ptr<node::ArrayBufferAllocator> create_allocator(iso_account_t *account) {
  return std::make_shared<CountingAllocator>(account);
}

void catch_limits(iso_engine_t *engine) {
  v8::Isolate *isolate = engine->isolate;
  current_engine = engine;
  isolate->SetFatalErrorHandler(on_fatal_error);
  isolate->SetOOMErrorHandler(on_out_of_memory);
  isolate->AddNearHeapLimitCallback(on_near_heap_limit, engine);
  isolate->AddGCPrologueCallback(on_collection_start, engine);
  isolate->AddGCEpilogueCallback(on_collection_end, engine);
}

void unset_limits(iso_engine_t *engine) {
  v8::Isolate *isolate = engine->isolate;
  isolate->RemoveNearHeapLimitCallback(on_near_heap_limit, 0);
  isolate->AddNearHeapLimitCallback(give_more, nullptr);
  isolate->RemoveGCPrologueCallback(on_collection_start, engine);
  isolate->RemoveGCEpilogueCallback(on_collection_end, engine);
  current_engine = nullptr;
}

void read_heap(v8::Isolate *isolate, iso_heap_t *out) {
  v8::HeapStatistics statistics;
  isolate->GetHeapStatistics(&statistics);
  out->used_bytes = statistics.used_heap_size();
  out->held_bytes = statistics.total_heap_size();
  out->external_bytes = statistics.external_memory();
  out->plain_bytes = statistics.malloced_memory();
  out->plain_peak_bytes = statistics.peak_malloced_memory();
  out->limit_bytes = statistics.heap_size_limit();
}

void set_heap_limit(iso_engine_t *engine, size_t bytes) {
  /* node::NewIsolate takes no constraints: removing a callback is the way to lower the limit. */
  engine->isolate->AddNearHeapLimitCallback(never_called, nullptr);
  engine->isolate->RemoveNearHeapLimitCallback(never_called, bytes);
}

} // namespace iso
