// dL/dW_ih = sum_t da_t^T x_t, dL/dW_hh = sum_t da_t^T h_{t-1}, dL/db = sum_t da_t, over all (step, rank) pairs.
//
// The work is split over columns of da, that is over rows of W, never over the sum: every element is one sum in one
// order whatever the number of threads. The vectors lie along da, so that neither operand needs transposing; only the
// small result does.
#pragma once

#include "borders.h"
#include "pairs.h"

namespace nurt::NURT_ISA {

// One of the products: rows of W belong to the columns of `grad`.
template <class S> struct WeightProduct {
  S *weight, *bias;         // (columns, rows), (columns); optional
  std::size_t rows;         // I, P or H
  Panels<S> panels;         // of the columns of `grad`
  bool rotated;             // the columns' blocks may stand in another order than those of W_ih
  const S* grad;            // (pairs), `stride` apart
  std::size_t stride;
  const S* const* operand;  // (pairs) rows that W met
  S* sums;                  // scratch: the product transposed, panel after panel

  bool wanted() const { return weight != nullptr || bias != nullptr; }
};

template <class Cell, class S> class WeightGradients {
 public:
  WeightGradients(const Plan& plan, const Backward& call)
      : plan_(plan),
        products_{product(call.grad_weight_ih, call.grad_bias_ih, plan.inputs, Cell::gates * plan.hidden, true),
                  product(call.grad_weight_hh, call.grad_bias_hh, plan.outputs, Cell::recurrent_blocks * plan.hidden,
                          false),
                  further(plan, call)} {}

  std::size_t scratch_size() const {
    std::size_t size = 0;
    for (const Product& product : products_) size += room<S>(sums_size(product));
    return size;
  }

  void run(Scratch& scratch, const Pairs<Cell, S>& pairs) {
    for (auto& product : products_) product.sums = take<S>(scratch, sums_size(product));
    connect(pairs);
    const auto threads = static_cast<std::size_t>(plan_.threads);
    // Panels that one task walks through together share the packed x and h; too few tasks would leave threads idle.
    const std::size_t count = products_[0].panels.count;
    const std::size_t group = larger(1, smaller(kGroup, count / (2 * threads)));
    const std::size_t groups = (count + group - 1) / group;
    // Where both products read the same columns of da, one task serves both, unless that leaves tasks too few to
    // share evenly.
    const bool together = products_[0].grad == products_[1].grad &&
                          products_[0].panels.columns == products_[1].panels.columns &&
                          (threads == 1 || groups > 2 * threads);
    const std::size_t first_tasks = (together ? 1 : 2) * groups;
    parallel_for(first_tasks + (Cell::projected || Cell::second_product ? groups_of(2, group) : 0), plan_.threads,
                 [&](std::size_t task) {
                   const std::size_t which = task < first_tasks ? task / groups : 2;
                   const std::size_t first = (task < first_tasks ? task % groups : task - first_tasks) * group;
                   const std::size_t last = smaller(first + group, products_[which].panels.count);
                   if (first < last) some_panels(products_ + which, together && which == 0 ? 2 : 1, first, last);
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

  static Product product(void* weight, void* bias, std::size_t rows, std::size_t columns, bool rotated) {
    return {static_cast<S*>(weight), static_cast<S*>(bias), rows, Panels<S>(columns), rotated, nullptr, 0, nullptr,
            nullptr};
  }
  // Of the second product, whose weights are the last rows of W_hh, or of W_hr.
  static Product further(const Plan& plan, const Backward& call) {
    const std::size_t H = plan.hidden, before = Cell::recurrent_blocks * H;
    if (Cell::projected) return product(call.grad_learned.of[kProjection], nullptr, H, plan.outputs, false);
    if (!Cell::second_product) return product(nullptr, nullptr, 0, 0, false);
    return product(offset(static_cast<S*>(call.grad_weight_hh), before * H),
                   offset(static_cast<S*>(call.grad_bias_hh), before), H, H, false);
  }

  void connect(const Pairs<Cell, S>& pairs) {
    const std::size_t H = plan_.hidden;
    for (Product& product : products_) {
      product.grad = pairs.grad_gates;
      product.stride = Cell::row_blocks * H;
    }
    products_[0].operand = pairs.inputs;
    products_[1].grad += Cell::recurrent_first * H;
    products_[1].operand = pairs.seen;
    products_[2].grad += Cell::recurrent_blocks * H;
    products_[2].operand = pairs.further;
    if constexpr (Cell::projected) {
      products_[2].grad = pairs.grad_outputs;
      products_[2].stride = plan_.outputs;
    }
    if constexpr (Cell::normalised) {
      for (std::size_t which = 0; which < 2; ++which) {
        products_[which].grad = pairs.grad_products + which * Cell::gates * H;
        products_[which].stride = 2 * Cell::gates * H;
        // Biases stand outside the norms; normalised_backward.h has them.
        products_[which].bias = nullptr;
      }
    }
  }

  std::size_t groups_of(std::size_t which, std::size_t group) const {
    return (products_[which].panels.count + group - 1) / group;
  }
  std::size_t sums_size(const Product& product) const {
    return product.weight == nullptr ? 0 : product.rows * product.panels.vectors * kLanes<S>;
  }
  S* sums(const Product& product, std::size_t p) const {
    return product.sums + product.rows * product.panels.first_column(p);
  }

  // Of products that share their gradients.
  void some_panels(const Product* products, std::size_t count, std::size_t first, std::size_t last) const {
    const Panels<S>& panels = products->panels;
    bool wanted = false;
    for (std::size_t i = 0; i < count; ++i) wanted = wanted || products[i].wanted();
    if (!wanted) return;
    alignas(64) S slices[kGroup][kDepth * kPanelColumns];
    alignas(64) S bias[kGroup][kPanelColumns] = {};
    alignas(64) S packed[kDepth * kOperandRows];
    for (std::size_t i = 0; i < count; ++i) {
      if (products[i].weight == nullptr) continue;
      for (std::size_t p = first; p < last; ++p) {
        clear(sums(products[i], p), products[i].rows * panels.width(p) * kLanes<S>);
      }
    }
    const auto pairs = static_cast<std::size_t>(plan_.first[plan_.steps]);
    const std::size_t row = products->stride;
    const S* from = products->grad;
    Borders borders(2.0 * static_cast<double>(count * (last - first) * kDepth * kPanelColumns) *
                    static_cast<double>(products->rows));
    for (std::size_t begin = 0; begin < pairs && !borders.leave(); begin += kDepth) {
      const std::size_t depth = smaller(kDepth, pairs - begin);
      for (std::size_t p = first; p < last; ++p) {
        const S* columns = from + begin * row + panels.first_column(p);
        const std::size_t tail = panels.used(p) - (panels.width(p) - 1) * kLanes<S>;
        switch (panels.width(p)) {
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
        S* to = sums(product, p) + j * product.panels.width(p) * kLanes<S>;
        switch (product.panels.width(p)) {
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
    const std::size_t H = plan_.hidden, stride = product.panels.width(p) * kLanes<S>;
    for (std::size_t n = 0; n < product.panels.used(p); ++n) {
      const std::size_t column = product.panels.first_column(p) + n, block = column / H;
      const std::size_t to = (product.rotated ? Cell::input_block(block) : block) * H + column % H;
      if (product.bias != nullptr) product.bias[to] = bias[n];
      if (product.weight == nullptr) continue;
      S* weight = product.weight + to * product.rows;
      const S* from = sums(product, p) + n;
      for (std::size_t j = 0; j < product.rows; ++j) weight[j] = from[j * stride];
    }
  }

  const Plan& plan_;
  Product products_[3];
};

}  // namespace nurt::NURT_ISA
