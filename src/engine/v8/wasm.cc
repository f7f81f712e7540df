/* WebAssembly modules in a thread with a limit; see core/wasm.h. */
#include "engine/v8/v8_internal.h"

#include <cstring>

#include "core/alloc.h"
#include "core/error.h"
#include "core/wasm.h"

namespace iso {
namespace {

using v8::ArrayBuffer;
using v8::FunctionCallbackInfo;
using v8::Isolate;
using v8::Local;
using v8::String;
using v8::Value;
using v8::WasmModuleObject;

uint64_t max_pages(Isolate *isolate) {
  auto *engine = static_cast<iso_engine_t *>(isolate->GetData(kEngineSlot));
  return iso_account_limit(engine->account) / ISO_WASM_PAGE_BYTES;
}

void throw_range_error(Isolate *isolate, const char *text) {
  isolate->ThrowException(
      v8::Exception::RangeError(String::NewFromUtf8(isolate, text).ToLocalChecked())
  );
}

/* A copy of the bytes of what V8 takes as a module: another thread may write to the originals.
 * False: it is no such thing. */
bool copy_bytes(Local<Value> source, std::vector<uint8_t> *bytes) {
  store_t store;
  size_t offset = 0;
  size_t size = 0;
  if (source->IsArrayBufferView()) {
    auto view = source.As<v8::ArrayBufferView>();
    store = view->Buffer()->GetBackingStore();
    offset = view->ByteOffset();
    size = view->ByteLength();
  } else if (source->IsArrayBuffer()) {
    store = source.As<ArrayBuffer>()->GetBackingStore();
    size = source.As<ArrayBuffer>()->ByteLength();
  } else if (source->IsSharedArrayBuffer()) {
    store = source.As<v8::SharedArrayBuffer>()->GetBackingStore();
    size = source.As<v8::SharedArrayBuffer>()->ByteLength();
  } else {
    return false;
  }
  if (size == 0) return true;
  const auto *data = static_cast<const uint8_t *>(store->Data()) + offset;
  bytes->assign(data, data + size);
  return true;
}

/* capWasm(bytes): an ArrayBuffer with the module to compile instead; undefined: V8 will refuse it.
 */
void cap_wasm(const FunctionCallbackInfo<Value> &info) {
  Isolate *isolate = info.GetIsolate();
  std::vector<uint8_t> bytes;
  iso_wasm_module_t capped;
  if (!copy_bytes(info[0], &bytes)) return;
  int status = iso_wasm_cap_memory(bytes.data(), bytes.size(), max_pages(isolate), &capped);
  if (status != ISO_OK) {
    throw_range_error(isolate, "WebAssembly: could not allocate memory");
    return;
  }
  store_t store = capped.bytes == nullptr ? copy_store(bytes.data(), bytes.size())
                                          : copy_store(capped.bytes, capped.size);
  iso_free(capped.bytes);
  if (store == nullptr)
    throw_range_error(isolate, "WebAssembly: could not allocate memory");
  else
    info.GetReturnValue().Set(ArrayBuffer::New(isolate, std::move(store)));
}

/* declared(module): how many bytes its memories begin with; 0 if it is no module. */
void declared(const FunctionCallbackInfo<Value> &info) {
  double bytes = 0;
  if (info[0]->IsWasmModuleObject()) {
    v8::CompiledWasmModule module = info[0].As<WasmModuleObject>()->GetCompiledModule();
    v8::MemorySpan<const uint8_t> wire = module.GetWireBytesRef();
    bytes = static_cast<double>(iso_wasm_declared_bytes(wire.data(), wire.size()));
  }
  info.GetReturnValue().Set(bytes);
}

} // namespace

void add_wasm_natives(add_native_t add) {
  add("capWasm", cap_wasm);
  add("declared", declared);
}

v8::MaybeLocal<WasmModuleObject>
make_module(Isolate *isolate, const v8::CompiledWasmModule &module, const iso_account_t *account) {
  if (account == nullptr || iso_account_limit(account) == 0)
    return WasmModuleObject::FromCompiledModule(isolate, module);
  v8::CompiledWasmModule copy = module;
  v8::MemorySpan<const uint8_t> wire = copy.GetWireBytesRef();
  iso_wasm_module_t capped;
  int status = iso_wasm_cap_memory(wire.data(), wire.size(), max_pages(isolate), &capped);
  if (status != ISO_OK) {
    throw_range_error(isolate, "WebAssembly: could not allocate memory");
    return {};
  }
  if (capped.bytes == nullptr) return WasmModuleObject::FromCompiledModule(isolate, module);
  auto made = WasmModuleObject::Compile(isolate, {capped.bytes, capped.size});
  iso_free(capped.bytes);
  return made;
}

} // namespace iso
