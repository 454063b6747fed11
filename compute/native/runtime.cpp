// Errors, seeds, threads, devices.
#include "shim.h"

#include <ATen/Parallel.h>

namespace {

thread_local std::string last_error;

}  // namespace

namespace athanor {

void set_error(const char* text) { last_error = text; }

}  // namespace athanor

// Valid until the thread's next failure.
ATHANOR_API const char* athanor_torch_error() { return last_error.c_str(); }

// Raised when a function changes; the binding refuses a library of another number.
ATHANOR_API int athanor_torch_version() { return 2; }

ATHANOR_API int athanor_torch_manual_seed(uint64_t seed) {
  return athanor::guarded([&] { at::manual_seed(seed); });
}

ATHANOR_API int athanor_torch_set_num_threads(int threads) {
  return athanor::guarded([&] { at::set_num_threads(threads); });
}

ATHANOR_API int athanor_torch_get_num_threads() { return at::get_num_threads(); }

ATHANOR_API int athanor_torch_cuda_is_available() { return at::hasCUDA() ? 1 : 0; }

// Whether this thread records operations for backward(); returns what it was.
ATHANOR_API int athanor_torch_set_grad_enabled(int enabled) {
  const bool before = at::GradMode::is_enabled();
  at::GradMode::set_enabled(enabled != 0);
  return before ? 1 : 0;
}
