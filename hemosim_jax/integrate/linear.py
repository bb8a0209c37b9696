"""Closed-form responses of linear compartments, without cancellation and with finite gradients."""

import jax.numpy as jnp
from jaxtyping import Array, Float

_SERIES_BELOW = 1e-3  # below this the series of phi1 is exact to float64 rounding at four terms


def phi1(x: Float[Array, "*b"]) -> Float[Array, "*b"]:
    r"""$\varphi_1(x) = (1 - e^{-x}) / x$ for $x \ge 0$, with $\varphi_1(0) = 1$."""
    small = x < _SERIES_BELOW
    safe = jnp.where(small, 1.0, x)  # the double `where` keeps the gradient at 0 finite
    series = 1.0 - x / 2.0 * (1.0 - x / 3.0 * (1.0 - x / 4.0))
    return jnp.where(small, series, -jnp.expm1(-safe) / safe)


def bateman(
    rate_in: Float[Array, "*b"], rate_out: Float[Array, "*b"], time: Float[Array, "*b"]
) -> Float[Array, "*b"]:
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
    r"""Central and peripheral amounts, fed by a first-order depot (Gibaldi & Perrier, ch. 2).

    The two exponents $\alpha > \beta$ are never close ($(\alpha-\beta)^2 \ge 4 k_{12} k_{21}$), so
    the split into their eigenspaces is safe; only absorption can meet one of them, and `bateman`
    covers that.
    """
    total = k10 + k12 + k21
    root = jnp.sqrt((k10 + k12 - k21) ** 2 + 4.0 * k12 * k21)
    alpha = 0.5 * (total + root)
    beta = k10 * k21 / alpha  # the smaller root from the product: no cancellation
    fed = absorption_rate * depot

    def component(exponent, other, sign):
        # The projection on one eigenspace of the initial amounts and of a unit inflow to central.
        weight = sign / root
        into_central = weight * ((k10 + k12 - other) * central - k21 * peripheral)
        into_peripheral = weight * (-k12 * central + (k21 - other) * peripheral)
        decay = jnp.exp(-exponent * time)
        response = fed * bateman(absorption_rate, exponent, time) * weight
        return (
            into_central * decay + response * (k10 + k12 - other),
            into_peripheral * decay - response * k12,
        )

    fast, slow = component(alpha, beta, 1.0), component(beta, alpha, -1.0)
    return fast[0] + slow[0], fast[1] + slow[1]
