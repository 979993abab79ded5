"""The search for what is most probable: until it has settled, so that any start gives the same bytes.

Sources: Byrd, Lu, Nocedal and Zhu 1995, SIAM Journal on Scientific Computing 16:1190-1208 (within bounds, by slopes
alone); Nocedal and Wright 2006, Numerical Optimization, section 7.1 (the last steps).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.sparse.linalg import LinearOperator, cg

Floats = npt.NDArray[np.float64]
Loss = Callable[[Floats], tuple[float, Floats]]

_MOST_STEPS: Final = 2000  # some eighty are needed
_NEAR: Final = 1e-3  # slope of the loss where polishing begins, in the caller's units
_SETTLED: Final = 1e-6  # the same where it has settled
_MOST_POLISHING: Final = 12  # two or three are needed, a few more where an unknown reaches its bound


def minimise(loss: Loss, start: Floats, low: Floats, high: Floats) -> tuple[Floats, int, bool]:
    """The least loss within bounds.

    Limited-memory quasi-Newton: each step costs one pass over the evidence, as one of expectation and maximisation
    does, and some hundred are enough where that takes many hundred. Newton's method then settles it.

    Args:
        loss: the loss and its slope at some values, all of a size near 1.
        start: where to begin.
        low: the least that each value may be.
        high: the most.

    Returns:
        The values, how often the loss was computed, and whether the search has settled.
    """
    options = {"maxiter": _MOST_STEPS, "maxfun": 2 * _MOST_STEPS, "ftol": 0.0, "gtol": _NEAR, "maxcor": 30}
    bounds = np.column_stack([low, high])
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    polished, steps = _polish(loss, found.x, low, high)
    # What was polished is judged by its slope, and not by the optimiser's word: that stops at its own tolerance.
    left = np.abs(_projected(loss(polished)[1], polished, low, high)).max(initial=0.0)
    return polished, int(found.nfev) + steps, bool(left <= _SETTLED)


def _polish(loss: Loss, near: Floats, low: Floats, high: Floats) -> tuple[Floats, int]:
    """From near the best to it, by Newton's method on the slope: the likelihood itself is too coarse a guide there.

    Unknowns at their bounds stay there in a step unless the slope leads inwards. The slope's own changes are found by
    differences (conjugate gradients).
    """
    polished, steps = near.copy(), 0

    def slope(values: Floats, free: npt.NDArray[np.bool_]) -> Floats:
        nonlocal steps
        steps += 1
        at = polished.copy()
        at[free] = values
        return loss(at)[1][free]

    for _ in range(_MOST_POLISHING):
        # Free unknowns are chosen anew in each step, since a step can carry one to its bound or away from it.
        whole = loss(polished)[1]
        free = ~(((polished <= low) & (whole > 0)) | ((polished >= high) & (whole < 0)))
        here, now = polished[free], whole[free]
        if np.abs(now).max(initial=0.0) <= _SETTLED / 2:
            break

        def bend(way: Floats, here: Floats = here, now: Floats = now, free: npt.NDArray[np.bool_] = free) -> Floats:
            short = 1e-5 / max(float(np.abs(way).max(initial=0.0)), 1.0)
            return (slope(here + short * way, free) - now) / short

        step, _ = cg(LinearOperator((now.size, now.size), matvec=bend, dtype=np.float64), -now, rtol=1e-4, maxiter=60)
        polished[free] = np.clip(here + step, low[free], high[free])
    return polished, steps


def _projected(gradient: Floats, unknowns: Floats, low: Floats, high: Floats) -> Floats:
    """The gradient, less what only points out of bounds."""
    outward = ((unknowns <= low) & (gradient > 0)) | ((unknowns >= high) & (gradient < 0))
    return np.where(outward, 0.0, gradient)
