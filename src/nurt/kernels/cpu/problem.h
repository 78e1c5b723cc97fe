// What crosses the border between the Python binding, the planner and the vector code.
//
// Only plain structures live here: this header is compiled once per instruction set, and an inline function of the
// standard library compiled for AVX-512 must never be the copy that the linker keeps for an older processor.
#pragma once

#include <cstddef>
#include <cstdint>

namespace nurt {

// Bounds of the tables below; raise one where a cell needs more.
constexpr std::size_t kMostCells = 64, kMostBlocks = 8, kMostLearned = 8;

// A tensor that a cell learns beside W_ih, W_hh and their biases: a vector of `blocks` * H numbers, or the projection
// (P, H) where `blocks` is 0.
struct LearnedTensor {
  const char* name;
  std::size_t blocks;
  bool optional;
};
struct LearnedTensors {
  std::size_t count;
  LearnedTensor of[kMostLearned];
};
struct Names {
  std::size_t count;
  const char* of[kMostBlocks];
};

// What is known of a cell without its equations. Each cell states its facts in its own header (cells/cell.h); the
// binding shows them to Python, so they stand nowhere else.
struct CellFacts {
  const char* name;
  std::size_t gates;  // blocks of H rows in each weight matrix
  Names kept;         // blocks of H kept per row and step beside the output; none where the output says it all
  bool has_cell_state, projected, normalised;
  LearnedTensors learned;
  std::size_t constants;  // numbers of the equation that are not learned
};

// Columns kept of a row's normalisations: the normal sums of the input and of the recurrent product (4H each), 1/sigma
// of both, then the mean of the cell state and its 1/sigma.
constexpr std::size_t normal_columns(std::size_t hidden) { return 8 * hidden + 4; }

enum class Scalar : int { float32, float64 };
constexpr int kScalars = 2;

// A tensor of shape (B, T, columns) whose last axis is contiguous; strides count elements.
// `data == nullptr` means "absent". Of packed data, (sum of lengths, columns), `batch` is the only stride.
struct Rows {
  void* data;
  std::ptrdiff_t batch;
  std::ptrdiff_t time;
};

// Who is computed when. Rows of the batch are ranked by falling length, so the rows still alive at any step are a
// prefix of the ranking and the total work is the sum of the lengths.
struct Plan {
  std::size_t batch, steps, inputs, hidden;  // steps: the longest length, at most T
  std::size_t outputs;                       // P, the size of the hidden state: H, or less after a projection
  std::size_t time;                          // T, the length of the tensors
  const std::int64_t* row;                   // (B) row of the tensors at each rank
  const std::int64_t* length;                // (B) length at each rank, falling
  const std::int64_t* first;                 // (steps + 1) number of (step, rank) pairs before each step
  bool reverse;                              // start every row at its own last element
  bool packed;                               // rows lie step after step without padding, ranked by falling length
  int threads;
};

// The addresses of a cell's `LearnedTensors`, in their order; null where an optional one is absent.
template <class Memory> struct Learned {
  Memory* of[kMostLearned];
};

// What happens to the state between two steps; what is absent does not.
struct Carry {
  const void* hidden_mask;  // (B, P): multiplies h_{t-1} where W_hh meets it
  Rows keep_hidden;         // (B, T, P): k in h_t = k h_{t-1} + (1-k) (new h_t)
  Rows keep_cell;           // (B, T, H): the same for c_t
  double gradient_clip;     // bound of what a step passes down to the state before it; 0: none

  bool any() const {
    return hidden_mask != nullptr || keep_hidden.data != nullptr || keep_cell.data != nullptr || gradient_clip > 0;
  }
};

// Pointers to (B, P) hidden and (B, H) cell states and to weights refer to contiguous memory; absent ones are null.
struct Forward {
  Rows inputs;                                        // (B, T, I)
  const void *weight_ih, *weight_hh;                  // (G*H, I), (G*H, P)
  const void *bias_ih, *bias_hh;                      // (G*H), optional
  const void *initial_hidden, *initial_cell;          // (B, P), (B, H), optional: zero
  Rows outputs;                                       // (B, T, P)
  Rows gates;                                         // (B, T, S*H), absent: nothing is kept for a backward pass
  Rows cells;                                         // (B, T, H), LSTM; absent together with gates
  void *final_hidden, *final_cell;                    // (B, P), (B, H)
  bool clear_past_end;                                // also zero what is kept past a row's length
  Learned<const void> learned;
  const double* constants;                            // as many as the cell has
  Carry carry;
  Rows made;                                          // (B, T, H): the hidden state before projection or zoneout
  Rows made_cells;                                    // (B, T, H): the cell state before zoneout
  Rows normals;                                       // (B, T, normal_columns(H))
};

struct Backward {
  Rows inputs, outputs, gates, cells;                 // as the forward pass left them
  const void *weight_ih, *weight_hh;
  const void *initial_hidden, *initial_cell;
  Rows grad_outputs;                                  // (B, T, P), optional
  const void *grad_final_hidden, *grad_final_cell;    // (B, P), (B, H), optional
  Rows grad_inputs;                                   // (B, T, I), optional
  bool add_to_inputs;                                 // add to what stands in grad_inputs: of another direction
  void *grad_weight_ih, *grad_weight_hh;              // (G*H, I), (G*H, P), optional
  void *grad_bias_ih, *grad_bias_hh;                  // (G*H), optional
  void *grad_initial_hidden, *grad_initial_cell;      // (B, P), (B, H), optional
  Rows total_grad_hidden, total_grad_cell;            // (B, T, ·), optional: dL/dh_t and dL/dc_t over all paths
  Learned<const void> learned;
  Learned<void> grad_learned;                         // each optional
  const double* constants;
  Carry carry;
  Rows made, made_cells, normals;                     // as the forward pass left them
};

// A layer of a stream: opened with its weights and a plan that outlives it, then stepped with inputs, states and outputs of T = 1.
struct StreamCalls {
  void* (*open)(const Plan&, const Forward&);
  void (*step)(const void* layer, const Forward&);
  void (*close)(void* layer);
};

// One cell in every scalar type.
struct CellCode {
  CellFacts facts;
  void (*forward[kScalars])(const Plan&, const Forward&);
  void (*backward[kScalars])(const Plan&, const Backward&);
  StreamCalls stream[kScalars];
};

// One instruction set. The order of the cells is the same in all of them.
struct Engine {
  std::size_t count;
  CellCode cells[kMostCells];
  // to = from * (mask ? scale : 0), element by element; `to` may be `from`.
  void (*drop[kScalars])(const void* from, const std::uint8_t* mask, double scale, void* to, std::size_t count);
  // mask = a Bernoulli mask, 1 with the probability `keep`; `generator` is the state of a torch generator and moves on.
  void (*draw)(void* generator, double keep, std::uint8_t* mask, std::size_t count);
  // function: 0 tanh, 1 sigmoid; for the accuracy tests.
  void (*map[kScalars])(int function, const void* from, void* to, std::size_t count);
};

const Engine& baseline_engine();
const Engine& avx2_engine();
const Engine& avx512_engine();

}  // namespace nurt
