"""One person to make ill."""

import jax.numpy as jnp

from hemosim_jax.tasks.dic import blood


def person(**changes):
    """Seventy kilograms, nothing wrong with them but what is given."""
    usual = {
        "weight_kg": 70.0,
        "tissue_factor_pm": 0.0,
        "decay_per_h": 0.0,
        "exposed_per_h": 0.04,
        "inflammation": 0.0,
        "lytic": 1.0,
        "organ_damage": 1.0,
        "bleeding_tendency": 1.0,
        "diluted": 0.0,
        "normal_platelets_1e9_per_l": 250.0,
        "normal_fibrinogen_g_per_l": 3.0,
    }
    values = {k: jnp.asarray(v, jnp.result_type(float)) for k, v in {**usual, **changes}.items()}
    return blood.Parameters(**values)
