"""What is in a bag, and the blood that has received it.

Contents and volumes are means of what blood services state (recalled, unless a source is named).
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from hemosim_jax.core.node import Node
from hemosim_jax.tasks.dic.blood import FACTORS, Blood
from hemosim_jax.tasks.dic.blood_volume import (
    HEMOGLOBIN_G_PER_DL_OF_RED_CELLS,
    platelet_space_l,
    space_ml,
)

FRESH = dict.fromkeys((*FACTORS, "antithrombin"), 1.0)  # U in a mL of plasma
STORED = {**FRESH, "V": 0.5, "VIII": 0.5}  # five days at 22 °C


class Bag(NamedTuple):
    """One unit of a product."""

    plasma_ml: float  # what it adds to the plasma
    red_cells_ml: float = 0.0
    platelets_1e9: float = 0.0
    fibrinogen_g: float = 0.0
    units: dict[str, float] = {}  # noqa: RUF012  U, by factor


def _of_plasma(volume_ml: float, u_per_ml: dict[str, float]) -> dict[str, float]:
    return {name: volume_ml * level for name, level in u_per_ml.items()}


BAGS = {
    # A random donor's platelets in plasma.
    "platelets": Bag(50.0, platelets_1e9=55.0, fibrinogen_g=0.12, units=_of_plasma(50.0, STORED)),
    # Frozen plasma; fibrinogen 0.5 g.
    "plasma": Bag(240.0, fibrinogen_g=0.5, units=_of_plasma(240.0, {**FRESH, "VIII": 0.7})),
    "cryoprecipitate": Bag(15.0, fibrinogen_g=0.30, units={"VIII": 90.0}),
    # A gram; 500 U of factor IX (means of the label's ranges); 500 U.
    "fibrinogen": Bag(50.0, fibrinogen_g=1.0),
    "prothrombin_complex": Bag(
        20.0, units={"II": 590.0, "VII": 350.0, "IX": 500.0, "X": 760.0, "antithrombin": 17.0}
    ),
    "antithrombin": Bag(10.0, units={"antithrombin": 500.0}),
    # With 100 mL of additive solution.
    "red_cells": Bag(100.0, red_cells_ml=180.0),
}
TRANSFUSION_TRIGGER_G_PER_DL = 7.0  # the ward gives red cells below it
# Organ function lost to injured lungs (TRALI), expected of a unit with plasma (assumptions: one in
# 1,000 units of platelets or plasma and in 5,000 of cryoprecipitate, 0.3 of organ function).
LUNG_INJURY = {"platelets": 3e-4, "plasma": 3e-4, "cryoprecipitate": 6e-5}


class Products(Node):
    """Units."""

    platelets: Float[Array, "*b"]
    plasma: Float[Array, "*b"]
    cryoprecipitate: Float[Array, "*b"]
    fibrinogen: Float[Array, "*b"]
    prothrombin_complex: Float[Array, "*b"]
    antithrombin: Float[Array, "*b"]
    red_cells: Float[Array, "*b"]


def units(**given: Float[Array, "*b"]) -> Products:
    """These, and nothing else."""
    zero = jnp.zeros_like(jnp.asarray(next(iter(given.values())), jnp.result_type(float)))
    return Products(**{name: given.get(name, zero) for name in BAGS})


def red_cells_needed(blood: Blood) -> Float[Array, "*b"]:
    """Units that raise hemoglobin to the ward's trigger."""
    bag = BAGS["red_cells"]
    share = TRANSFUSION_TRIGGER_G_PER_DL / HEMOGLOBIN_G_PER_DL_OF_RED_CELLS
    missing_ml = share * (blood.plasma_ml + blood.red_cells_ml) - blood.red_cells_ml
    per_unit_ml = bag.red_cells_ml - share * (bag.plasma_ml + bag.red_cells_ml)
    return jnp.maximum(missing_ml, 0.0) / per_unit_ml


def give(blood: Blood, products: Products, weight_kg: Float[Array, "*b"]) -> Blood:
    """The blood after these transfusions, all at once."""
    bags = [(bag, getattr(products, name)) for name, bag in BAGS.items()]

    def total(content):
        return sum((content(bag) * units for bag, units in bags), start=jnp.zeros_like(weight_kg))

    plasma_ml = blood.plasma_ml + total(lambda bag: bag.plasma_ml)
    red_cells_ml = blood.red_cells_ml + total(lambda bag: bag.red_cells_ml)
    diluted = moved(blood, plasma_ml, red_cells_ml, weight_kg)

    def raised(name, level, given):
        return level + given / space_ml(name, plasma_ml, weight_kg)

    def units_of(name):
        return total(lambda bag: bag.units.get(name, 0.0))

    fibrinogen_mg = 1e3 * total(lambda bag: bag.fibrinogen_g)
    platelets = total(lambda bag: bag.platelets_1e9)
    injury = sum(share * getattr(products, name) for name, share in LUNG_INJURY.items())
    return diluted.replace(
        organ_function=diluted.organ_function * (1.0 - injury),
        factors={n: raised(n, level, units_of(n)) for n, level in diluted.factors.items()},
        antithrombin=raised("antithrombin", diluted.antithrombin, units_of("antithrombin")),
        fibrinogen_g_per_l=raised("fibrinogen", diluted.fibrinogen_g_per_l, fibrinogen_mg),
        platelets_1e9_per_l=diluted.platelets_1e9_per_l
        + platelets / platelet_space_l(plasma_ml, red_cells_ml),
    )


def moved(
    blood: Blood,
    plasma_ml: Float[Array, "*b"],
    red_cells_ml: Float[Array, "*b"],
    weight_kg: Float[Array, "*b"],
) -> Blood:
    """The same content in other volumes."""

    def ratio(name):
        before = space_ml(name, blood.plasma_ml, weight_kg)
        return before / space_ml(name, plasma_ml, weight_kg)

    platelets = platelet_space_l(blood.plasma_ml, blood.red_cells_ml)
    return blood.replace(
        factors={name: level * ratio(name) for name, level in blood.factors.items()},
        antithrombin=blood.antithrombin * ratio("antithrombin"),
        fibrinogen_g_per_l=blood.fibrinogen_g_per_l * ratio("fibrinogen"),
        platelets_1e9_per_l=blood.platelets_1e9_per_l
        * platelets
        / platelet_space_l(plasma_ml, red_cells_ml),
        d_dimer_mg_per_l=blood.d_dimer_mg_per_l * ratio("d_dimer"),
        plasma_ml=plasma_ml,
        red_cells_ml=red_cells_ml,
    )


def contents(blood: Blood, weight_kg: Float[Array, "*b"]) -> dict[str, Float[Array, "*b"]]:
    """All that is in a patient: U of factors, g of fibrinogen, 1e9 platelets, mL of red cells."""

    def amount(name, level):
        return level * space_ml(name, blood.plasma_ml, weight_kg)

    return {
        **{name: amount(name, level) for name, level in blood.factors.items()},
        "antithrombin": amount("antithrombin", blood.antithrombin),
        "fibrinogen_g": 1e-3 * amount("fibrinogen", blood.fibrinogen_g_per_l),
        "platelets_1e9": blood.platelets_1e9_per_l
        * platelet_space_l(blood.plasma_ml, blood.red_cells_ml),
        "red_cells_ml": blood.red_cells_ml,
    }
