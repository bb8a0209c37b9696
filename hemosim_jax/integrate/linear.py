"""Closed-form responses of linear compartments, without cancellation and with finite gradients."""

import jax.numpy as jnp
from jaxtyping import Array, Float

Number = float | Float[Array, "..."]  # all of a call broadcast

_SERIES_BELOW = 1e-3  # below this the series of phi1 is exact to float64 rounding at four terms


def phi1(x: Number) -> Float[Array, "..."]:
    r"""$\varphi_1(x) = (1 - e^{-x}) / x$ for $x \ge 0$, with $\varphi_1(0) = 1$."""
    small = x < _SERIES_BELOW
    safe = jnp.where(small, 1.0, x)  # the double `where` keeps the gradient at 0 finite
    series = 1.0 - x / 2.0 * (1.0 - x / 3.0 * (1.0 - x / 4.0))
    return jnp.where(small, series, -jnp.expm1(-safe) / safe)


def bateman(rate_in: Number, rate_out: Number, time: Number) -> Float[Array, "..."]:
    r"""$\int_0^t e^{-a s}\,e^{-b (t - s)}\,ds = (e^{-bt} - e^{-at}) / (a - b)$, for any $a, b$.

    What a compartment with outflow rate `rate_out` holds at `time`, per unit of the initial inflow,
    behind one that empties at `rate_in` (Bateman 1910). Written as
    $t\,e^{-\min(a,b)t}\,\varphi_1(|a-b|t)$, which loses no digits where the rates meet.
    """
    slower = jnp.minimum(rate_in, rate_out)
    gap = jnp.abs(rate_in - rate_out)
    return time * jnp.exp(-slower * time) * phi1(gap * time)


def one_compartment_oral(depot, central, absorption_rate, elimination_rate, time):
    """Amount in a compartment that eliminates linearly and is fed by a first-order depot.

    Amounts in one unit (mg), rates per hour, time in hours; all broadcast. Returns the central
    amount; the depot's is `depot * exp(-absorption_rate * time)`.
    """
    return central * jnp.exp(-elimination_rate * time) + absorption_rate * depot * bateman(
        absorption_rate, elimination_rate, time
    )


def two_compartment_oral(depot, central, peripheral, absorption_rate, k10, k12, k21, time):
    r"""Central and peripheral amounts, fed by a first-order depot (Gibaldi & Perrier, ch. 2)."""
    alpha, beta = disposition_rates(k10, k12, k21)
    fed = fed_amounts(
        absorption_rate * depot,
        bateman(absorption_rate, alpha, time),
        bateman(absorption_rate, beta, time),
        (k10, k12, k21),
    )

    def component(exponent, other):
        # The projection of the initial amounts on one eigenspace, decayed.
        decay = jnp.exp(-exponent * time) / (exponent - other)
        return (
            decay * ((k10 + k12 - other) * central - k21 * peripheral),
            decay * (-k12 * central + (k21 - other) * peripheral),
        )

    fast, slow = component(alpha, beta), component(beta, alpha)
    return fed[0] + fast[0] + slow[0], fed[1] + fast[1] + slow[1]


def disposition_rates(k10, k12, k21):
    r"""The exponents $\alpha > \beta$ of a two-compartment disposition, from its rate constants.

    With exchange they are never close ($(\alpha-\beta)^2 \ge 4 k_{12} k_{21}$), so the split into
    their eigenspaces is safe; only absorption can meet one of them, and `bateman` covers that.
    Without it ($k_{12} = 0$) keep $k_{21}$ away from $k_{10}$.
    """
    total = k10 + k12 + k21
    root = jnp.sqrt((k10 + k12 - k21) ** 2 + 4.0 * k12 * k21)
    alpha = 0.5 * (total + root)
    return alpha, k10 * k21 / alpha  # the smaller root from the product: no cancellation


def fed_amounts(inflow, alpha_response, beta_response, rates):
    """What an inflow leaves in central and peripheral compartment of a two-compartment disposition.

    `inflow` scales both responses: what a single compartment that empties at `alpha` (at `beta`)
    would hold. `rates` is `(k10, k12, k21)`.
    """
    k10, k12, _ = rates
    alpha, beta = disposition_rates(*rates)
    scale = inflow / (alpha - beta)
    central = (k10 + k12 - beta) * alpha_response - (k10 + k12 - alpha) * beta_response
    return scale * central, scale * k12 * (beta_response - alpha_response)
