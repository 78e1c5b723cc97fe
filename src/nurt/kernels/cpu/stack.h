// A stack of layers and directions: what a whole call works on, and the walk from layer to layer.
//
// Python fills these structures by name (bindings.cpp). What an option needs beyond them is a member here, a line in
// bindings.cpp and a line where stack.cpp passes it to the time loop. A cell needs none: what it learns and its
// constants are lists.
//
// Tensors other than `inputs` and `grad_outputs` are laid out step after step, (T, B, columns), or packed.
#pragma once

#include <vector>

#include "extents.h"
#include "problem.h"

namespace nurt {

// One direction of one layer; what is absent is null.
struct Side {
  const void *weight_ih = nullptr, *weight_hh = nullptr;                    // (G*H, I or D*P), (G*H, P)
  const void *bias_ih = nullptr, *bias_hh = nullptr;                        // (G*H), optional
  Learned<const void> learned{};                                            // as in problem.h
  const void* hidden_mask = nullptr;                                        // (B, P), optional
  Rows keep_hidden{}, keep_cell{};                                          // (B, T, P) and (B, T, H), optional
  void *gates = nullptr, *cells = nullptr;                                  // columns S*H and H, kept for the backward pass
  void *made = nullptr, *made_cells = nullptr, *normals = nullptr;          // as in Forward of problem.h
  void *grad_weight_ih = nullptr, *grad_weight_hh = nullptr;                // optional
  void *grad_bias_ih = nullptr, *grad_bias_hh = nullptr;                    // optional
  Learned<void> grad_learned{};                                             // each optional
  void *total_grad_hidden = nullptr, *total_grad_cell = nullptr;            // columns P and H, optional
};

struct Layer {
  void* outputs = nullptr;             // columns D*P, directions side by side
  const std::uint8_t* mask = nullptr;  // of the layer's inputs, as these are laid out: which dropout keeps; optional
  void* grad_outputs = nullptr;        // columns D*H, what the layer above sends down; optional, not of the highest
  Side sides[2];
};

struct Stack {
  std::size_t cell;  // place in Engine::cells
  Scalar scalar;
  int threads;
  bool packed;
  std::size_t batch, time, features, hidden;  // features: I of the lowest layer; of packed data time is their rows
  std::size_t outputs;                        // P
  std::vector<std::uint8_t> reverse;          // per direction
  std::vector<Layer> layers;
  const std::int64_t* lengths = nullptr;  // (B), optional
  double scale = 1.0;                     // of what dropout keeps
  bool clear_past_end = false;
  double gradient_clip = 0.0;             // 0: none
  std::vector<double> constants;          // of the cell

  Extents memory;                         // all of what follows and of the layers lies in it

  Rows inputs{};                                                      // (B, T, I)
  const void *initial_hidden = nullptr, *initial_cell = nullptr;      // (L*D, B, P), (L*D, B, H), optional
  void *final_hidden = nullptr, *final_cell = nullptr;                // (L*D, B, P), (L*D, B, H)
  Rows grad_outputs{};                                                // (B, T, D*P), optional
  const void *grad_final_hidden = nullptr, *grad_final_cell = nullptr;
  void* grad_inputs = nullptr;                                        // columns I, optional
  void *grad_initial_hidden = nullptr, *grad_initial_cell = nullptr;  // optional
};

void run_forward(const Engine& engine, const Stack& stack);
void run_backward(const Engine& engine, const Stack& stack);

}  // namespace nurt
