r"""Bleeding and recurrence by exposure.

Major bleeding: $h = h_0\,e^{\beta (\bar C - 0.78)}$ per day for a mean anti-Xa activity $\bar C$
of the last day or so. Two numbers fitted to two, in simulated patients on 1 mg/kg twice a day over
ten days (assumption; `benchmarks.enoxaparin_evidence --fit --patients 100000`): 2.4 % bleed above a
creatinine clearance of 30 mL/min and 2.96 times as many below (95 % interval 1.63 to 5.37, which is
1.0 to 2.6 for $\beta$; Lim et al., Blood 2005;106:907 and Ann Intern Med 2006;144:673). That all of
the difference is the drug's and none the kidneys' own is an assumption; dose-adjusted patients, who
are not fitted to, bled no more often than others.

Recurrence: $h = h_u / (1 + C / C_{50})$ for the activity $C$ of the moment. Untreated 40 % in the
first month (recalled: Kearon & Hirsh, N Engl J Med 1997;336:1506), as a constant rate. $C_{50}$
leaves 1 % in ten days on 1 mg/kg twice a day: a third (assumption) of the 2.9 % that recurred in
three months in Merli et al., Ann Intern Med 2001;134:191. Their 1.5 mg/kg once a day, with 4.4 %,
is not fitted to.
"""

import itertools

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from hemosim_jax.core.node import Node
from hemosim_jax.core.scalar import Scalar


class Coefficients(Node):
    """See the module."""

    bleeding_per_day: Scalar = 0.00249  # at `bleeding_reference_iu_per_ml`
    bleeding_reference_iu_per_ml: Scalar = 0.78
    bleeding_per_iu_per_ml: Scalar = 1.84  # log of the ratio of hazards
    untreated_recurrence_per_day: Scalar = 0.017
    recurrence_c50_iu_per_ml: Scalar = 0.0295


# Gauss and Legendre's points in each half of an interval, and their weights: exact enough up to a
# day, in whose middle a dose may fall.
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(4)
NODES = tuple(half + 0.25 + 0.25 * float(x) for half in (0.0, 0.5) for x in _NODES)
WEIGHTS = tuple(0.25 * float(x) for _ in (0.0, 0.5) for x in _WEIGHTS)
MEMORY_H = 24.0  # over which the activity that bleeding follows is averaged (assumption)


class Expected(Node):
    """Events expected in an interval, if it is lived through."""

    bleeds: Float[Array, "*b"]
    recurrences: Float[Array, "*b"]


def smoothed_iu_per_ml(
    smoothed: Float[Array, ""], mean: Float[Array, ""], duration_h: Float[Array, ""]
) -> Float[Array, ""]:
    """The average over the last day or so, after an interval with this mean activity."""
    return mean + (smoothed - mean) * jnp.exp(-duration_h / MEMORY_H)


def expected_events(
    activities_iu_per_ml: tuple[Float[Array, ""], ...],
    smoothed_iu_per_ml: tuple[Float[Array, ""], ...],
    duration_h: Float[Array, ""],
    c: Coefficients,
) -> Expected:
    """For the activities at `NODES`, and the smoothed one at start, middle and end."""
    days = duration_h / 24.0

    def bleeding(activity):
        over = activity - c.bleeding_reference_iu_per_ml
        return c.bleeding_per_day * jnp.exp(c.bleeding_per_iu_per_ml * over)

    # In each half the smoothed activity moves along a straight line (Simpson's rule).
    bleeds = sum(
        (bleeding(first) + 4.0 * bleeding(0.5 * (first + last)) + bleeding(last)) / 12.0
        for first, last in itertools.pairwise(smoothed_iu_per_ml)
    )
    at_risk = sum(
        weight / (1.0 + activity / c.recurrence_c50_iu_per_ml)
        for weight, activity in zip(WEIGHTS, activities_iu_per_ml, strict=True)
    )
    return Expected(bleeds * days, c.untreated_recurrence_per_day * at_risk * days)
