"""Deliberate mistakes in the native code, each of which the native tests must notice (``make mutants``).

A breakage replaces one passage, which must stand exactly once in its file; a test checks that it still does. When the
code around it is rewritten, move the anchor: what is broken should stay.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["BREAKAGES", "Breakage"]


@dataclass(frozen=True)
class Breakage:
    """One mistake.

    Args:
        mistake: what is wrong afterwards.
        file: below ``src/nurt/kernels/cpu``.
        old: the passage, exactly once in the file.
        new: what stands there instead.
    """

    mistake: str
    file: str
    old: str
    new: str


LSTM, GRU, ELMAN = "cells/lstm.h", "cells/gru.h", "cells/elman.h"

BREAKAGES = (
    Breakage("LSTM: the output gate is dropped", LSTM,
             "io.write(at.hidden, o * tanh<S>(c))", "io.write(at.hidden, tanh<S>(c))"),
    Breakage("LSTM: the forget gate's adjoint has the wrong sign", LSTM,
             "dc * io.read(at.previous_cell) * f", "-dc * io.read(at.previous_cell) * f"),
    Breakage("LSTM: the gradient of the cell state passes the forget gate untouched", LSTM,
             "io.write(at.grad_cell, dc * f)", "io.write(at.grad_cell, dc)"),
    Breakage("LSTM: the squashing of the cell state has no derivative", LSTM,
             "dh * o * (S(1) - squashed * squashed)", "dh * o"),
    Breakage("LSTM: the gradient of the cell state from later steps is lost", LSTM,
             "io.read(at.grad_cell) + dh * o", "dh * o"),
    Breakage("GRU: the blocks of W_ih are in the wrong order", GRU, "(block + 2) % 3", "block"),
    Breakage("GRU: the path around the candidate has the wrong gate", GRU,
             "io.write(at.grad_hidden, dh * z)", "io.write(at.grad_hidden, dh * (S(1) - z))"),
    Breakage("GRU: the reset gate's adjoint forgets what it gates", GRU, "da_n * m * r", "da_n * r"),
    Breakage("GRU: the gradient of W_hn h passes the reset gate untouched", GRU,
             "io.write(at.grad_gates + 3 * hidden, da_n * r)", "io.write(at.grad_gates + 3 * hidden, da_n)"),
    Breakage("Elman: the derivative of tanh misses a square", ELMAN, "dh * (S(1) - h * h)", "dh * (S(1) - h)"),
    Breakage("Elman: relu passes gradients below zero", ELMAN, "h <= S(0) ? Vector<S>{} : dh", "h"),
    Breakage("functions: tanh loses its sign", "functions.h",
             "(as_bits<S>(y) & ~sign_bit) | (bits & sign_bit)", "as_bits<S>(y) & ~sign_bit"),
    Breakage("plan: rows live one step too long", "plan.cpp",
             "length_[alive - 1] <= static_cast", "length_[alive - 1] < static_cast"),
    Breakage("time: a reversed row runs forwards", "time_loop.h",
             "plan.reverse ? static_cast<std::size_t>(plan.length[rank]) - 1 - step : step", "step"),
    Breakage("time: a tile leaves out its last living row", "time_loop.h",
             "smaller(living, end) - begin", "smaller(living, end) - begin - 1"),
    Breakage("forward: the state of the step before comes from the step before that", "forward.h",
             "walk_.at(call.outputs, rank, step - 1)", "walk_.at(call.outputs, rank, step - 1 - (step > 1))"),
    Breakage("forward: the recurrent bias is forgotten", "forward.h",
             "of_hidden[j] += hidden[b * H + j]", "(void)of_hidden"),
    Breakage("forward: the final state is that of the first step", "forward.h",
             "walk_.at(call.outputs, rank, length - 1)", "walk_.at(call.outputs, rank, 0)"),
    Breakage("forward: outputs past the end of a row are left as they are", "forward.h",
             "walk_.clear_past_end(call.outputs, rank, P);", ""),
    Breakage("backward: the gradient of the initial state is lost", "backward.h",
             "copy(hidden_row<S>(call.grad_initial_hidden, plan, rank), grad_hidden + rank * P, P)",
             "clear(hidden_row<S>(call.grad_initial_hidden, plan, rank), P)"),
    Breakage("backward: the gradient of the final state is not taken up", "backward.h",
             "copy(grad_hidden + rank * P, hidden_row<S>(call.grad_final_hidden, plan, rank, zeros), P)",
             "clear(grad_hidden + rank * P, P)"),
    Breakage("backward: the weight gradient reads the inputs of the first step", "backward.h",
             "pairs.inputs[at] = walk_.at(call.inputs, rank, step)",
             "pairs.inputs[at] = walk_.at(call.inputs, rank, 0)"),
    Breakage("zoneout: what is kept of the state gets no gradient", "backward.h",
             "add_to<S>(dh, memory.kept_hidden + i * P, P)", "(void)i"),
    Breakage("zoneout: the cell sees the whole gradient of the state after it", "carry.h",
             "io.write(grad + j, (S(1) - k) * g)", "io.write(grad + j, g)"),
    Breakage("clip: the gradient of the cell state passes as it is", "backward.h",
             "if (Cell::has_cell_state) clamp(grad_cell + rank * H, bound, H)", ""),
    Breakage("state dropout: the gradient comes down past the mask", "backward.h",
             "masked<S>(row_of<S>(carry.hidden_mask, P, plan, rank), down, down, P)", "(void)down"),
    Breakage("peepholes: the output gate sees the old cell state", "column_sums.h",
             "da + 3 * H, row, pairs.cells", "da + 3 * H, row, pairs.old_cells"),
    Breakage("GRU, reset before: nothing comes down through the reset state", "cells/reset_before_gru.h",
             "return dq * r", "return dq * S(0)"),
    Breakage("norm: the mean of the gradient stays in", "row_norm.h", "(u - mean - normal", "(u - normal"),
    Breakage("projection: its gradient is that of the step before it", "backward.h",
             "pairs.further[at] = walk_.at(call.made, tile.begin + i, step)",
             "pairs.further[at] = walk_.at(call.made, tile.begin + i, 0)"),
    Breakage("products: rows left over by whole blocks are not computed", "products.h",
             "for_rest(rows - r, rest)", "(void)rest"),
    Breakage("products: the last vector is taken as whole", "products.h",
             "First<S> last{used - (W - 1) * kLanes<S>}", "First<S> last{kLanes<S> + 0 * used}"),
    Breakage("stack: the gradient between two layers passes dropout untouched", "stack.cpp",
             "if (stack_.layers[layer].mask != nullptr) drop(below, stack_.layers[layer].mask, below);", ""),
    Breakage("stack: the backward direction's gradient of the inputs replaces the forward's", "stack.cpp",
             "b.add_to_inputs = direction > 0;", "b.add_to_inputs = false;"),
    Breakage("stack: a layer without a gradient wanted hides those below it", "stack.cpp",
             "if (any) return lowest;", "if (any) return lowest + 1;"),
    Breakage("scan: the factor's gradient meets the new state", "scan.h",
             "k == 0 ? initial.at : outputs.at(scan.reverse ? t + 1 : t - 1)", "k == 0 ? initial.at : outputs.at(t)"),
    Breakage("scan: the gradient of the final state is lost", "scan.h",
             "grad.set(moment_of(static_cast<const S*>(call.grad_final), tiles, row, column), count)",
             "grad.set(nullptr, count)"),
    Breakage("scan: a reversed row runs forwards", "scan.h",
             """      const S *a_t = a.at(t), *b_t = b.at(t);
      S* h_t = outputs.at(t);""",
             """      const S *a_t = a.at(k), *b_t = b.at(k);
      S* h_t = outputs.at(k);"""),
    Breakage("scan: rows that share their factors each forget the rows before", "scan.h",
             "if constexpr (mode != Mode::each) da = io.read(grad_a_t + j) + da;", ""),
    Breakage("dropout: the generator is left a word too early", "draws.h",
             "state.next = used_;", "state.next = used_ - 1;"),
)  # fmt: skip
