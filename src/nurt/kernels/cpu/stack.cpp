#include "stack.h"

#include <type_traits>

#include "plan.h"
#include "runtime.h"

namespace nurt {
namespace {

// What both walks do: rows of a layer, pieces of states, dropout.
class Walker {
 public:
  Walker(const Engine& engine, const Stack& stack)
      : engine_(engine),
        stack_(stack),
        planner_(stack.batch, stack.time, stack.features, stack.hidden, stack.outputs, stack.lengths, false, stack.packed,
                 stack.threads) {}

 protected:
  std::size_t directions() const { return stack_.reverse.size(); }
  std::size_t rows() const { return stack_.packed ? stack_.time : stack_.batch * stack_.time; }
  std::size_t width() const { return directions() * stack_.outputs; }
  std::size_t features(std::size_t layer) const { return layer == 0 ? stack_.features : width(); }
  const CellCode& cell() const { return engine_.cells[stack_.cell]; }
  int scalar() const { return static_cast<int>(stack_.scalar); }
  std::size_t bytes(std::size_t count) const { return count * (stack_.scalar == Scalar::float32 ? 4 : 8); }
  bool any_mask() const {
    for (const Layer& layer : stack_.layers) {
      if (layer.mask != nullptr) return true;
    }
    return false;
  }

  // Several passes share one team, so that its workers are gathered once; a pass alone gathers what it needs.
  int team_size() const {
    if (stack_.layers.size() * directions() == 1) return 1;
    const auto gates = static_cast<double>(cell().facts.gates);
    const double flops = 2.0 * gates * static_cast<double>(planner_.plan().first[planner_.plan().steps]) *
                         static_cast<double>(stack_.hidden * (features(stack_.layers.size() - 1) + stack_.outputs));
    return flops < kLeastFlops ? 1 : stack_.threads;
  }

  Plan plan(std::size_t layer, std::size_t direction) const {
    Plan plan = planner_.plan();
    plan.inputs = features(layer);
    plan.reverse = stack_.reverse[direction] != 0;
    return plan;
  }

  template <class T> T* moved(T* data, std::size_t count) const {
    using Byte = std::conditional_t<std::is_const_v<T>, const char, char>;
    return data == nullptr ? nullptr : static_cast<Byte*>(data) + bytes(count);
  }
  // `columns` numbers per row, from column `first` of rows as wide as `all`.
  Rows step_after_step(void* data, std::size_t all, std::size_t first = 0) const {
    const auto step = static_cast<std::ptrdiff_t>(all);
    return {moved(data, first), step, stack_.packed ? 0 : step * static_cast<std::ptrdiff_t>(stack_.batch)};
  }
  // The part of one direction of one layer in a (L*D, B, P) hidden or (L*D, B, H) cell state.
  template <class T> T* hidden_state(T* states, std::size_t layer, std::size_t direction) const {
    return moved(states, (layer * directions() + direction) * stack_.batch * stack_.outputs);
  }
  template <class T> T* cell_state(T* states, std::size_t layer, std::size_t direction) const {
    return moved(states, (layer * directions() + direction) * stack_.batch * stack_.hidden);
  }
  // What the forward pass keeps of one direction of one layer, and what both passes read alike.
  template <class Pass> void share(Pass& pass, std::size_t layer, std::size_t direction, const Rows& from) const {
    const Side& side = stack_.layers[layer].sides[direction];
    pass.inputs = from;
    pass.outputs = step_after_step(stack_.layers[layer].outputs, width(), direction * stack_.outputs);
    pass.gates = step_after_step(side.gates, cell().facts.kept.count * stack_.hidden);
    pass.cells = step_after_step(side.cells, stack_.hidden);
    pass.made = step_after_step(side.made, stack_.hidden);
    pass.made_cells = step_after_step(side.made_cells, stack_.hidden);
    pass.normals = step_after_step(side.normals, normal_columns(stack_.hidden));
    pass.weight_ih = side.weight_ih;
    pass.weight_hh = side.weight_hh;
    pass.learned = side.learned;
    pass.constants = stack_.constants.data();
    pass.carry = {side.hidden_mask, side.keep_hidden, side.keep_cell, stack_.gradient_clip};
    pass.initial_hidden = hidden_state(stack_.initial_hidden, layer, direction);
    pass.initial_cell = cell_state(stack_.initial_cell, layer, direction);
  }

  // to = from * mask, both (T, B, D*P).
  void drop(const void* from, const std::uint8_t* mask, void* to) const {
    constexpr std::size_t share = std::size_t{1} << 15;
    const std::size_t count = rows() * width();
    const auto part = [&](std::size_t index) {
      const std::size_t begin = index * share, size = count - begin < share ? count - begin : share;
      engine_.drop[scalar()](moved(from, begin), mask + begin, stack_.scale, moved(to, begin), size);
    };
    const int threads = count < 8 * share ? 1 : stack_.threads;
    const Team team(threads);
    parallel_for((count + share - 1) / share, threads, part);
  }

  // What the layer reads: the inputs, or what the layer below puts out, through dropout where there is any.
  Rows inputs(std::size_t layer, void* dropped) const {
    if (layer == 0) return stack_.inputs;
    void* below = stack_.layers[layer - 1].outputs;
    if (stack_.layers[layer].mask == nullptr) return step_after_step(below, width());
    drop(below, stack_.layers[layer].mask, dropped);
    return step_after_step(dropped, width());
  }

  const Engine& engine_;
  const Stack& stack_;

 private:
  Planner planner_;
};

class ForwardWalker : Walker {
 public:
  using Walker::Walker;

  void run() const {
    const Team team(team_size());
    Scratch scratch(any_mask() ? scratch_bytes(bytes(rows() * width())) : 0);
    void* dropped = any_mask() ? scratch.take(bytes(rows() * width())) : nullptr;
    for (std::size_t layer = 0; layer < stack_.layers.size(); ++layer) {
      const Rows from = inputs(layer, dropped);
      for (std::size_t direction = 0; direction < directions(); ++direction) {
        if (given_up()) return;
        run_side(layer, direction, from);
      }
    }
  }

 private:
  void run_side(std::size_t layer, std::size_t direction, const Rows& from) const {
    const Side& side = stack_.layers[layer].sides[direction];
    Forward f{};
    share(f, layer, direction, from);
    f.bias_ih = side.bias_ih;
    f.bias_hh = side.bias_hh;
    f.final_hidden = hidden_state(stack_.final_hidden, layer, direction);
    f.final_cell = cell_state(stack_.final_cell, layer, direction);
    f.clear_past_end = stack_.clear_past_end;
    cell().forward[scalar()](plan(layer, direction), f);
  }
};

class BackwardWalker : Walker {
 public:
  using Walker::Walker;

  void run() const {
    const Team team(team_size());
    const std::size_t layers = stack_.layers.size(), size = bytes(rows() * width());
    // Gradients between layers: one that is read and one that is written.
    const std::size_t between = layers > 2 ? 2 : layers - 1, pieces = between + (any_mask() ? 1 : 0);
    Scratch scratch(pieces * scratch_bytes(size));
    void* grads[2] = {};
    for (std::size_t i = 0; i < between; ++i) grads[i] = scratch.take(size);
    void* dropped = any_mask() ? scratch.take(size) : nullptr;
    Rows grad = stack_.grad_outputs;
    const std::size_t lowest = lowest_wanted();
    for (std::size_t layer = layers; layer-- > lowest;) {
      const Rows from = inputs(layer, dropped);
      void* below = layer == 0 ? stack_.grad_inputs : layer == lowest ? nullptr : grads[layer % between];
      if (layer > lowest && stack_.layers[layer - 1].grad_outputs != nullptr) below = stack_.layers[layer - 1].grad_outputs;
      for (std::size_t direction = 0; direction < directions(); ++direction) {
        if (given_up()) return;
        run_side(layer, direction, from, grad, below);
      }
      if (below == nullptr || layer == 0) continue;
      if (stack_.layers[layer].mask != nullptr) drop(below, stack_.layers[layer].mask, below);
      grad = step_after_step(below, width());
    }
  }

 private:
  // Below this layer nobody asks for a gradient.
  std::size_t lowest_wanted() const {
    if (stack_.grad_inputs != nullptr || stack_.grad_initial_hidden != nullptr || stack_.grad_initial_cell != nullptr) {
      return 0;
    }
    std::size_t lowest = 0;
    for (; lowest + 1 < stack_.layers.size(); ++lowest) {
      for (const Side& side : stack_.layers[lowest].sides) {
        bool any = false;
        for (const void* wanted : {side.grad_weight_ih, side.grad_weight_hh, side.grad_bias_ih, side.grad_bias_hh,
                                   side.total_grad_hidden, side.total_grad_cell}) {
          any = any || wanted != nullptr;
        }
        for (const void* wanted : side.grad_learned.of) any = any || wanted != nullptr;
        if (any) return lowest;
      }
    }
    return lowest;
  }

  void run_side(std::size_t layer, std::size_t direction, const Rows& from, const Rows& grad, void* below) const {
    const Side& side = stack_.layers[layer].sides[direction];
    Backward b{};
    share(b, layer, direction, from);
    b.grad_outputs = {moved(grad.data, direction * stack_.outputs), grad.batch, grad.time};
    b.grad_final_hidden = hidden_state(stack_.grad_final_hidden, layer, direction);
    b.grad_final_cell = cell_state(stack_.grad_final_cell, layer, direction);
    b.grad_inputs = step_after_step(below, features(layer));
    b.add_to_inputs = direction > 0;
    b.grad_weight_ih = side.grad_weight_ih;
    b.grad_weight_hh = side.grad_weight_hh;
    b.grad_bias_ih = side.grad_bias_ih;
    b.grad_bias_hh = side.grad_bias_hh;
    b.grad_learned = side.grad_learned;
    b.grad_initial_hidden = hidden_state(stack_.grad_initial_hidden, layer, direction);
    b.grad_initial_cell = cell_state(stack_.grad_initial_cell, layer, direction);
    b.total_grad_hidden = step_after_step(side.total_grad_hidden, stack_.outputs);
    b.total_grad_cell = step_after_step(side.total_grad_cell, stack_.hidden);
    cell().backward[scalar()](plan(layer, direction), b);
  }
};

}  // namespace

void run_forward(const Engine& engine, const Stack& stack) { ForwardWalker(engine, stack).run(); }
void run_backward(const Engine& engine, const Stack& stack) { BackwardWalker(engine, stack).run(); }

}  // namespace nurt
