// Adam as libtorch has it.
#include "shim.h"

#include <torch/optim/adam.h>

using athanor::guarded;

ATHANOR_API int athanor_torch_adam_new(
    void** parameters, int count, double learning_rate, double beta1, double beta2, double epsilon, double weight_decay, void** out) {
  return guarded([&] {
    std::vector<at::Tensor> tensors;
    for (int i = 0; i < count; i++) tensors.push_back(athanor::get(parameters[i]));
    auto options = torch::optim::AdamOptions(learning_rate).betas({beta1, beta2}).eps(epsilon).weight_decay(weight_decay);
    *out = new torch::optim::Adam(std::move(tensors), options);
  });
}

ATHANOR_API void athanor_torch_adam_free(void* adam) { delete static_cast<torch::optim::Adam*>(adam); }

ATHANOR_API int athanor_torch_adam_step(void* adam) {
  return guarded([&] { static_cast<torch::optim::Adam*>(adam)->step(); });
}

ATHANOR_API int athanor_torch_adam_zero_grad(void* adam) {
  return guarded([&] { static_cast<torch::optim::Adam*>(adam)->zero_grad(); });
}

ATHANOR_API int athanor_torch_adam_set_learning_rate(void* adam, double learning_rate) {
  return guarded([&] {
    for (auto& group : static_cast<torch::optim::Adam*>(adam)->param_groups())
      static_cast<torch::optim::AdamOptions&>(group.options()).lr(learning_rate);
  });
}
