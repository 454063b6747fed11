// What all files of the shim share. Every function returns 0, or 1 with the reason in athanor_torch_error() of the same thread: no
// C++ exception crosses into the runtime that called.
#pragma once

#include <ATen/ATen.h>

#include <string>

#define ATHANOR_API extern "C" __attribute__((visibility("default")))

namespace athanor {

void set_error(const char* text);

// Runs a body that may throw. libtorch's own errors carry a stack of C++ frames; what a user can act on is the message before it.
template <typename Body>
int guarded(Body body) {
  try {
    body();
    return 0;
  } catch (const c10::Error& error) {
    set_error(error.what_without_backtrace());
  } catch (const std::exception& error) {
    set_error(error.what());
  } catch (...) {
    set_error("an exception that is no std::exception");
  }
  return 1;
}

inline at::Tensor& get(void* handle) { return *static_cast<at::Tensor*>(handle); }

inline void give(void** out, at::Tensor tensor) { *out = new at::Tensor(std::move(tensor)); }

}  // namespace athanor
