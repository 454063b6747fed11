// Process groups of c10d over the caller's own memory: point to point, and the library's all-reduce, whose order of sums is its own.
#include "shim.h"

#ifdef ATHANOR_GLOO
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <chrono>

using athanor::guarded;

namespace {

struct Group {
  c10::intrusive_ptr<c10d::Store> store;
  c10::intrusive_ptr<c10d::ProcessGroupGloo> gloo;
  std::chrono::milliseconds timeout;
};

at::ScalarType element(int type) {
  if (type == 0) return at::kFloat;
  if (type == 1) return at::kDouble;
  throw std::invalid_argument("only float32 and float64 are exchanged");
}

std::vector<at::Tensor> view(void* data, int64_t count, int type) {
  return {at::from_blob(data, {count}, at::TensorOptions().dtype(element(type)))};
}

}  // namespace

ATHANOR_API int athanor_torch_group_available() { return 1; }

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

// `address` is this member's own, on which the others reach it.
ATHANOR_API int athanor_torch_group_join(void* handle, const char* address, int rank, int size) {
  return guarded([&] {
    auto& group = *static_cast<Group*>(handle);
    auto options = c10d::ProcessGroupGloo::Options::create(group.timeout);
    options->devices = {c10d::ProcessGroupGloo::createDeviceForHostname(address)};
    options->threads = 2;
    group.gloo = c10::make_intrusive<c10d::ProcessGroupGloo>(group.store, rank, size, options);
  });
}

ATHANOR_API void athanor_torch_group_free(void* handle) { delete static_cast<Group*>(handle); }

// Sends to one member and receives from another at the same time; either count may be 0.
ATHANOR_API int athanor_torch_group_exchange(
    void* handle, void* send, int64_t send_count, int to, void* receive, int64_t receive_count, int from, int type, int tag) {
  return guarded([&] {
    auto& group = *static_cast<Group*>(handle);
    auto out = view(send, send_count, type);
    auto in = view(receive, receive_count, type);
    decltype(group.gloo->send(out, to, tag)) sent, received;
    if (send_count > 0) sent = group.gloo->send(out, to, tag);
    if (receive_count > 0) received = group.gloo->recv(in, from, tag);
    if (received) received->wait(group.timeout);
    if (sent) sent->wait(group.timeout);
  });
}

ATHANOR_API int athanor_torch_group_all_reduce(void* handle, void* data, int64_t count, int type) {
  return guarded([&] {
    auto& group = *static_cast<Group*>(handle);
    auto tensors = view(data, count, type);
    group.gloo->allreduce(tensors)->wait(group.timeout);
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
ATHANOR_API int athanor_torch_group_join(void*, const char*, int, int) { return missing(); }
ATHANOR_API void athanor_torch_group_free(void*) {}
ATHANOR_API int athanor_torch_group_exchange(void*, void*, int64_t, int, void*, int64_t, int, int, int) { return missing(); }
ATHANOR_API int athanor_torch_group_all_reduce(void*, void*, int64_t, int) { return missing(); }

#endif
