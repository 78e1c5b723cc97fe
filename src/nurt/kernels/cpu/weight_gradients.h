// dL/dW_ih = sum_t da_t^T x_t, dL/dW_hh = sum_t da_t^T h_{t-1}, dL/db = sum_t da_t, over all (step, rank) pairs.
//
// The work is split over columns of da, that is over rows of W, never over the sum: every element is one sum in one
// order whatever the number of threads. The vectors lie along da, so that neither operand needs transposing; only the
// small result does.
#pragma once

#include "time_loop.h"

namespace nurt::NURT_ISA {

template <class Cell, class S> class WeightGradients {
 public:
  WeightGradients(const Plan& plan, const Backward& call)
      : plan_(plan),
        panels_(Cell::gates * plan.hidden),
        input_{call.grad_weight_ih, call.grad_bias_ih, plan.inputs, 0},
        hidden_{call.grad_weight_hh, call.grad_bias_hh, plan.hidden, Cell::recurrent_first} {}

  std::size_t scratch_size() const {
    return room<S>(sums_size(input_)) + room<S>(sums_size(hidden_));
  }

  void run(Scratch& scratch, const S* grad_gates, const S* const* input_rows, const S* const* previous_rows) const {
    S* input_sums = take<S>(scratch, sums_size(input_));
    S* hidden_sums = take<S>(scratch, sums_size(hidden_));
    const std::size_t hidden_tasks = hidden_.wanted() ? panels_.count : 0;
    const std::size_t input_tasks = input_.wanted() ? panels_.count : 0;
    parallel_for(hidden_tasks + input_tasks, plan_.threads, [&](std::size_t task) {
      if (task < hidden_tasks) {
        one_panel(hidden_, task, hidden_sums, grad_gates, previous_rows);
      } else {
        one_panel(input_, task - hidden_tasks, input_sums, grad_gates, input_rows);
      }
    });
  }

 private:
  struct Product {
    void *weight, *bias;      // (gates * H, rows), (gates * H); optional
    std::size_t rows;         // I or H
    std::size_t first_block;  // block of da where its columns begin
    bool wanted() const { return weight != nullptr || bias != nullptr; }
  };

  std::size_t sums_size(const Product& product) const {
    return product.weight == nullptr ? 0 : product.rows * panels_.vectors * kLanes<S>;
  }

  // Pairs per pass: a slice of da of this depth and one panel's width stays in the first-level cache.
  static constexpr std::size_t kDepth = 128;

  void one_panel(const Product& product, std::size_t p, S* all_sums, const S* grad_gates,
                 const S* const* operand) const {
    const auto pairs = static_cast<std::size_t>(plan_.first[plan_.steps]);
    const std::size_t width = panels_.width(p), used = panels_.used(p), column = panels_.first_column(p);
    const std::size_t stride = width * kLanes<S>, row = Cell::row_blocks * plan_.hidden;
    S* sums = product.weight == nullptr ? nullptr : all_sums + product.rows * column;
    if (sums != nullptr) clear(sums, product.rows * stride);
    alignas(64) S slice[kDepth * kPanelVectors * kLanes<S>];
    alignas(64) S bias[kPanelVectors * kLanes<S>] = {};
    const S* from = grad_gates + product.first_block * plan_.hidden + column;
    for (std::size_t begin = 0; begin < pairs; begin += kDepth) {
      const std::size_t depth = smaller(kDepth, pairs - begin);
      for (std::size_t w = 0; w < width; ++w) {
        gather(slice + w * kLanes<S>, stride, from + begin * row + w * kLanes<S>, row, depth,
               smaller(kLanes<S>, used - w * kLanes<S>), bias + w * kLanes<S>);
      }
      if (sums == nullptr) continue;
      switch (width) {
        case 1: accumulate_outer<S, 1>(operand + begin, product.rows, slice, depth, sums); break;
        case 2: accumulate_outer<S, 2>(operand + begin, product.rows, slice, depth, sums); break;
        default: accumulate_outer<S, 3>(operand + begin, product.rows, slice, depth, sums); break;
      }
    }
    scatter(product, column, used, stride, sums, bias);
  }

  // Copies one vector column of da into the slice and adds it up on the way.
  static void gather(S* to, std::size_t to_stride, const S* from, std::size_t from_stride, std::size_t depth,
                     std::size_t used, S* total) {
    Vector<S> sum = load(total);
    const First<S> part{used};
    for (std::size_t k = 0; k < depth; ++k) {
      const auto v = used == kLanes<S> ? load(from + k * from_stride) : part.read(from + k * from_stride);
      store(to + k * to_stride, v);
      sum += v;
    }
    store(total, sum);
  }

  void scatter(const Product& product, std::size_t column, std::size_t used, std::size_t stride, const S* sums,
               const S* bias) const {
    const std::size_t H = plan_.hidden;
    for (std::size_t n = 0; n < used; ++n) {
      const std::size_t block = (column + n) / H;
      // The row's blocks may be in another order than the blocks of W_ih.
      const std::size_t to = (product.first_block == 0 ? Cell::input_block(block) : block) * H + (column + n) % H;
      if (product.bias != nullptr) static_cast<S*>(product.bias)[to] = bias[n];
      if (sums == nullptr) continue;
      S* weight = static_cast<S*>(product.weight) + to * product.rows;
      for (std::size_t j = 0; j < product.rows; ++j) weight[j] = sums[j * stride + n];
    }
  }

  const Plan& plan_;
  Panels<S> panels_;
  Product input_, hidden_;
};

}  // namespace nurt::NURT_ISA
