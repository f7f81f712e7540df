/* The memory of buffers, on its way from one isolate to another, and who pays for it there.
 *
 * A thread's account pays for what the thread holds. Copies stand on blocks (core/block.h), as does
 * all that code in a thread allocates: those carry their account with them. Memory that the host
 * has made and transferred does not, so while a thread has it, it is wrapped: the wrapper pays, and
 * is taken off when the memory leaves the thread or dies. */
#include "engine/v8/v8_internal.h"

#include <cstring>
#include <mutex>
#include <unordered_map>

#include "core/block.h"

namespace iso {
namespace {

using v8::ArrayBuffer;
using v8::BackingStore;

struct wrapper_t {
  store_t original;
  /* NULL: nobody pays any more. */
  iso_account_t *account;
};

/* All wrappers, by the address of their memory. Never destroyed: stores may outlive everything. */
struct wrappers_t {
  std::mutex lock;
  std::unordered_map<void *, wrapper_t *> by_data;
};

wrappers_t &wrappers() {
  static auto *all = new wrappers_t;
  return *all;
}

void discharge(wrapper_t *wrapper) {
  if (wrapper->account == nullptr) return;
  iso_account_refund(wrapper->account, wrapper->original->ByteLength());
  iso_account_release(wrapper->account);
  wrapper->account = nullptr;
}

void on_wrapper_end(void *data, size_t, void *pointer) {
  auto *wrapper = static_cast<wrapper_t *>(pointer);
  {
    std::lock_guard<std::mutex> guard(wrappers().lock);
    wrappers().by_data.erase(data);
  }
  discharge(wrapper);
  delete wrapper;
}

void on_block_end(void *data, size_t, void *) {
  iso_block_destroy(data);
}

store_t wrap(const store_t &store, iso_account_t *account) {
  auto *wrapper = new wrapper_t{store, account};
  {
    std::lock_guard<std::mutex> guard(wrappers().lock);
    /* Two stores on one memory: only an embedder could have made them. The second goes unpaid. */
    if (!wrappers().by_data.emplace(store->Data(), wrapper).second) {
      delete wrapper;
      return store;
    }
  }
  if (!iso_account_charge(account, store->ByteLength())) {
    wrapper->account = nullptr;
    on_wrapper_end(store->Data(), 0, wrapper);
    return nullptr;
  }
  iso_account_retain(account);
  return ArrayBuffer::NewBackingStore(store->Data(), store->ByteLength(), on_wrapper_end, wrapper);
}

} // namespace

store_t copy_store(const void *bytes, size_t size) {
  void *block = iso_block_create(size, false);
  if (block == nullptr) return nullptr;
  std::memcpy(block, bytes, size);
  return ArrayBuffer::NewBackingStore(block, size, on_block_end, nullptr);
}

store_t copy_resizable_store(const BackingStore &source) {
  store_t copy = ArrayBuffer::NewResizableBackingStore(source.ByteLength(), source.MaxByteLength());
  if (copy != nullptr) std::memcpy(copy->Data(), source.Data(), source.ByteLength());
  return copy;
}

store_t adopt_store(const iso_store_s &store, iso_account_t *account) {
  const store_t &backing = store.backing;
  /* V8 maps resizable memory by itself, and it cannot be wrapped. */
  if (backing->ByteLength() == 0 || backing->IsResizableByUserJavaScript()) return backing;
  if (!store.is_block) return wrap(backing, account);
  return iso_block_charge(backing->Data(), account) ? backing : nullptr;
}

store_t disown_store(const store_t &store) {
  if (store->ByteLength() == 0 || store->IsResizableByUserJavaScript()) return store;
  {
    std::lock_guard<std::mutex> guard(wrappers().lock);
    auto found = wrappers().by_data.find(store->Data());
    if (found != wrappers().by_data.end()) {
      discharge(found->second);
      return found->second->original;
    }
  }
  iso_block_discharge(store->Data());
  return store;
}

} // namespace iso

void iso_part_destroy(iso_part_t *part) {
  if (part->kind == ISO_PART_MODULE)
    delete static_cast<v8::CompiledWasmModule *>(part->object);
  else if (part->kind == ISO_PART_FUNCTION || part->kind == ISO_PART_STREAM)
    iso_callable_release(static_cast<iso_callable_t *>(part->object));
  else
    delete static_cast<iso_store_s *>(part->object);
}
