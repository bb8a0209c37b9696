r"""Warfarin to INR, Hamberg 2010: the default model.

Source: Hamberg A-K, Wadelius M, Lindh JD, et al. A pharmacometric model describing the relationship
between warfarin dose and INR response with respect to variations in CYP2C9, VKORC1, and age.
Clin Pharmacol Ther 2010;87:727. R-warfarin, which has no effect here but is observed, is that of
Hamberg 2007 (`hamberg2007`). Values as two independent public transcriptions of the
papers agree on them.

With $C$ the S-warfarin concentration, $E = C^\gamma / (EC_{50}^\gamma + C^\gamma)$, two parallel
chains of three transit compartments relax towards the inhibited synthesis $1 - E$,

$$INR = BASE + INR_{max} (1 - (A_{3,fast} + A_{3,slow}) / 2).$$

The state carries the depression $1 - A$, which is zero without the drug and is driven by $E$.
"""

from typing import Any, ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float

from hemosim_jax.core.node import Node
from hemosim_jax.core.scalar import Scalar
from hemosim_jax.integrate import transit
from hemosim_jax.integrate.linear import one_compartment_oral
from hemosim_jax.physiology.pharmacodynamics import sigmoid_emax, transit_slope
from hemosim_jax.tasks.warfarin import hamberg2007
from hemosim_jax.tasks.warfarin.covariates import (
    REFERENCE_AGE_Y,
    Calibration,
    Covariates,
    Inputs,
    RandomEffects,
    allele_sum,
    by_genotype,
    clearance_ratio,
    dose_for_inhibition,
    ec50_ratio,
)
from hemosim_jax.tasks.warfarin.model import WarfarinModel

CLEARANCE_S_L_PER_H = {1: 0.174, 2: 0.0879, 3: 0.0422}  # per CYP2C9 allele, at 71 y
CLEARANCE_S_AGE_PER_Y = 0.00571  # fraction lost per year above 71
VOLUME_S_L = 14.3
ABSORPTION_RATE_PER_H = 2.0  # fixed in the paper
EC50_G_MG_PER_L, EC50_A_MG_PER_L = 2.05, 0.96  # per VKORC1 allele
HILL = 1.15
INR_MAX = 20.0  # fixed
TRANSIT_FAST_H, TRANSIT_SLOW_H = 28.6, 118.3  # mean transit times
STAGES = 3  # in each chain
RATE_FAST_PER_H, RATE_SLOW_PER_H = STAGES / TRANSIT_FAST_H, STAGES / TRANSIT_SLOW_H

PUBLISHED = Calibration(
    amiodarone_clearance_ratio=0.65,  # assumption: maintenance dose 25–40 % lower (Sanoski 2002)
    inducer_clearance_ratio=1.5,  # working value
    omega_clearance_s=0.089**0.5,  # the listed values read as variances (assumption: the
    omega_volume=0.054**0.5,  # transcriptions do not agree on the scale)
    omega_ec50=0.34**0.5,
    omega_clearance_r=hamberg2007.PUBLISHED.omega_clearance_r,
)


class Parameters(Node):
    """One patient's parameters."""

    clearance_s_l_per_h: Float[Array, ""]
    clearance_r_l_per_h: Float[Array, ""]
    volume_s_l: Float[Array, ""]
    volume_r_l: Float[Array, ""]
    ec50_mg_per_l: Float[Array, ""]
    baseline_inr: Float[Array, ""]


class State(Node):
    """Amounts (mg) of each enantiomer and depressions (0..1) of the two chains, first to last."""

    depot_mg: Float[Array, ""]  # of each enantiomer: half of the racemic dose still in the gut
    central_s_mg: Float[Array, ""]
    central_r_mg: Float[Array, ""]
    fast: tuple[Float[Array, ""], ...]
    slow: tuple[Float[Array, ""], ...]


class Hamberg2010(WarfarinModel):
    """See the module; time in hours."""

    PUBLISHED: ClassVar[Calibration] = PUBLISHED

    def individual_parameters(
        self, covariates: Covariates, effects: RandomEffects, calibration: Calibration
    ) -> Parameters:
        """Typical value of the covariates, refined by `calibration`, times the random effects."""
        typical_s = by_genotype(allele_sum(CLEARANCE_S_L_PER_H), covariates.cyp2c9) * (
            1.0 - CLEARANCE_S_AGE_PER_Y * (covariates.age_y - REFERENCE_AGE_Y)
        )
        ec50s = (2 * EC50_G_MG_PER_L, EC50_G_MG_PER_L + EC50_A_MG_PER_L, 2 * EC50_A_MG_PER_L)
        volume_deviation = jnp.exp(effects.volume)
        return Parameters(
            clearance_s_l_per_h=typical_s
            * clearance_ratio(covariates, calibration)
            * jnp.exp(effects.clearance_s),
            clearance_r_l_per_h=hamberg2007.typical_clearance_r(covariates.age_y)
            * jnp.exp(effects.clearance_r),
            volume_s_l=VOLUME_S_L * volume_deviation,
            volume_r_l=hamberg2007.VOLUME_R_L * volume_deviation,
            ec50_mg_per_l=by_genotype(ec50s, covariates.vkorc1)
            * ec50_ratio(covariates, calibration)
            * jnp.exp(effects.ec50),
            baseline_inr=covariates.baseline_inr,
        )

    def initial_state(self, parameters: Any = None) -> State:
        """A patient who has never taken warfarin."""
        zero = jnp.zeros((), jnp.result_type(float))
        return State(zero, zero, zero, fast=(zero,) * STAGES, slow=(zero,) * STAGES)

    def vector_field(self, t: Any, state: State, args: tuple[Parameters, Inputs]) -> State:
        """The full system, per hour."""
        parameters, inputs = args
        elimination_s, elimination_r, ec50 = _rates(parameters, inputs)
        absorbed = ABSORPTION_RATE_PER_H * state.depot_mg
        inhibition = sigmoid_emax(state.central_s_mg / parameters.volume_s_l, ec50, HILL)
        return State(
            depot_mg=-absorbed,
            central_s_mg=absorbed - elimination_s * state.central_s_mg,
            central_r_mg=absorbed - elimination_r * state.central_r_mg,
            fast=transit_slope(state.fast, inhibition, RATE_FAST_PER_H),
            slow=transit_slope(state.slow, inhibition, RATE_SLOW_PER_H),
        )

    def inr(self, state: State, parameters: Parameters) -> Float[Array, ""]:
        """International normalized ratio."""
        return parameters.baseline_inr + INR_MAX * 0.5 * (state.fast[-1] + state.slow[-1])

    def steady_state_dose_mg_per_day(
        self, parameters: Parameters, target_inr: Scalar
    ) -> Float[Array, "*b"]:
        """Daily racemic dose whose average concentration holds `target_inr`, in closed form."""
        inhibition = (target_inr - parameters.baseline_inr) / INR_MAX
        return dose_for_inhibition(parameters, inhibition, HILL)

    def flow(
        self, duration_h: Float[Array, ""], state: State, args: tuple[Parameters, Inputs]
    ) -> State:
        """Exact compartments and chains, the inhibition between them by a rule.

        Accurate to 0.01 INR for intervals up to a week.
        """
        parameters, inputs = args
        elimination_s, elimination_r, ec50 = _rates(parameters, inputs)
        rule = transit.AFTER_DOSE

        def central(amount, elimination_rate, time):
            return one_compartment_oral(
                state.depot_mg, amount, ABSORPTION_RATE_PER_H, elimination_rate, time
            )

        node_s_mg = central(state.central_s_mg, elimination_s, transit.node_times(rule, duration_h))
        inhibition = sigmoid_emax(node_s_mg / parameters.volume_s_l, ec50, HILL)
        fast, slow = transit.advance_chains(
            (state.fast, state.slow),
            inhibition,
            (RATE_FAST_PER_H, RATE_SLOW_PER_H),
            duration_h,
            rule,
        )
        return State(
            depot_mg=state.depot_mg * jnp.exp(-ABSORPTION_RATE_PER_H * duration_h),
            central_s_mg=central(state.central_s_mg, elimination_s, duration_h),
            central_r_mg=central(state.central_r_mg, elimination_r, duration_h),
            fast=fast,
            slow=slow,
        )


def _rates(parameters: Parameters, inputs: Inputs):
    elimination_s = (
        parameters.clearance_s_l_per_h * inputs.clearance_s_ratio / parameters.volume_s_l
    )
    elimination_r = parameters.clearance_r_l_per_h / parameters.volume_r_l
    return elimination_s, elimination_r, parameters.ec50_mg_per_l * inputs.ec50_ratio
