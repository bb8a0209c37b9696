"""The score of the ISTH for overt DIC, and the clinical results of a week."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from hemosim_jax.core.laboratory.wrapper import laboratory_metrics

# Taylor et al., Thromb Haemost 2001;86:1327, with the fibrin marker in multiples of its upper limit
# (2 and 4 times), as is common. PT in seconds beyond normal.
PLATELETS_1E9_PER_L = (100.0, 50.0)
D_DIMER_UPPER_LIMIT_MG_PER_L = 0.5
FIBRIN_MULTIPLES = (2.0, 4.0)
PROLONGATION_S = (3.0, 6.0)
FIBRINOGEN_G_PER_L = 1.0
OVERT = 5


def isth_score(
    platelets_1e9_per_l: Float[Array, "*b"],
    d_dimer_mg_per_l: Float[Array, "*b"],
    prolongation_s: Float[Array, "*b"],
    fibrinogen_g_per_l: Float[Array, "*b"],
) -> Int[Array, "*b"]:
    """0 to 8; 5 and more is overt DIC, where a disease that causes it is known."""

    def points(*conditions):
        return sum((c.astype(jnp.int32) for c in conditions), start=jnp.zeros((), jnp.int32))

    moderate, strong = (
        d_dimer_mg_per_l >= multiple * D_DIMER_UPPER_LIMIT_MG_PER_L for multiple in FIBRIN_MULTIPLES
    )
    return points(
        *(platelets_1e9_per_l < limit for limit in PLATELETS_1E9_PER_L),
        moderate,
        moderate,
        strong,
        *(prolongation_s >= limit for limit in PROLONGATION_S),
        fibrinogen_g_per_l <= FIBRINOGEN_G_PER_L,
    )


def metrics(
    info: dict[str, Array], alive: Bool[Array, " times"], params: Any
) -> dict[str, Float[Array, ""]]:
    """Until the end of the episode. `info` has the task's read-outs of every step.

    - `died_percent`: 100 if the patient died within the week; `died_in_severe_bleed_percent`,
      `died_bleeding_percent`: in a severe bleed, in any.
    - `mortality_28_d_percent`: the same, or the risk of a later death (`mortality`) of who has not.
    - `overt_percent`: decisions with a score of 5 and more; `mean_score`.
    - `thrombosis_percent`: decisions with much fibrin in small vessels.
    - `bled_percent`: 100 if bleeding was ever severe.
    - `platelet_units`, `plasma_units`, `cryoprecipitate_units`, `red_cell_units`: transfused.
    - `laboratory_chf`: where assays are ordered.
    """
    dtype = info["organ_function"].dtype
    steps = jnp.sum(alive).astype(dtype)

    def total(name):
        return jnp.sum(jnp.where(alive, info[name], jnp.zeros_like(info[name]))).astype(dtype)

    died = jnp.any(alive & info["died"]).astype(dtype)
    last = jnp.sum(alive) - 1
    later = 100.0 * info["risk_28_d"][last]
    return {
        "died_percent": 100.0 * died,
        "died_in_severe_bleed_percent": 100.0
        * jnp.any(alive & info["died_in_severe_bleed"]).astype(dtype),
        "died_bleeding_percent": 100.0 * jnp.any(alive & info["died_bleeding"]).astype(dtype),
        "mortality_28_d_percent": jnp.where(died > 0.0, 100.0, later),
        "overt_percent": 100.0 * total("overt") / steps,
        "thrombosis_percent": 100.0 * total("thrombosis") / steps,
        "mean_score": total("isth_score") / steps,
        "bled_percent": 100.0 * jnp.any(alive & info["severe_bleeding"]).astype(dtype),
        "platelet_units": total("platelet_units"),
        "plasma_units": total("plasma_units"),
        "cryoprecipitate_units": total("cryoprecipitate_units"),
        "red_cell_units": total("red_cell_units"),
        **laboratory_metrics(info, alive),
    }
