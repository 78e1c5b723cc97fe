"""Check a gradient that you derived by hand, here of h_T = w h_{T-1} + x_T and the loss h_T² / 2, in NumPy."""

import numpy as np

from nurt.diagnostics import check_gradient


def loss_of(p: dict[str, np.ndarray]) -> float:
    return float(states(p)[-1] ** 2 / 2)


def states(p: dict[str, np.ndarray]) -> list[float]:
    found = [0.0]
    for value in (1.0, -0.5, 2.0):
        found.append(float(p["w"]) * found[-1] + value)
    return found


def gradient(p: dict[str, np.ndarray]) -> dict[str, float]:
    h, dh, dw = states(p), states(p)[-1], 0.0
    for t in (3, 2, 1):
        dw += dh * h[t - 1]
        dh *= float(p["w"])
    return {"w": dw}


parameters = {"w": np.array(0.9)}
print(check_gradient(parameters, loss_of, gradient))
print(check_gradient(parameters, loss_of, {"w": 2 * gradient(parameters)["w"]}).by_parameter[0])
