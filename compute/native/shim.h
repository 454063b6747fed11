// What all files of the shim share. Every function returns 0, or a reason in athanor_torch_error() of the same thread and 1 (2 where memory
// on the device ran out, after which the caller may try with less): no C++ exception crosses into the runtime that called.
// What is of CUDA alone stands under ATHANOR_CUDA, which CMakeLists.txt defines where the libtorch has it; elsewhere it says what is missing.
#pragma once

#include <ATen/ATen.h>
#include <torch/version.h>

#include <cstring>
#include <string>

#define ATHANOR_API extern "C" __attribute__((visibility("default")))
#define ATHANOR_TORCH_AT_LEAST(major, minor) \
  (TORCH_VERSION_MAJOR > (major) || (TORCH_VERSION_MAJOR == (major) && TORCH_VERSION_MINOR >= (minor)))

namespace athanor {

void set_error(const char* text);

// Whether a message means that memory ran out: the library's own allocator for the host throws no type of its own.
inline bool is_memory(const char* text) {
  return std::strstr(text, "DefaultCPUAllocator") != nullptr || std::strstr(text, "out of memory") != nullptr;
}

// Runs a body that may throw. libtorch's own errors carry a stack of C++ frames; what a user can act on is the message before it.
template <typename Body>
int guarded(Body body) {
  try {
    body();
    return 0;
  } catch (const c10::OutOfMemoryError& error) {
    set_error(error.what_without_backtrace());
    return 2;
  } catch (const c10::Error& error) {
    set_error(error.what_without_backtrace());
    return is_memory(error.what_without_backtrace()) ? 2 : 1;
  } catch (const std::bad_alloc&) {
    set_error("out of memory");
    return 2;
  } catch (const std::exception& error) {
    set_error(error.what());
    return is_memory(error.what()) ? 2 : 1;
  } catch (...) {
    set_error("an exception that is no std::exception");
  }
  return 1;
}

inline at::Tensor& get(void* handle) { return *static_cast<at::Tensor*>(handle); }

inline void give(void** out, at::Tensor tensor) { *out = new at::Tensor(std::move(tensor)); }

}  // namespace athanor
