// Devices: which there are, how much of their memory this process may take, streams, graphs, and autocast.
#include "shim.h"

#include <ATen/autocast_mode.h>
#include <c10/core/CPUAllocator.h>

#include <atomic>
#include <memory>

#ifdef ATHANOR_CUDA
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>
#endif

using athanor::guarded;

namespace {

// The host's memory that tensors hold, at most `limit` bytes of it. Every tensor's memory comes through here once a limit was set.
class LimitedAllocator final : public at::Allocator {
 public:
  // Releases of libtorch differ in whether this is const; the one that is not overridden is never called.
  at::DataPtr allocate(size_t bytes) const { return take(bytes); }
  at::DataPtr allocate(size_t bytes) { return take(bytes); }
  void copy_data(void* to, const void* from, size_t bytes) const { std::memcpy(to, from, bytes); }

  mutable std::atomic<int64_t> used{0};
  std::atomic<int64_t> limit{0};

 private:
  struct Block {
    at::DataPtr inner;
    int64_t bytes;
    const LimitedAllocator* owner;
  };

  at::DataPtr take(size_t bytes) const {
    const auto size = static_cast<int64_t>(bytes);
    const auto before = used.fetch_add(size);
    const auto most = limit.load();
    if (most > 0 && before + size > most) {
      used.fetch_sub(size);
      throw c10::OutOfMemoryError(
          {__func__, __FILE__, static_cast<uint32_t>(__LINE__)},
          "out of memory on cpu: " + std::to_string(size) + " bytes more than the " + std::to_string(before) + " in use would pass the limit of " +
              std::to_string(most) + " bytes (athanor.torch.memory-limit)");
    }
    try {
      auto block = new Block{c10::GetDefaultCPUAllocator()->allocate(bytes), size, this};
      return {block->inner.get(), block, &release, at::Device(at::kCPU)};
    } catch (...) {
      used.fetch_sub(size);
      throw;
    }
  }

  static void release(void* context) {
    auto block = static_cast<Block*>(context);
    block->owner->used.fetch_sub(block->bytes);
    delete block;
  }
};

// Never freed: tensors may outlive every order in which static objects end.
LimitedAllocator& limited() {
  static auto* const allocator = new LimitedAllocator;
  return *allocator;
}

#ifndef ATHANOR_CUDA
int no_cuda() {
  athanor::set_error(
      "this libtorch has no CUDA: device = cuda needs a libtorch built for it (build compute/native/build.sh with ATHANOR_LIBTORCH=DIR)");
  return 1;
}
#endif

}  // namespace

// Devices of CUDA that this process can use.
ATHANOR_API int athanor_torch_cuda_count() {
#ifdef ATHANOR_CUDA
  return at::hasCUDA() ? static_cast<int>(c10::cuda::device_count()) : 0;
#else
  return 0;
#endif
}

ATHANOR_API int athanor_torch_has_cuda() {
#ifdef ATHANOR_CUDA
  return 1;
#else
  return 0;
#endif
}

// Most bytes of the device's memory that this process's tensors may hold together; 0 for any.
ATHANOR_API int athanor_torch_set_memory_limit(const char* device, int64_t bytes) {
  const at::Device where(device);
  if (where.is_cpu()) {
    return guarded([&] {
      limited().limit = bytes;
      if (bytes > 0 && c10::GetCPUAllocator() != &limited()) c10::SetCPUAllocator(&limited(), /*priority=*/100);
    });
  }
#ifdef ATHANOR_CUDA
  return guarded([&] {
    c10::cuda::CUDAGuard guard(where.has_index() ? where.index() : 0);
    size_t available = 0, all = 0;
    if (cudaMemGetInfo(&available, &all) != cudaSuccess || all == 0) throw std::runtime_error("the device does not say how much memory it has");
    const double share = bytes <= 0 ? 1.0 : std::min(1.0, static_cast<double>(bytes) / static_cast<double>(all));
    c10::cuda::CUDACachingAllocator::setMemoryFraction(share, guard.current_device().index());
  });
#else
  return no_cuda();
#endif
}

// Bytes that this process's tensors hold in the host's memory; known once a limit was set.
ATHANOR_API int64_t athanor_torch_host_memory() { return limited().used.load(); }

// Gives memory that is kept for reuse back to the device, so that others may have it.
ATHANOR_API int athanor_torch_empty_cache() {
#ifdef ATHANOR_CUDA
  return guarded([] { c10::cuda::CUDACachingAllocator::emptyCache(); });
#else
  return 0;
#endif
}

// Until it is left, this thread's matrix products on that kind of device are in the given type (3: bfloat16, 4: half), and what would suffer
// stays in float32.
ATHANOR_API int athanor_torch_autocast(int cuda, int enabled, int type) {
  return guarded([&] {
    const auto lower = type == 4 ? at::kHalf : at::kBFloat16;
    // Weights are looked at once a step, and a graph must not find a cast made outside of it.
    at::autocast::set_autocast_cache_enabled(false);
#if ATHANOR_TORCH_AT_LEAST(2, 4)
    const auto where = cuda != 0 ? at::kCUDA : at::kCPU;
    at::autocast::set_autocast_enabled(where, enabled != 0);
    if (enabled != 0) at::autocast::set_autocast_dtype(where, lower);
#else
    if (cuda != 0) {
      at::autocast::set_enabled(enabled != 0);
      if (enabled != 0) at::autocast::set_autocast_gpu_dtype(lower);
    } else {
      at::autocast::set_cpu_enabled(enabled != 0);
      if (enabled != 0) at::autocast::set_autocast_cpu_dtype(lower);
    }
#endif
    if (enabled == 0) at::autocast::clear_cache();
  });
}

#ifdef ATHANOR_CUDA

namespace {

struct Stream {
  c10::cuda::CUDAStream stream;
};

c10::cuda::CUDAStream& stream_of(void* handle) { return static_cast<Stream*>(handle)->stream; }

struct Graph {
  at::cuda::CUDAGraph graph;
};

}  // namespace

// A stream of its own: what is put on it runs beside what is put on others.
ATHANOR_API int athanor_torch_stream_new(const char* device, void** out) {
  return guarded([&] {
    const at::Device where(device);
    const auto index = where.has_index() ? where.index() : c10::cuda::current_device();
    *out = new Stream{c10::cuda::getStreamFromPool(/*isHighPriority=*/false, index)};
  });
}

ATHANOR_API void athanor_torch_stream_free(void* stream) { delete static_cast<Stream*>(stream); }

// Makes it the thread's current stream (null: the device's default one).
ATHANOR_API int athanor_torch_stream_use(void* stream) {
  return guarded([&] {
    if (stream == nullptr) {
      c10::cuda::setCurrentCUDAStream(c10::cuda::getDefaultCUDAStream());
      return;
    }
    c10::cuda::set_device(stream_of(stream).device_index());
    c10::cuda::setCurrentCUDAStream(stream_of(stream));
  });
}

// Waits until all that was put on it is done.
ATHANOR_API int athanor_torch_stream_wait(void* stream) {
  return guarded([&] { stream_of(stream).synchronize(); });
}

// What is put on `stream` from here on waits for what is on `other` now.
ATHANOR_API int athanor_torch_stream_after(void* stream, void* other) {
  return guarded([&] {
    cudaEvent_t event = nullptr;
    if (cudaEventCreateWithFlags(&event, cudaEventDisableTiming) != cudaSuccess) throw std::runtime_error("no event could be made");
    const bool right = cudaEventRecord(event, stream_of(other).stream()) == cudaSuccess
        && cudaStreamWaitEvent(stream_of(stream).stream(), event, 0) == cudaSuccess;
    cudaEventDestroy(event);
    if (!right) throw std::runtime_error("one stream could not be made to wait for another");
  });
}

// From here to graph_end what the current stream (not the default one) is given is kept and not run.
ATHANOR_API int athanor_torch_graph_begin(void** out) {
  return guarded([&] {
    auto graph = std::make_unique<Graph>();
    graph->graph.capture_begin();
    *out = graph.release();
  });
}

ATHANOR_API int athanor_torch_graph_end(void* graph) {
  return guarded([&] { static_cast<Graph*>(graph)->graph.capture_end(); });
}

// Runs what was kept once more, on the current stream, with whatever now stands in the same tensors.
ATHANOR_API int athanor_torch_graph_replay(void* graph) {
  return guarded([&] { static_cast<Graph*>(graph)->graph.replay(); });
}

ATHANOR_API void athanor_torch_graph_free(void* graph) { delete static_cast<Graph*>(graph); }

#else

ATHANOR_API int athanor_torch_stream_new(const char*, void**) { return no_cuda(); }
ATHANOR_API void athanor_torch_stream_free(void*) {}
ATHANOR_API int athanor_torch_stream_use(void*) { return no_cuda(); }
ATHANOR_API int athanor_torch_stream_wait(void*) { return no_cuda(); }
ATHANOR_API int athanor_torch_stream_after(void*, void*) { return no_cuda(); }
ATHANOR_API int athanor_torch_graph_begin(void**) { return no_cuda(); }
ATHANOR_API int athanor_torch_graph_end(void*) { return no_cuda(); }
ATHANOR_API int athanor_torch_graph_replay(void*) { return no_cuda(); }
ATHANOR_API void athanor_torch_graph_free(void*) {}

#endif
