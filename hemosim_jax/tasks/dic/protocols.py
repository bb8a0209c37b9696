"""Guidelines as policies for `DICManagement` and its partially observed form."""

import itertools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from hemosim_jax.core.laboratory.wrapper import OrderedLaboratory
from hemosim_jax.core.policy import Policy, random_policy
from hemosim_jax.physiology.coagulation.clotting_formulas import NORMAL_PT_S
from hemosim_jax.tasks.dic.environment import DICManagement
from hemosim_jax.tasks.dic.treatment import (
    CRYOPRECIPITATE_UNITS,
    HEPARIN_U_PER_H,
    PLASMA_UNITS,
    PLATELET_UNITS,
)

# Levi et al., Br J Haematol 2009;145:24 (BCSH), and the ISTH's harmonized guidance.
PLATELETS_IF_BLEEDING_1E9_PER_L = 50.0
PLATELETS_OTHERWISE_1E9_PER_L = 20.0
PT_RATIO_IF_BLEEDING = 1.5
FIBRINOGEN_IF_BLEEDING_G_PER_L = 1.5
BLEEDS = 0.1  # severity above which someone bleeds (assumption)
HEPARIN_PLATELETS_1E9_PER_L = 30.0  # fewer forbid it (SCARLET's limit; the guidance has none)

FOUR_PLATELETS = PLATELET_UNITS.index(4.0)
PLASMA_ML_PER_KG = 15.0
PLASMA_UNIT_ML = 240.0
FOUR_PLASMA = PLASMA_UNITS.index(4.0)  # that of 64 kg, where the weight is not known
TEN_CRYOPRECIPITATE = CRYOPRECIPITATE_UNITS.index(10.0)
LOW_HEPARIN = HEPARIN_U_PER_H.index(500.0)  # prophylaxis
# The ward with an ordered laboratory: treated by fresh results every eight hours, which were sent
# four hours after the last treatment (assumption).
TREAT_EVERY_H = 8.0
SENT_BEFORE_H = 4.0


class _Choice(NamedTuple):
    """Indices into the units of the task."""

    platelets: Array
    plasma: Array
    cryoprecipitate: Array
    heparin: Array


def _by_guideline(
    bleeds: Bool[Array, ""],
    platelets_1e9_per_l: Float[Array, ""],
    prolongation_s: Float[Array, ""],
    fibrinogen_g_per_l: Float[Array, ""],
    plasma: Array | int = FOUR_PLASMA,
) -> _Choice:
    """Products for who bleeds, heparin for who does not.

    Platelets below 50 if bleeding, below 20 otherwise; plasma (an index into the units) if bleeding
    and PT is above 1.5 times normal; cryoprecipitate if bleeding and fibrinogen is below 1.5 g/L;
    heparin at a prophylactic dose. Of the guidance this leaves out: plasma before cryoprecipitate
    for a low fibrinogen, the aPTT as a trigger of plasma, and full doses of heparin where
    thrombosis predominates, which the task does not show.
    """
    trigger = jnp.where(bleeds, PLATELETS_IF_BLEEDING_1E9_PER_L, PLATELETS_OTHERWISE_1E9_PER_L)
    slow = prolongation_s > (PT_RATIO_IF_BLEEDING - 1.0) * NORMAL_PT_S
    empty = fibrinogen_g_per_l < FIBRINOGEN_IF_BLEEDING_G_PER_L
    safe = ~bleeds & (platelets_1e9_per_l >= HEPARIN_PLATELETS_1E9_PER_L)
    return _Choice(
        jnp.where(platelets_1e9_per_l < trigger, FOUR_PLATELETS, 0),
        jnp.where(bleeds & slow, plasma, 0),
        jnp.where(bleeds & empty, TEN_CRYOPRECIPITATE, 0),
        jnp.where(safe, LOW_HEPARIN, 0),
    )


def guideline(env: DICManagement) -> Policy:
    """BCSH and ISTH, as `_by_guideline`."""

    def act(key, carry, observation):
        seen = env.decode_observation(observation)
        choice = _by_guideline(
            seen.bleeding > BLEEDS,
            seen.platelets_1e9_per_l,
            seen.prolongation_s,
            seen.fibrinogen_g_per_l,
        )
        return env.encode_action(*choice), carry

    return Policy("guideline", lambda params: (), act)


def ward_guideline(env: OrderedLaboratory) -> Policy:
    """The same by the newest results: products every eight hours, each time after a new sample."""

    def act(key, carry, observation):
        seen = env.decode_observation(observation)
        choice = _by_guideline(
            seen.bleeding > BLEEDS,
            seen.platelets_1e9_per_l.value,
            seen.pt_s.value - NORMAL_PT_S,
            seen.fibrinogen_g_per_l.value,
            _units_of_plasma(seen.weight_kg),
        )
        hour = jnp.mod(jnp.round(seen.hours), TREAT_EVERY_H)
        treats, samples = hour == 0.0, hour == TREAT_EVERY_H - SENT_BEFORE_H
        products = (jnp.where(treats, index, 0) for index in choice[:3])
        orders = dict.fromkeys(("platelets", "prothrombin_time", "fibrinogen"), samples)
        return env.encode_orders(env.encode_action(*products, choice.heparin), **orders), carry

    return Policy("guideline", lambda params: (), act)


def _units_of_plasma(weight_kg):
    """Which of the units comes next to 15 mL/kg."""
    wanted = PLASMA_ML_PER_KG * weight_kg / PLASMA_UNIT_ML
    middles = [0.5 * (a + b) for a, b in itertools.pairwise(PLASMA_UNITS[1:])]
    return 1 + sum((wanted > middle).astype(jnp.int32) for middle in middles)


def _fixed(name: str, choice: tuple[int, int, int, int]) -> Callable[[Any], Policy]:
    """The same treatment at every decision, and no orders."""

    def factory(env) -> Policy:
        def act(key, carry, observation):
            action = env.encode_action(*choice)
            return (env.encode_orders(action) if isinstance(env, OrderedLaboratory) else action), (
                carry
            )

        return Policy(name, lambda params: (), act)

    return factory


supportive_only = _fixed("supportive_only", (0, 0, 0, 0))
transfuse_everything = _fixed("transfuse_everything", (FOUR_PLATELETS, 3, TEN_CRYOPRECIPITATE, 0))

PROTOCOLS: Mapping[str, Callable[[Any], Policy]] = {
    "guideline": guideline,
    "supportive_only": supportive_only,
    "transfuse_everything": transfuse_everything,
    "random": random_policy,
}
POMDP_PROTOCOLS: Mapping[str, Callable[[Any], Policy]] = {
    "guideline": ward_guideline,
    "supportive_only": supportive_only,
    "transfuse_everything": transfuse_everything,
    "random": random_policy,
}
