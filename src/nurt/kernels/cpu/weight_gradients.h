// dL/dW_ih = sum_t da_t^T x_t, dL/dW_hh = sum_t da_t^T h_{t-1}, dL/db = sum_t da_t, over all (step, rank) pairs.
//
// The work is split over columns of da, that is over rows of W, never over the sum: every element is one sum in one
// order whatever the number of threads. The vectors lie along da, so that neither operand needs transposing; only the
// small result does.
#pragma once

#include "time_loop.h"

namespace nurt::NURT_ISA {

// One of the two products: rows of W belong to the columns of da from block `first_block` on.
template <class S> struct WeightProduct {
  S *weight, *bias;         // (gates * H, rows), (gates * H); optional
  const S* const* operand;  // (pairs) rows x_t or h_{t-1}
  std::size_t rows;         // I or H
  std::size_t first_block;
  bool rotated;  // the row's blocks may stand in another order than those of W_ih
  S* sums;       // scratch: the product transposed, panel after panel

  bool wanted() const { return weight != nullptr || bias != nullptr; }
};

template <class Cell, class S> class WeightGradients {
 public:
  WeightGradients(const Plan& plan, const Backward& call)
      : plan_(plan),
        panels_(Cell::gates * plan.hidden),
        products_{{static_cast<S*>(call.grad_weight_ih), static_cast<S*>(call.grad_bias_ih), nullptr, plan.inputs, 0,
                   true, nullptr},
                  {static_cast<S*>(call.grad_weight_hh), static_cast<S*>(call.grad_bias_hh), nullptr, plan.hidden,
                   Cell::recurrent_first, false, nullptr}} {}

  std::size_t scratch_size() const { return room<S>(sums_size(products_[0])) + room<S>(sums_size(products_[1])); }

  void run(Scratch& scratch, const S* grad_gates, const S* const* input_rows, const S* const* previous_rows) {
    products_[0].operand = input_rows;
    products_[1].operand = previous_rows;
    for (auto& product : products_) product.sums = take<S>(scratch, sums_size(product));
    const auto threads = static_cast<std::size_t>(plan_.threads);
    // Panels that one task walks through together share the packed x and h; too few tasks would leave threads idle.
    const std::size_t group = larger(1, smaller(kGroup, panels_.count / (2 * threads)));
    const std::size_t groups = (panels_.count + group - 1) / group;
    // Where both products read the same columns of da, one task serves both, unless that leaves tasks too few to
    // share evenly.
    const bool together = Cell::recurrent_first == 0 && (threads == 1 || groups > 2 * threads);
    if (together) {
      return parallel_for(groups, plan_.threads, [&](std::size_t task) {
        some_panels(products_, 2, task * group, smaller((task + 1) * group, panels_.count), grad_gates);
      });
    }
    parallel_for(2 * groups, plan_.threads, [&](std::size_t task) {
      const std::size_t first = task % groups * group;
      some_panels(products_ + task / groups, 1, first, smaller(first + group, panels_.count), grad_gates);
    });
  }

 private:
  using Product = WeightProduct<S>;

  // Pairs per pass: a slice of da of this depth and one panel's width stays in the first-level cache.
  static constexpr std::size_t kDepth = 128;
  static constexpr std::size_t kGroup = 4;         // panels at most that share a packed operand
  static constexpr std::size_t kOperandRows = 64;  // columns of x or h packed at a time
  static constexpr std::size_t kRowsAhead = 16;    // rows of da asked for before they are needed
  static constexpr std::size_t kPanelColumns = kPanelVectors * kLanes<S>;

  std::size_t sums_size(const Product& product) const {
    return product.weight == nullptr ? 0 : product.rows * panels_.vectors * kLanes<S>;
  }
  S* sums(const Product& product, std::size_t p) const { return product.sums + product.rows * panels_.first_column(p); }

  void some_panels(const Product* products, std::size_t count, std::size_t first, std::size_t last,
                   const S* grad_gates) const {
    bool wanted = false;
    for (std::size_t i = 0; i < count; ++i) wanted = wanted || products[i].wanted();
    if (!wanted) return;
    alignas(64) S slices[kGroup][kDepth * kPanelColumns];
    alignas(64) S bias[kGroup][kPanelColumns] = {};
    alignas(64) S packed[kDepth * kOperandRows];
    for (std::size_t i = 0; i < count; ++i) {
      if (products[i].weight == nullptr) continue;
      for (std::size_t p = first; p < last; ++p) {
        clear(sums(products[i], p), products[i].rows * panels_.width(p) * kLanes<S>);
      }
    }
    const auto pairs = static_cast<std::size_t>(plan_.first[plan_.steps]);
    const std::size_t row = Cell::row_blocks * plan_.hidden;
    const S* from = grad_gates + products->first_block * plan_.hidden;
    for (std::size_t begin = 0; begin < pairs; begin += kDepth) {
      const std::size_t depth = smaller(kDepth, pairs - begin);
      for (std::size_t p = first; p < last; ++p) {
        const S* columns = from + begin * row + panels_.first_column(p);
        const std::size_t tail = panels_.used(p) - (panels_.width(p) - 1) * kLanes<S>;
        switch (panels_.width(p)) {
          case 1: gather<1>(columns, row, depth, tail, slices[p - first], bias[p - first]); break;
          case 2: gather<2>(columns, row, depth, tail, slices[p - first], bias[p - first]); break;
          default: gather<3>(columns, row, depth, tail, slices[p - first], bias[p - first]); break;
        }
      }
      for (std::size_t i = 0; i < count; ++i) {
        if (products[i].weight != nullptr) add_terms(products[i], begin, depth, first, last, slices, packed);
      }
    }
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t p = first; p < last; ++p) scatter(products[i], p, bias[p - first]);
    }
  }

  void add_terms(const Product& product, std::size_t begin, std::size_t depth, std::size_t first, std::size_t last,
                 const S (*slices)[kDepth * kPanelColumns], S* packed) const {
    for (std::size_t j = 0; j < product.rows; j += kOperandRows) {
      const std::size_t rows = smaller(kOperandRows, product.rows - j);
      pack_row_blocks(packed, product.operand + begin, depth, j, rows);
      for (std::size_t p = first; p < last; ++p) {
        const S* slice = slices[p - first];
        S* to = sums(product, p) + j * panels_.width(p) * kLanes<S>;
        switch (panels_.width(p)) {
          case 1: accumulate_outer<S, 1>(packed, rows, slice, depth, to); break;
          case 2: accumulate_outer<S, 2>(packed, rows, slice, depth, to); break;
          default: accumulate_outer<S, 3>(packed, rows, slice, depth, to); break;
        }
      }
    }
  }

  // Copies W vectors of each row of da into a slice and adds them to the bias's gradient on the way.
  template <std::size_t W>
  static void gather(const S* from, std::size_t row, std::size_t depth, std::size_t tail, S* slice, S* total) {
    const First<S> last{tail};
    Vector<S> sum[W];
    for (std::size_t w = 0; w < W; ++w) sum[w] = load(total + w * kLanes<S>);
    for (std::size_t k = 0; k < depth; ++k, from += row, slice += W * kLanes<S>) {
      for (std::size_t w = 0; w < W; ++w) {
        fetch_soon(from + kRowsAhead * row + w * kLanes<S>);
        const auto v = w + 1 < W ? load(from + w * kLanes<S>) : last.read(from + w * kLanes<S>);
        store(slice + w * kLanes<S>, v);
        sum[w] += v;
      }
    }
    for (std::size_t w = 0; w < W; ++w) store(total + w * kLanes<S>, sum[w]);
  }

  void scatter(const Product& product, std::size_t p, const S* bias) const {
    const std::size_t H = plan_.hidden, stride = panels_.width(p) * kLanes<S>;
    for (std::size_t n = 0; n < panels_.used(p); ++n) {
      const std::size_t column = panels_.first_column(p) + n, block = column / H;
      const std::size_t to = (product.rotated ? Cell::input_block(block) : block) * H + column % H;
      if (product.bias != nullptr) product.bias[to] = bias[n];
      if (product.weight == nullptr) continue;
      S* weight = product.weight + to * product.rows;
      const S* from = sums(product, p) + n;
      for (std::size_t j = 0; j < product.rows; ++j) weight[j] = from[j * stride];
    }
  }

  const Plan& plan_;
  Panels<S> panels_;
  Product products_[2];
};

}  // namespace nurt::NURT_ISA
