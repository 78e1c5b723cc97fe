"""The causality audit: probe a forecaster, classify its inputs, conclude."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nurt.errors import NurtValueError, ShapeError
from nurt.evaluation.forecasts.audits.causality.forecasters import AbstractForecaster, Differentiable
from nurt.evaluation.forecasts.audits.causality.probes import (
    Effects,
    Layout,
    gradient_probe,
    perturbation_probe,
    random_windows,
    swap_probe,
)
from nurt.evaluation.forecasts.audits.causality.report import (
    CausalityReport,
    Reach,
    classify,
    conclude,
    without_statistics,
)

__all__ = ["ProbeSettings", "audit_causality"]


@dataclass(frozen=True)
class ProbeSettings:
    """How thoroughly to probe.

    Args:
        windows: number B of random windows for the gradient probe.
        perturbed_windows: how many of them the other probes start from.
        steps: forecast steps to audit, 1-based; None for all of them, or ``most_steps`` spread evenly with the
            first two and the last when there are more.
        most_steps: see ``steps``.
        seed: of the random windows.
    """

    windows: int = 8
    perturbed_windows: int = 2
    steps: tuple[int, ...] | None = None
    most_steps: int = 60
    seed: int = 0

    def chosen(self, horizon: int) -> tuple[int, ...]:
        """Return the steps to audit of ``horizon`` steps, ascending."""
        if self.steps is not None:
            if not self.steps or min(self.steps) < 1 or max(self.steps) > horizon:
                raise NurtValueError(
                    "audit_causality: `steps` leaves the forecast.",
                    expected=f"steps between 1 and horizon={horizon}",
                    got=str(self.steps),
                )
            return tuple(sorted(set(self.steps)))
        if horizon <= self.most_steps:
            return tuple(range(1, horizon + 1))
        spread = np.linspace(2, horizon, max(self.most_steps - 1, 1)).round().astype(int)
        return (1, *sorted(set(spread.tolist())))


def audit_causality(
    forecaster: AbstractForecaster,
    *,
    look_back: int,
    horizon: int,
    settings: ProbeSettings = ProbeSettings(),
    windows: np.ndarray | None = None,
) -> CausalityReport:
    """Find out which inputs can influence which forecast steps.

    A torch forecaster is probed by gradient and by perturbation, a black box by perturbation alone. Each is seen in
    two views: *total*, and *learned* with window statistics held fixed. Only the second shows a blind head behind a
    window scaler, because the scaler's mean and standard deviation touch every input. Where the statistics cannot be
    held fixed (``learned`` not given), that view is approximated by swapping neighbouring inputs.

    For a network, ask :func:`structure_copy` what it can see, :func:`fitted_copy` what it does see.

    Args:
        forecaster: :class:`Differentiable` or :class:`BlackBox`.
        look_back: number of inputs up to the origin.
        horizon: F, number of forecast steps.
        settings: how thoroughly to probe.
        windows: inputs to start from instead of random walks, finite, shape (B, T, C).

    Returns:
        a report that prints itself, with ``latest_input`` and ``earliest_input`` per step.

    Raises:
        ShapeError: windows or forecasts do not have the shape that look_back and horizon imply.
        NurtValueError: the forecaster gives two answers to the same window, or answers that are not finite.
    """
    if look_back < 1 or horizon < 1:
        raise NurtValueError(
            "audit_causality: there is nothing to audit.",
            expected="look_back and horizon of at least 1",
            got=f"look_back={look_back}, horizon={horizon}",
        )
    layout = Layout(look_back, horizon, settings.chosen(horizon))
    rng = np.random.default_rng(settings.seed)
    windows = _windows(forecaster, layout, settings, rng, windows)
    probe = _Probe(forecaster, layout, windows, settings, rng)
    reach = probe.reach()
    exact = isinstance(forecaster, Differentiable)
    verdict, text = conclude(reach, layout.steps, look_back, exact=exact and not probe.swaps)
    names = ["gradient"] * exact + ["perturbation"] + ["swap"] * probe.swaps
    notes = _notes(reach, layout, exact=exact, swapped=probe.swaps)
    return CausalityReport(verdict, text, look_back, horizon, layout.steps, reach, " + ".join(names), notes)


@dataclass(frozen=True)
class _Probe:
    """One audit under way: the forecaster and the windows it is asked about."""

    forecaster: AbstractForecaster
    layout: Layout
    windows: np.ndarray
    settings: ProbeSettings
    rng: np.random.Generator

    @property
    def swaps(self) -> bool:
        """Whether the learned view has to be approximated; two inputs leave nothing to swap."""
        return not self.forecaster.has_learned_view and self.layout.look_back > 2

    @property
    def starts(self) -> np.ndarray:
        """Windows of the probes that call the forecaster once per input."""
        return self.windows[: self.settings.perturbed_windows]

    def reach(self) -> tuple[Reach, ...]:
        """Return the reach of every channel group."""
        groups = self.forecaster.channels.groups
        total = self._view(learned=False)
        if self.forecaster.has_learned_view:
            learned = {name: classes for name, (classes, _) in self._view(learned=True).items()}
        elif self.swaps:
            learned = {name: self._swapped(channels, *total[name]) for name, channels in groups.items()}
        else:
            learned = {name: classes for name, (classes, _) in total.items()}
        return tuple(Reach(name, self.layout.look_back, total[name][0], learned[name]) for name in groups)

    def _view(self, *, learned: bool) -> dict[str, tuple[np.ndarray, Effects]]:
        """Return classes, and what shifting did, per group."""
        gradients = None
        if isinstance(self.forecaster, Differentiable):
            gradients = gradient_probe(self.forecaster, self.windows, self.layout, self.rng, learned=learned)
        found = {}
        for name, channels in self.forecaster.channels.groups.items():
            shifted = perturbation_probe(self.forecaster, self.starts, channels, self.layout, self.rng, learned=learned)
            if gradients is None:
                influence = np.where(shifted.found, shifted.size, 0.0)
            else:
                influence = gradients[..., channels].max(axis=-1)
            found[name] = (classify(influence, shifted.found), shifted)
        return found

    def _swapped(self, channels: tuple[int, ...], total: np.ndarray, shifted: Effects) -> np.ndarray:
        swapped, cutoff = swap_probe(self.forecaster, self.starts, channels, self.layout)
        classes = total.copy()
        up_to_origin = np.s_[:, : self.layout.look_back]
        past = Effects(shifted.size[up_to_origin], shifted.found[up_to_origin])
        classes[up_to_origin] = without_statistics(total[up_to_origin], past, swapped, cutoff)
        return classes


def _windows(
    forecaster: AbstractForecaster,
    layout: Layout,
    settings: ProbeSettings,
    rng: np.random.Generator,
    given: np.ndarray | None,
) -> np.ndarray:
    length = layout.look_back + (layout.horizon if forecaster.sees_future else 0)
    channels = forecaster.channels.count
    if given is None:
        return random_windows(settings.windows, length, channels, rng)
    if given.ndim != 3 or given.shape[1:] != (length, channels) or len(given) == 0:
        raise ShapeError(
            "audit_causality: `windows` do not fit the forecaster.",
            expected=f"(windows, {length}, {channels})",
            got=str(given.shape),
        )
    if not np.isfinite(given).all():
        raise NurtValueError(
            "audit_causality: `windows` hold missing values, whose influence cannot be probed.",
            cure="Choose windows without gaps, or leave `windows` out to use random walks.",
        )
    return given.astype(np.float64)


def _notes(reach: tuple[Reach, ...], layout: Layout, *, exact: bool, swapped: bool) -> tuple[str, ...]:
    notes = []
    if len(layout.steps) < layout.horizon:
        notes.append(f"Audited {len(layout.steps)} of {layout.horizon} forecast steps.")
    if not exact:
        notes.append("Asked from outside: unreachable means that no effect above rounding was found.")
    if swapped:
        notes.append(
            "Window statistics could not be held fixed; the learned view comes from swapping neighbouring inputs, "
            "which cannot tell the last two inputs from the one before them."
        )
    if exact and not reach[0].learned.any():
        notes.append("A head that starts at zero looks like this: audit structure_copy(model) to see what it can do.")
    for one in reach:
        ahead = one.lead - np.asarray(layout.steps)
        if one.group == "future covariates" and (ahead > 0).any():
            at = int(ahead.argmax())
            notes.append(
                f"Step {layout.steps[at]} uses future covariates up to step {one.lead[at]}, later than itself: "
                "allowed, because they are known in advance."
            )
    return tuple(notes)
