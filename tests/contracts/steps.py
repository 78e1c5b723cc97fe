"""Every recurrence once more, in NumPy, one row at a time: the equations as a reader would type them in."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

Array = np.ndarray
Named = Mapping[str, Array]


def logistic(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def normal(a: Array, gain: Array) -> Array:
    return gain * (a - a.mean()) / np.sqrt(((a - a.mean()) ** 2).mean() + 1e-5)


def sums(w: Named, x: Array, seen: Array) -> tuple[Array, Array]:
    """Return W_ih x + b_ih and W_hh v + b_hh."""
    none = np.zeros(len(w["weight_ih"]))
    return w["weight_ih"] @ x + w.get("bias_ih", none), w["weight_hh"] @ seen + w.get("bias_hh", none)


def elman(f):
    return lambda w, x, _, seen: {"hidden": f(np.add(*sums(w, x, seen)))}


def leaky_elman(w: Named, x: Array, state: Named, seen: Array) -> dict[str, Array]:
    return {"hidden": 0.5 * state["hidden"] + 0.5 * np.tanh(np.add(*sums(w, x, seen)))}


def lstm(w: Named, x: Array, state: Named, seen: Array) -> dict[str, Array]:
    i, f, g, o = np.split(np.add(*sums(w, x, seen)), 4)
    c = logistic(f) * state["cell"] + logistic(i) * np.tanh(g)
    return {"hidden": logistic(o) * np.tanh(c), "cell": c}


def projected_lstm(w: Named, x: Array, state: Named, seen: Array) -> dict[str, Array]:
    new = lstm(w, x, state, seen)
    return new | {"hidden": w["weight_hr"] @ new["hidden"]}


def peephole_lstm(w: Named, x: Array, state: Named, seen: Array) -> dict[str, Array]:
    i, f, g, o = np.split(np.add(*sums(w, x, seen)), 4)
    w_ci, w_cf, w_co = np.split(w["weight_ch"], 3)
    old = state["cell"]
    c = logistic(f + w_cf * old) * old + logistic(i + w_ci * old) * np.tanh(g)
    return {"hidden": logistic(o + w_co * c) * np.tanh(c), "cell": c}


def cifg_lstm(w: Named, x: Array, state: Named, seen: Array) -> dict[str, Array]:
    f, g, o = np.split(np.add(*sums(w, x, seen)), 3)
    i = 1 - logistic(f)
    c = logistic(f) * state["cell"] + i * np.tanh(g)
    return {"hidden": logistic(o) * np.tanh(c), "cell": c}


def layer_norm_lstm(w: Named, x: Array, state: Named, seen: Array) -> dict[str, Array]:
    a = normal(w["weight_ih"] @ x, w["norm_ih"]) + normal(w["weight_hh"] @ seen, w["norm_hh"])
    i, f, g, o = np.split(a + w.get("bias_ih", 0) + w.get("bias_hh", 0), 4)
    c = logistic(f) * state["cell"] + logistic(i) * np.tanh(g)
    return {"hidden": logistic(o) * np.tanh(normal(c, w["norm_cell"]) + w.get("norm_cell_bias", 0)), "cell": c}


def gru(w: Named, x: Array, state: Named, seen: Array) -> dict[str, Array]:
    (r_x, z_x, n_x), (r_h, z_h, n_h) = (np.split(part, 3) for part in sums(w, x, seen))
    z = logistic(z_x + z_h)
    return {"hidden": (1 - z) * np.tanh(n_x + logistic(r_x + r_h) * n_h) + z * state["hidden"]}


def reset_before_gru(w: Named, x: Array, state: Named, seen: Array) -> dict[str, Array]:
    (r_x, z_x, n_x), (r_h, z_h, _) = (np.split(part, 3) for part in sums(w, x, seen))
    reset, z = logistic(r_x + r_h), logistic(z_x + z_h)
    candidate = np.split(sums(w, x, reset * seen)[1], 3)[2]
    return {"hidden": (1 - z) * np.tanh(n_x + candidate) + z * state["hidden"]}


STEPS = {
    "linear": elman(lambda a: a),
    "elman_tanh": elman(np.tanh),
    "elman_relu": elman(lambda a: np.maximum(a, 0)),
    "elman_sigmoid": elman(logistic),
    "leaky_elman": leaky_elman,
    "lstm": lstm,
    "projected_lstm": projected_lstm,
    "peephole_lstm": peephole_lstm,
    "cifg_lstm": cifg_lstm,
    "layer_norm_lstm": layer_norm_lstm,
    "gru": gru,
    "reset_before_gru": reset_before_gru,
}
