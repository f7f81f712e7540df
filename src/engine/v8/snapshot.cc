/* Which snapshot isolates come from: V8's default one where it fits this process, else Node's.
 *
 * Node's holds what Node has loaded at its start, with its code, and each isolate that comes from
 * it takes that along: two thirds of the time of a start, and half of the memory of a thread. V8's
 * default one, which is in every node binary too, holds nothing but JavaScript. But the isolates of
 * a process share V8's read-only heap, which the first of them, Node's main one, has brought from
 * its own snapshot; and a snapshot names an object in there by nothing but its place. So another
 * snapshot fits where all objects lie in the same places, and where one does not, JavaScript goes
 * wrong or the process crashes.
 *
 * Both are built from one V8, so from V8 12 on they do fit as a rule, but nothing promises it.
 * Therefore the layout of the heap is reduced to a number, and the default snapshot taken only
 * where the number is one that scripts/layouts.js has seen under both. */
#include "engine/v8/v8_internal.h"

#include <atomic>

namespace iso {
namespace {

using v8::Isolate;
using v8::internal::Internals;

/* V8's table of roots begins with objects of the read-only heap, more than so many of its maps,
 * symbols and names, which lie all over it. */
constexpr int kRoots = 512;
/* A page of the heap is anywhere, but its objects are where they always are in it. No processor's
 * own pages, hence none of V8's, are smaller. */
constexpr uintptr_t kWithinPage = 4095;
/* FNV-1a's. */
constexpr uint64_t kHashStart = 0xcbf29ce484222325;
constexpr uint64_t kHashPrime = 0x100000001b3;

std::atomic<bool> does_default_fit;

uint64_t hash(uint64_t so_far, uint64_t word) {
  return (so_far ^ word) * kHashPrime;
}

uint64_t layout_of(Isolate *isolate) {
  v8::SharedMemoryStatistics statistics;
  v8::V8::GetSharedMemoryStatistics(&statistics);
  uint64_t layout = hash(kHashStart, statistics.read_only_space_used_size());
  for (int i = 0; i < kRoots; i++)
    layout = hash(layout, *Internals::GetRootSlot(isolate, i) & kWithinPage);
  return layout;
}

} // namespace

bool default_snapshot_fits() {
  return does_default_fit.load(std::memory_order_relaxed);
}

} // namespace iso

uint64_t iso_engine_examine_heap(void) {
  uint64_t layout = iso::layout_of(v8::Isolate::GetCurrent());
  for (uint64_t known : iso::compat::kLayoutsOfBoth)
    if (known == layout) iso::does_default_fit.store(true, std::memory_order_relaxed);
  return layout;
}
