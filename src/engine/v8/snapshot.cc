/* A snapshot of a bare isolate, for later ones to come from.
 *
 * Node's own holds what Node has loaded at its start, with its code, and each isolate that comes
 * from it takes that along: two thirds of the time of a start, and half of the memory of a thread.
 * V8's default one holds nothing of Node, but isolates of one process share V8's read-only heap,
 * and a snapshot says of an object in there only where it lies. What lies where, Node's snapshot
 * has decided for this process; so this one is made here, of an isolate that has come from Node's.
 *
 * It takes three rounds, each from the snapshot of the round before. An isolate keeps what the
 * contexts of its snapshot share, in case that they are made; what is of use to a fresh context
 * alone is all that goes into the next one. After three it is as small as V8's default one.
 *
 * Node's snapshot refers to functions and texts of Node's by their numbers in a list, which is not
 * ours to have. No isolate here calls or reads any of them, and the first round lets them go, so a
 * list in which all are the same text of nothing will do. */
#include "engine/v8/v8_internal.h"

#include <atomic>
#include <cstring>

namespace iso {
namespace {

using v8::Context;
using v8::HandleScope;
using v8::Isolate;
using v8::SnapshotCreator;
using v8::StartupData;

constexpr int kRounds = 3;
/* Node has about two thousand. */
constexpr size_t kReferences = 16384;
/* Less is none, and more than Node has seen. */
constexpr size_t kLeastBytes = 10000;
constexpr uint32_t kMostContexts = 16;
/* Of V8's snapshot: the number of contexts, whether it can be rehashed, two checksums. */
constexpr size_t kWordsBeforeVersion = 4;

/* Longer than any text of Node's, should V8 look at one; takes memory only then. */
char nothing[4 << 20];

class NoText : public v8::String::ExternalOneByteStringResource {
public:
  const char *data() const override { return nothing; }
  size_t length() const override { return sizeof(nothing); }
  void Dispose() override {}
};

/* Immutable once it is there; never freed. */
std::atomic<const StartupData *> bare;
std::atomic<bool> is_from_node;

/* As V8 wants it: ends with a 0. Never freed: every isolate keeps it. */
const intptr_t *references() {
  static NoText no_text;
  static const intptr_t *list = [] {
    auto *made = new intptr_t[kReferences + 1];
    v8::String::ExternalOneByteStringResource *resource = &no_text;
    for (size_t i = 0; i < kReferences; i++)
      made[i] = reinterpret_cast<intptr_t>(resource);
    made[kReferences] = 0;
    return made;
  }();
  return list;
}

uint32_t word_at(const char *bytes) {
  uint32_t word = 0;
  memcpy(&word, bytes, sizeof(word));
  return word;
}

/* Of what Node wrote: V8's snapshot stands there as it is, after its size, and begins with the
 * number of its contexts, and soon the version. Nothing: it is not as it was in all Nodes so far.
 */
StartupData find_v8s(const std::vector<char> &nodes) {
  const char *version = v8::V8::GetVersion();
  const size_t before = kWordsBeforeVersion * sizeof(uint32_t);
  const char *end = nodes.data() + nodes.size();
  const char *from = nodes.data() + before + sizeof(uint32_t);
  while (from < end) {
    auto *found = static_cast<const char *>(
        memmem(from, static_cast<size_t>(end - from), version, strlen(version))
    );
    if (found == nullptr) break;
    const char *start = found - before;
    size_t size = word_at(start - sizeof(uint32_t));
    uint32_t contexts = word_at(start);
    from = found + 1;
    if (size < kLeastBytes || size > static_cast<size_t>(end - start)) continue;
    if (contexts == 0 || contexts > kMostContexts) continue;
    StartupData data = {start, static_cast<int>(size)};
    if (data.IsValid()) return data;
  }
  return {nullptr, 0};
}

/* A snapshot of an isolate that has come from `origin`, with a fresh context; the caller's to
 * delete. Nothing: V8 could not. */
StartupData
make_round(node::MultiIsolatePlatform *platform, uv_loop_s *loop, const StartupData &origin) {
  Isolate *isolate = Isolate::Allocate();
  if (isolate == nullptr) return {nullptr, 0};
  platform->RegisterIsolate(isolate, loop);
  auto creator = compat::begin_snapshot(isolate, references(), &origin);
  {
    HandleScope scope(isolate);
    creator->SetDefaultContext(Context::New(isolate));
  }
  StartupData made = creator->CreateBlob(SnapshotCreator::FunctionCodeHandling::kClear);
  creator.reset();
  compat::dispose_isolate(platform, isolate);
  return made;
}

} // namespace

void note_origin(Isolate *isolate) {
  if (!compat::kCanMakeSnapshots || is_from_node.load(std::memory_order_relaxed)) return;
  HandleScope scope(isolate);
  /* Node keeps data of its own in its snapshot; V8's default one, which node --no-node-snapshot
   * takes, has none. */
  if (!isolate->GetDataFromSnapshotOnce<v8::Data>(0).IsEmpty())
    is_from_node.store(true, std::memory_order_relaxed);
}

bool use_snapshot(Isolate::CreateParams *params) {
  const StartupData *snapshot = bare.load(std::memory_order_acquire);
  if (snapshot == nullptr) return false;
  params->snapshot_blob = snapshot;
  params->external_references = references();
  return true;
}

} // namespace iso

bool iso_engine_can_make_snapshot(void) {
  return iso::is_from_node.load(std::memory_order_relaxed);
}

void iso_engine_make_snapshot(void *platform, uv_loop_s *loop) {
  using iso::StartupData;
  std::vector<char> nodes = node::EmbedderSnapshotData::BuiltinSnapshotData()->ToBlob();
  StartupData origin = iso::find_v8s(nodes);
  StartupData made = {nullptr, 0};
  for (int i = 0; i < iso::kRounds && origin.data != nullptr; i++) {
    auto *of_node = static_cast<node::MultiIsolatePlatform *>(platform);
    StartupData next = iso::make_round(of_node, loop, origin);
    delete[] made.data;
    made = next;
    origin = next;
  }
  if (made.data != nullptr) iso::bare.store(new StartupData(made), std::memory_order_release);
}
