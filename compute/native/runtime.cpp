// Errors, seeds, threads, devices.
#include "shim.h"

#include <ATen/Parallel.h>
#include <dlfcn.h>

namespace {

thread_local std::string last_error;

}  // namespace

namespace athanor {

void set_error(const char* text) { last_error = text; }

}  // namespace athanor

// Valid until the thread's next failure.
ATHANOR_API const char* athanor_torch_error() { return last_error.c_str(); }

// Raised when a function changes; the binding refuses a library of another number.
ATHANOR_API int athanor_torch_version() { return 3; }

ATHANOR_API int athanor_torch_manual_seed(uint64_t seed) {
  return athanor::guarded([&] { at::manual_seed(seed); });
}

ATHANOR_API int athanor_torch_set_num_threads(int threads) {
  return athanor::guarded([&] { at::set_num_threads(threads); });
}

ATHANOR_API int athanor_torch_get_num_threads() { return at::get_num_threads(); }

// Threads that run operations beside each other; they can be set once, before the first is needed.
ATHANOR_API int athanor_torch_set_num_interop_threads(int threads) {
  return athanor::guarded([&] {
    if (at::get_num_interop_threads() != threads) at::set_num_interop_threads(threads);
  });
}

ATHANOR_API int athanor_torch_get_num_interop_threads() { return at::get_num_interop_threads(); }

// Threads of OpenBLAS's own pool, which fights with the pool above where both are larger than 1; 0 where another BLAS is linked.
ATHANOR_API int athanor_torch_get_num_blas_threads() {
  const auto function = reinterpret_cast<int (*)()>(dlsym(RTLD_DEFAULT, "openblas_get_num_threads"));
  if (function != nullptr) return function();
  // The runtime loads this library without giving its names to all; OpenBLAS is found among what is loaded already.
  for (const char* name : {"libopenblas.so.0", "libblas.so.3"}) {
    void* library = dlopen(name, RTLD_LAZY | RTLD_NOLOAD);
    if (library == nullptr) continue;
    const auto own = reinterpret_cast<int (*)()>(dlsym(library, "openblas_get_num_threads"));
    const int threads = own == nullptr ? 0 : own();
    dlclose(library);
    if (threads > 0) return threads;
  }
  return 0;
}

// Whether this thread records operations for backward(); returns what it was.
ATHANOR_API int athanor_torch_set_grad_enabled(int enabled) {
  const bool before = at::GradMode::is_enabled();
  at::GradMode::set_enabled(enabled != 0);
  return before ? 1 : 0;
}
