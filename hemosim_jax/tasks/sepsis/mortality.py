r"""Death: a hazard that rises as organs fail.

$h = f h_0 \exp(\sum w_i s_i + w_h H)$ a day: frailty $f$, points $s_i$ of five organs (numbers
between the whole points of `outcomes.sofa`), hypoperfusion $H$. The weights are in the order that
single failing organs cost (63,756 patients in intensive care: respiration 22.5 % dead, brain 26.9,
kidneys 34.6, coagulation 34.8, liver 40.1); their size and $h_0$ are assumptions,
not calibrated yet.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from hemosim_jax.tasks.sepsis.body import Body, Parameters

DAILY_HAZARD = 0.004  # h_0
WEIGHTS = {"respiration": 0.2, "brain": 0.22, "kidneys": 0.3, "coagulation": 0.3, "liver": 0.33}
HYPOPERFUSION_WEIGHT = 1.2


def organ_points(body: Body) -> dict[str, Float[Array, "*b"]]:
    """By organ, 0 to 4: curves through the middles of the score's bands."""

    def points(value):
        return jnp.clip(value, 0.0, 4.0)

    kidneys = 2.4 * jnp.log(body.creatinine_mg_per_dl / 1.05)
    oliguria = (0.55 - body.urine_ml_per_kg_h) / 0.1
    return {
        "respiration": points((450.0 - body.pf_ratio_mmhg) / 100.0),
        "brain": points(0.38 * (15.0 - body.glasgow)),
        "kidneys": points(jnp.maximum(kidneys, oliguria)),
        "coagulation": points(1.75 * jnp.log(190.0 / body.platelets_1e9_per_l)),
        "liver": points(1.27 * jnp.log(body.bilirubin_mg_per_dl / 0.75)),
    }


def daily_hazard(
    body: Body, own: Parameters, hypoperfusion: Float[Array, "*b"]
) -> Float[Array, "*b"]:
    """Of death."""
    points = organ_points(body)
    severity = sum(weight * points[name] for name, weight in WEIGHTS.items())
    severity = severity + HYPOPERFUSION_WEIGHT * hypoperfusion
    return own.frailty * DAILY_HAZARD * jnp.exp(severity)
