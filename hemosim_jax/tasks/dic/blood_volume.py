r"""How much blood there is, and where what is dissolved in it is found.

Concentrations are of plasma, but for platelets and red cells. What is given spreads at once in a
space: the plasma and a part outside the vessels that stays as it is,

$$c_1 = (c_0 S_0 + \text{given}) / S_1, \quad S = V_{plasma} + S_{outside}.$$

So content given is content found, and whatever adds volume dilutes.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

# Collen et al., Br J Haematol 1972 (42 ± 7 mL/kg); red cells for a hematocrit of 0.40.
PLASMA_ML_PER_KG = 42.0
RED_CELLS_ML_PER_KG = 28.0
HEMOGLOBIN_G_PER_DL_OF_RED_CELLS = 34.0

# Space of a protein, mL/kg: from the rise in percent of normal by 1 U/kg of a concentrate (labels
# and reviews, recalled): II and X 2.0, VII 1.5, IX 1.1, VIII 2.0, antithrombin 1.4. Factor V, a
# large protein, as VIII (assumption). Of fibrinogen 72 % are in the vessels (Collen 1972). D-dimer:
# as the plasma (assumption).
SPACE_ML_PER_KG = {
    "II": 50.0,
    "V": 50.0,
    "VII": 67.0,
    "VIII": 50.0,
    "IX": 91.0,
    "X": 50.0,
    "antithrombin": 71.0,
    "fibrinogen": PLASMA_ML_PER_KG / 0.72,
    "d_dimer": PLASMA_ML_PER_KG,
}
# Of transfused platelets a third is in the spleen (Hanson & Slichter 1985: 66 ± 8 % are found).
PLATELETS_FOUND = 0.66

# Plasma beyond what the vessels hold leaves them with its proteins, and water is excreted; below it
# fluid without proteins comes from the tissue and the ward's infusions. Assumptions: half-lives of
# 6 h with normal kidneys, of 12 h without, by dialysis and diuretics, and of 3 h.
EXCRETION_PER_H = 0.1155
REFILL_PER_H = 0.231
TOLERATED = 0.1  # of the usual volume of blood, beyond it (assumption)


def space_ml(
    name: str, plasma_ml: Float[Array, "*b"], weight_kg: Float[Array, "*b"]
) -> Float[Array, "*b"]:
    """Where this protein is found (mL)."""
    return plasma_ml + (SPACE_ML_PER_KG[name] - PLASMA_ML_PER_KG) * weight_kg


def platelet_space_l(
    plasma_ml: Float[Array, "*b"], red_cells_ml: Float[Array, "*b"]
) -> Float[Array, "*b"]:
    """Blood, and the share of platelets that is in the spleen (L)."""
    return 1e-3 * (plasma_ml + red_cells_ml) / PLATELETS_FOUND


def hemoglobin_g_per_dl(
    plasma_ml: Float[Array, "*b"], red_cells_ml: Float[Array, "*b"]
) -> Float[Array, "*b"]:
    """Of blood."""
    return HEMOGLOBIN_G_PER_DL_OF_RED_CELLS * red_cells_ml / (plasma_ml + red_cells_ml)


def overload(
    plasma_ml: Float[Array, "*b"], red_cells_ml: Float[Array, "*b"], weight_kg: Float[Array, "*b"]
) -> Float[Array, "*b"]:
    """Blood beyond what is tolerated, as a fraction of the usual; 0 if there is less."""
    usual_ml = (PLASMA_ML_PER_KG + RED_CELLS_ML_PER_KG) * weight_kg
    return jnp.maximum((plasma_ml + red_cells_ml) / usual_ml - 1.0 - TOLERATED, 0.0)
