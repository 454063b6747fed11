// Tensors: made from and copied to the caller's memory, arithmetic, autograd.
#include "shim.h"

using athanor::get;
using athanor::give;
using athanor::guarded;

namespace {

// The numbers are those of DType in compute/Torch.
at::ScalarType scalar_type(int type) {
  switch (type) {
    case 0: return at::kFloat;
    case 1: return at::kDouble;
    case 2: return at::kLong;
    case 3: return at::kBFloat16;
    case 4: return at::kHalf;
    default: throw std::invalid_argument("unknown element type " + std::to_string(type));
  }
}

int type_number(at::ScalarType type) {
  switch (type) {
    case at::kFloat: return 0;
    case at::kDouble: return 1;
    case at::kLong: return 2;
    case at::kBFloat16: return 3;
    case at::kHalf: return 4;
    default: throw std::invalid_argument(std::string("element type ") + at::toString(type) + " is not carried across");
  }
}

}  // namespace

ATHANOR_API int athanor_torch_from(const void* data, const int64_t* shape, int rank, int type, const char* device, void** out) {
  return guarded([&] {
    const auto options = at::TensorOptions().dtype(scalar_type(type));
    auto view = at::from_blob(const_cast<void*>(data), at::IntArrayRef(shape, rank), options);
    // The caller's memory may move or end after this call, so a copy is made even where the device is the same.
    give(out, view.clone().to(at::Device(device)));
  });
}

// Not written. Pinned memory of the host, where there is a CUDA device, is what copies to and from it run beside other work from.
ATHANOR_API int athanor_torch_empty(const int64_t* shape, int rank, int type, const char* device, int pinned, void** out) {
  return guarded([&] {
    auto options = at::TensorOptions().dtype(scalar_type(type)).device(at::Device(device));
    if (pinned != 0 && at::hasCUDA()) options = options.pinned_memory(true);
    give(out, at::empty(at::IntArrayRef(shape, rank), options));
  });
}

// Where the elements of a contiguous tensor in the host's memory are, for as long as the tensor lives.
ATHANOR_API int athanor_torch_data(void* tensor, void** data, int64_t* bytes) {
  return guarded([&] {
    const auto& a = get(tensor);
    if (!a.device().is_cpu() || !a.is_contiguous()) throw std::invalid_argument("only contiguous tensors in the host's memory can be looked into");
    *data = a.data_ptr();
    *bytes = static_cast<int64_t>(a.nbytes());
  });
}

ATHANOR_API void athanor_torch_free(void* tensor) { delete static_cast<at::Tensor*>(tensor); }

ATHANOR_API int athanor_torch_copy_out(void* tensor, void* data, int64_t bytes) {
  return guarded([&] {
    const auto host = get(tensor).detach().to(at::kCPU).contiguous();
    if (static_cast<int64_t>(host.nbytes()) != bytes) throw std::invalid_argument("the array does not have the tensor's size");
    std::memcpy(data, host.data_ptr(), host.nbytes());
  });
}

ATHANOR_API int athanor_torch_rank(void* tensor, int* rank) {
  return guarded([&] { *rank = static_cast<int>(get(tensor).dim()); });
}

ATHANOR_API int athanor_torch_shape(void* tensor, int64_t* shape) {
  return guarded([&] {
    const auto sizes = get(tensor).sizes();
    std::copy(sizes.begin(), sizes.end(), shape);
  });
}

ATHANOR_API int athanor_torch_type(void* tensor, int* type) {
  return guarded([&] { *type = type_number(get(tensor).scalar_type()); });
}

ATHANOR_API int athanor_torch_device(void* tensor, char* text, int capacity) {
  return guarded([&] {
    const auto name = get(tensor).device().str();
    if (static_cast<int>(name.size()) >= capacity) throw std::invalid_argument("the buffer for the device's name is too small");
    std::memcpy(text, name.c_str(), name.size() + 1);
  });
}

ATHANOR_API int athanor_torch_requires_grad(void* tensor) { return get(tensor).requires_grad() ? 1 : 0; }

ATHANOR_API int athanor_torch_set_requires_grad(void* tensor, int value) {
  return guarded([&] { get(tensor).set_requires_grad(value != 0); });
}

ATHANOR_API int athanor_torch_backward(void* tensor) {
  return guarded([&] { get(tensor).backward(); });
}

ATHANOR_API int athanor_torch_clear_grad(void* tensor) {
  return guarded([&] { get(tensor).mutable_grad() = at::Tensor(); });
}

// The gradient, or null while there is none.
ATHANOR_API int athanor_torch_grad(void* tensor, void** out) {
  return guarded([&] {
    const auto& gradient = get(tensor).grad();
    if (gradient.defined()) give(out, gradient);
    else *out = nullptr;
  });
}

// Puts values in place, unseen by autograd. A copy between pinned memory and a device returns before it is done.
ATHANOR_API int athanor_torch_assign(void* tensor, void* values) {
  return guarded([&] {
    at::NoGradGuard no_grad;
    get(tensor).copy_(get(values), /*non_blocking=*/true);
  });
}

ATHANOR_API int athanor_torch_uniform(void* tensor, double low, double high) {
  return guarded([&] {
    at::NoGradGuard no_grad;
    get(tensor).uniform_(low, high);
  });
}

#define ATHANOR_UNARY(name, expression)                                  \
  ATHANOR_API int athanor_torch_##name(void* tensor, void** out) {       \
    return guarded([&] {                                                 \
      const auto& a = get(tensor);                                       \
      give(out, expression);                                             \
    });                                                                  \
  }

#define ATHANOR_BINARY(name, expression)                                 \
  ATHANOR_API int athanor_torch_##name(void* left, void* right, void** out) { \
    return guarded([&] {                                                 \
      const auto& a = get(left);                                         \
      const auto& b = get(right);                                        \
      give(out, expression);                                             \
    });                                                                  \
  }

ATHANOR_UNARY(tanh, at::tanh(a))
ATHANOR_UNARY(relu, at::relu(a))
ATHANOR_UNARY(silu, at::silu(a))
ATHANOR_UNARY(softplus, at::softplus(a))
ATHANOR_UNARY(abs, at::abs(a))
ATHANOR_UNARY(mean, at::mean(a))
ATHANOR_UNARY(sum, at::sum(a))
ATHANOR_UNARY(transpose, a.t())
ATHANOR_UNARY(detach, a.detach())
ATHANOR_BINARY(add, at::add(a, b))
ATHANOR_BINARY(sub, at::sub(a, b))
ATHANOR_BINARY(mul, at::mul(a, b))
ATHANOR_BINARY(matmul, at::matmul(a, b))
ATHANOR_BINARY(bmm, at::bmm(a, b))
ATHANOR_BINARY(rows, at::index_select(a, 0, b))
// Over rows: logits [rows, classes] and the rows' classes (int64).
ATHANOR_BINARY(cross_entropy, at::cross_entropy_loss(a, b, {}, at::Reduction::Sum))
ATHANOR_BINARY(hits, at::sum(at::eq(at::argmax(a, 1), b)))

// out += a b in place of one array more: [n, rows, in] x [n, in, out] and [n, 1, out].
ATHANOR_API int athanor_torch_baddbmm(void* bias, void* left, void* right, void** out) {
  return guarded([&] { give(out, at::baddbmm(get(bias), get(left), get(right))); });
}

// Views of one after the other part of a flat tensor; the gradients of all are put together in one pass.
ATHANOR_API int athanor_torch_split(void* tensor, const int64_t* sizes, int count, void** out) {
  return guarded([&] {
    auto parts = get(tensor).split_with_sizes(at::IntArrayRef(sizes, count));
    for (int i = 0; i < count; i++) give(out + i, parts[i]);
  });
}

ATHANOR_API int athanor_torch_cast(void* tensor, int type, void** out) {
  return guarded([&] { give(out, get(tensor).to(scalar_type(type))); });
}

ATHANOR_API int athanor_torch_pow(void* tensor, double exponent, void** out) {
  return guarded([&] { give(out, at::pow(get(tensor), exponent)); });
}

ATHANOR_API int athanor_torch_scale(void* tensor, double factor, void** out) {
  return guarded([&] { give(out, at::mul(get(tensor), factor)); });
}

ATHANOR_API int athanor_torch_linear(void* input, void* weight, void* bias, void** out) {
  return guarded([&] { give(out, at::linear(get(input), get(weight), get(bias))); });
}

ATHANOR_API int athanor_torch_to(void* tensor, const char* device, void** out) {
  return guarded([&] { give(out, get(tensor).to(at::Device(device))); });
}

ATHANOR_API int athanor_torch_reshape(void* tensor, const int64_t* shape, int rank, void** out) {
  return guarded([&] { give(out, at::reshape(get(tensor), at::IntArrayRef(shape, rank))); });
}
