"""Rules of gradient descent in plain NumPy: for surfaces of few weights, where every step can be shown.

The rules are frozen values without hidden state, so that several of them can start from one point of one surface.
Training of networks is :mod:`nurt.training`; it uses torch's optimisers.
"""

from nurt.descent.base import AbstractRule, Gradient, Moments, Path, descend
from nurt.descent.rules import SGD, Adam, NesterovRMSProp, RProp, TorchRprop

__all__ = [
    "SGD",
    "AbstractRule",
    "Adam",
    "Gradient",
    "Moments",
    "NesterovRMSProp",
    "Path",
    "RProp",
    "TorchRprop",
    "descend",
]
