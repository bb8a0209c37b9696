r"""Warfarin to INR, Hamberg 2007: two-compartment S-warfarin, six + one transit compartments.

Source: Hamberg A-K, Dahl M-L, Barban M, et al. A PK–PD model for predicting the impact of age,
CYP2C9, and VKORC1 genotype on individualization of warfarin therapy. Clin Pharmacol Ther
2007;81:529, Tables 2–5. Values as two independent public transcriptions agree on them; clearances
are apparent (bioavailability 1), the variabilities are coefficients of variation.

$$INR = BASE + INR_{max} (1 - A_6 A_7)^\lambda,$$

$A_6$ the last of six compartments with rate $1/MTT_1$ *each* (as printed), $A_7$ a single one with
rate $1/MTT_2$. Its steady states are the paper's Table 5; for the time course Hamberg 2010 is the
better model (this one peaks on day 4–5). The variability of the two transit times (14 and 102 %) is
left out, and all volumes of a patient share one random effect (the paper has CV 99 % on the
peripheral volume alone). The state carries the depressions $1 - A$.
"""

from typing import Any, ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float

from hemosim_jax.core.node import Node
from hemosim_jax.core.scalar import Scalar
from hemosim_jax.integrate import transit
from hemosim_jax.integrate.linear import one_compartment_oral, two_compartment_oral
from hemosim_jax.physiology.pharmacodynamics import sigmoid_emax, transit_slope
from hemosim_jax.tasks.warfarin.covariates import (
    REFERENCE_AGE_Y,
    Calibration,
    Covariates,
    Inputs,
    RandomEffects,
    by_genotype,
    clearance_ratio,
    dose_for_inhibition,
    ec50_ratio,
)
from hemosim_jax.tasks.warfarin.model import WarfarinModel

CLEARANCE_S_L_PER_H = 0.314  # *1/*1, 71 y
CLEARANCE_S_RETAINED = (1.0, 0.685, 0.547, 0.278, 0.310, 0.148)  # by CYP2C9 genotype
CLEARANCE_S_AGE_PER_Y = 0.0091
VOLUME_S_CENTRAL_L, VOLUME_S_PERIPHERAL_L = 13.8, 6.59
INTERCOMPARTMENTAL_S_L_PER_H = 0.131
CLEARANCE_R_L_PER_H = 0.139  # 71 y
CLEARANCE_R_AGE_PER_Y = 0.0098
VOLUME_R_L = 12.8
ABSORPTION_RATE_PER_H = 2.0  # fixed
EC50_MG_PER_L = (4.61, 3.02, 2.20)  # by VKORC1 genotype
HILL = 0.424
INR_MAX = 20.0  # fixed
INR_EXPONENT = 3.61
TRANSIT_FAST_H, TRANSIT_SLOW_H = 11.6, 120.0
STAGES_FAST, STAGES_SLOW = 6, 1
RATE_FAST_PER_H, RATE_SLOW_PER_H = 1 / TRANSIT_FAST_H, 1 / TRANSIT_SLOW_H


PUBLISHED = Calibration(
    amiodarone_clearance_ratio=0.65,  # as for Hamberg 2010
    inducer_clearance_ratio=1.5,
    omega_clearance_s=0.303,  # SD of the log for CV 31.0 %
    omega_volume=0.258,  # CV 26.2 %
    omega_ec50=0.393,  # CV 40.9 %
    omega_clearance_r=0.251,  # CV 25.5 %
)


class Parameters(Node):
    """One patient's parameters."""

    clearance_s_l_per_h: Float[Array, ""]
    clearance_r_l_per_h: Float[Array, ""]
    volume_s_l: Float[Array, ""]  # central
    volume_s_peripheral_l: Float[Array, ""]
    volume_r_l: Float[Array, ""]
    ec50_mg_per_l: Float[Array, ""]
    baseline_inr: Float[Array, ""]


class State(Node):
    """Amounts (mg) of each enantiomer and depressions (0..1) of the two chains, first to last."""

    depot_mg: Float[Array, ""]  # of each enantiomer: half of the racemic dose still in the gut
    central_s_mg: Float[Array, ""]
    peripheral_s_mg: Float[Array, ""]
    central_r_mg: Float[Array, ""]
    fast: tuple[Float[Array, ""], ...]
    slow: tuple[Float[Array, ""], ...]


def typical_clearance_r(age_y: Float[Array, "*b"]) -> Float[Array, "*b"]:
    """R-warfarin clearance (L/h)."""
    return CLEARANCE_R_L_PER_H * (1.0 - CLEARANCE_R_AGE_PER_Y * (age_y - REFERENCE_AGE_Y))


class Hamberg2007(WarfarinModel):
    """See the module; time in hours."""

    PUBLISHED: ClassVar[Calibration] = PUBLISHED

    def individual_parameters(
        self, covariates: Covariates, effects: RandomEffects, calibration: Calibration
    ) -> Parameters:
        """Typical value of the covariates, refined by `calibration`, times the random effects."""
        typical_s = (
            CLEARANCE_S_L_PER_H
            * by_genotype(CLEARANCE_S_RETAINED, covariates.cyp2c9)
            * (1.0 - CLEARANCE_S_AGE_PER_Y * (covariates.age_y - REFERENCE_AGE_Y))
        )
        volume_deviation = jnp.exp(effects.volume)
        return Parameters(
            clearance_s_l_per_h=typical_s
            * clearance_ratio(covariates, calibration)
            * jnp.exp(effects.clearance_s),
            clearance_r_l_per_h=typical_clearance_r(covariates.age_y)
            * jnp.exp(effects.clearance_r),
            volume_s_l=VOLUME_S_CENTRAL_L * volume_deviation,
            volume_s_peripheral_l=VOLUME_S_PERIPHERAL_L * volume_deviation,
            volume_r_l=VOLUME_R_L * volume_deviation,
            ec50_mg_per_l=by_genotype(EC50_MG_PER_L, covariates.vkorc1)
            * ec50_ratio(covariates, calibration)
            * jnp.exp(effects.ec50),
            baseline_inr=covariates.baseline_inr,
        )

    def initial_state(self, parameters: Any = None) -> State:
        """A patient who has never taken warfarin."""
        zero = jnp.zeros((), jnp.result_type(float))
        return State(zero, zero, zero, zero, fast=(zero,) * STAGES_FAST, slow=(zero,) * STAGES_SLOW)

    def vector_field(self, t: Any, state: State, args: tuple[Parameters, Inputs]) -> State:
        """The full system, per hour."""
        parameters, inputs = args
        k10, k12, k21, elimination_r, ec50 = _rates(parameters, inputs)
        absorbed = ABSORPTION_RATE_PER_H * state.depot_mg
        exchange = k12 * state.central_s_mg - k21 * state.peripheral_s_mg
        inhibition = sigmoid_emax(state.central_s_mg / parameters.volume_s_l, ec50, HILL)
        return State(
            depot_mg=-absorbed,
            central_s_mg=absorbed - k10 * state.central_s_mg - exchange,
            peripheral_s_mg=exchange,
            central_r_mg=absorbed - elimination_r * state.central_r_mg,
            fast=transit_slope(state.fast, inhibition, RATE_FAST_PER_H),
            slow=transit_slope(state.slow, inhibition, RATE_SLOW_PER_H),
        )

    def inr(self, state: State, parameters: Parameters) -> Float[Array, ""]:
        """International normalized ratio."""
        fast, slow = state.fast[-1], state.slow[-1]
        depression = fast + slow - fast * slow  # 1 - A6 A7
        return parameters.baseline_inr + INR_MAX * depression**INR_EXPONENT

    def steady_state_dose_mg_per_day(
        self, parameters: Parameters, target_inr: Scalar
    ) -> Float[Array, "*b"]:
        """Daily racemic dose whose average concentration holds `target_inr`, in closed form."""
        product = 1.0 - ((target_inr - parameters.baseline_inr) / INR_MAX) ** (1.0 / INR_EXPONENT)
        return dose_for_inhibition(parameters, 1.0 - jnp.sqrt(product), HILL)

    def flow(
        self, duration_h: Float[Array, ""], state: State, args: tuple[Parameters, Inputs]
    ) -> State:
        """As in `hamberg2010`."""
        parameters, inputs = args
        k10, k12, k21, elimination_r, ec50 = _rates(parameters, inputs)
        rule = transit.AFTER_DOSE

        def s_warfarin(time):
            return two_compartment_oral(
                state.depot_mg,
                state.central_s_mg,
                state.peripheral_s_mg,
                ABSORPTION_RATE_PER_H,
                k10,
                k12,
                k21,
                time,
            )

        node_s_mg, _ = s_warfarin(transit.node_times(rule, duration_h))
        inhibition = sigmoid_emax(node_s_mg / parameters.volume_s_l, ec50, HILL)
        central_s_mg, peripheral_s_mg = s_warfarin(duration_h)
        fast, slow = transit.advance_chains(
            (state.fast, state.slow),
            inhibition,
            (RATE_FAST_PER_H, RATE_SLOW_PER_H),
            duration_h,
            rule,
        )
        return State(
            depot_mg=state.depot_mg * jnp.exp(-ABSORPTION_RATE_PER_H * duration_h),
            central_s_mg=central_s_mg,
            peripheral_s_mg=peripheral_s_mg,
            central_r_mg=one_compartment_oral(
                state.depot_mg, state.central_r_mg, ABSORPTION_RATE_PER_H, elimination_r, duration_h
            ),
            fast=fast,
            slow=slow,
        )


def _rates(parameters: Parameters, inputs: Inputs):
    clearance_s = parameters.clearance_s_l_per_h * inputs.clearance_s_ratio
    return (
        clearance_s / parameters.volume_s_l,
        INTERCOMPARTMENTAL_S_L_PER_H / parameters.volume_s_l,
        INTERCOMPARTMENTAL_S_L_PER_H / parameters.volume_s_peripheral_l,
        parameters.clearance_r_l_per_h / parameters.volume_r_l,
        parameters.ec50_mg_per_l * inputs.ec50_ratio,
    )
