// Process groups of c10d over the caller's own memory: point to point, and the library's all-reduce, whose order of sums is its own.
#include "shim.h"

#if defined(ATHANOR_GLOO) || defined(ATHANOR_NCCL)
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#ifdef ATHANOR_GLOO
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#endif
#ifdef ATHANOR_NCCL
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>

#include <cstdlib>
#endif

#include <chrono>

using athanor::guarded;

namespace {

// Of both backends; its name changed with libtorch 2.
#if ATHANOR_TORCH_AT_LEAST(2, 0)
using Backend = c10d::Backend;
#else
using Backend = c10d::ProcessGroup;
#endif
using Work = c10::intrusive_ptr<c10d::Work>;

struct Group {
  c10::intrusive_ptr<c10d::Store> store;
  c10::intrusive_ptr<Backend> backend;
  std::chrono::milliseconds timeout;
  int rank = 0;
  // Where the backend wants its tensors: NCCL moves between devices alone, so the caller's memory is copied to one and back.
  at::Device device = at::Device(at::kCPU);
};

at::ScalarType element(int type) {
  if (type == 0) return at::kFloat;
  if (type == 1) return at::kDouble;
  throw std::invalid_argument("only float32 and float64 are exchanged");
}

at::Tensor view(void* data, int64_t count, int type) {
  return at::from_blob(data, {count}, at::TensorOptions().dtype(element(type)));
}

}  // namespace

// 1: Gloo, 2: NCCL, 3: both.
ATHANOR_API int athanor_torch_group_available() {
  int backends = 0;
#ifdef ATHANOR_GLOO
  backends |= 1;
#endif
#ifdef ATHANOR_NCCL
  backends |= 2;
#endif
  return backends;
}

// Rank 0 opens the store on `host` (its port is returned, for the others to be told); all join the group and wait for each other.
ATHANOR_API int athanor_torch_group_store(const char* host, int port, int server, int size, int64_t timeout_ms, void** out, int* bound) {
  return guarded([&] {
    c10d::TCPStoreOptions options;
    options.port = static_cast<std::uint16_t>(port);
    options.isServer = server != 0;
    options.numWorkers = size;
    options.waitWorkers = false;
    options.timeout = std::chrono::milliseconds(timeout_ms);
    auto store = c10::make_intrusive<c10d::TCPStore>(host, options);
    *bound = store->getPort();
    *out = new Group{store, {}, options.timeout};
  });
}

// `address` is this member's own, on which the others reach it; on a CUDA device the members meet over NCCL, and otherwise over Gloo.
ATHANOR_API int athanor_torch_group_join(void* handle, const char* address, int rank, int size, const char* device) {
  return guarded([&] {
    auto& group = *static_cast<Group*>(handle);
    group.device = at::Device(device);
    group.rank = rank;
    if (group.device.is_cpu()) {
#ifdef ATHANOR_GLOO
      auto options = c10d::ProcessGroupGloo::Options::create(group.timeout);
      options->devices = {c10d::ProcessGroupGloo::createDeviceForHostname(address)};
      options->threads = 2;
      group.backend = c10::make_intrusive<c10d::ProcessGroupGloo>(group.store, rank, size, options);
#else
      throw std::invalid_argument(std::string("this library was built without Gloo, by which ") + address + " would join");
#endif
      return;
    }
#ifdef ATHANOR_NCCL
    // A wait then ends with the group's time-out, as Gloo's does, where it would else leave the process to a watchdog.
    setenv("TORCH_NCCL_BLOCKING_WAIT", "1", 0);
    setenv("NCCL_BLOCKING_WAIT", "1", 0);
    auto options = c10d::ProcessGroupNCCL::Options::create();
    options->timeout = group.timeout;
    group.backend = c10::make_intrusive<c10d::ProcessGroupNCCL>(group.store, rank, size, options);
#else
    throw std::invalid_argument(std::string("this library was built without NCCL: on ") + device + " no group can be formed; device = cpu would be right");
#endif
  });
}

ATHANOR_API void athanor_torch_group_free(void* handle) { delete static_cast<Group*>(handle); }

// Sends to one member and receives from another at the same time; either count may be 0.
ATHANOR_API int athanor_torch_group_exchange(
    void* handle, void* send, int64_t send_count, int to, void* receive, int64_t receive_count, int from, int type, int tag) {
  return guarded([&] {
    auto& group = *static_cast<Group*>(handle);
    std::vector<at::Tensor> out, in;
    Work sent, received;
    const auto put = [&] {
      if (send_count == 0) return;
      out = {view(send, send_count, type).to(group.device)};
      sent = group.backend->send(out, to, tag);
    };
    const auto take = [&] {
      if (receive_count == 0) return;
      in = {group.device.is_cpu() ? view(receive, receive_count, type)
                                  : at::empty({receive_count}, at::TensorOptions().dtype(element(type)).device(group.device))};
      received = group.backend->recv(in, from, tag);
    };
    // Two members of NCCL share one queue, in which the one's sending must stand beside the other's receiving.
    if (to == from && group.rank > to) {
      take();
      put();
    } else {
      put();
      take();
    }
    if (received) received->wait(group.timeout);
    if (sent) sent->wait(group.timeout);
    if (receive_count > 0 && !group.device.is_cpu()) view(receive, receive_count, type).copy_(in[0]);
  });
}

ATHANOR_API int athanor_torch_group_all_reduce(void* handle, void* data, int64_t count, int type) {
  return guarded([&] {
    auto& group = *static_cast<Group*>(handle);
    auto own = view(data, count, type);
    std::vector<at::Tensor> tensors = {own.to(group.device)};
    group.backend->allreduce(tensors)->wait(group.timeout);
    if (!group.device.is_cpu()) own.copy_(tensors[0]);
  });
}

#else

namespace {

int missing() {
  athanor::set_error("this libtorch was built into the library without Gloo: install libgloo-dev and build again");
  return 1;
}

}  // namespace

ATHANOR_API int athanor_torch_group_available() { return 0; }
ATHANOR_API int athanor_torch_group_store(const char*, int, int, int, int64_t, void**, int*) { return missing(); }
ATHANOR_API int athanor_torch_group_join(void*, const char*, int, int, const char*) { return missing(); }
ATHANOR_API void athanor_torch_group_free(void*) {}
ATHANOR_API int athanor_torch_group_exchange(void*, void*, int64_t, int, void*, int64_t, int, int, int) { return missing(); }
ATHANOR_API int athanor_torch_group_all_reduce(void*, void*, int64_t, int) { return missing(); }

#endif
