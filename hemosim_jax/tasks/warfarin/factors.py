r"""Warfarin to INR by the clotting factors that need vitamin K.

Pharmacokinetics: one compartment for each enantiomer, S by Hamberg 2010 and R by Hamberg 2007. Both
inhibit the recycling of vitamin K, R with a fraction $r$ of the potency of S; vitamin K competes.
With $H$ the vitamin K hydroquinone and $f_i$ the level of a factor, relative to normal,

$$u = \left(\frac{C_S + r\,C_R}{EC_{50}\,K}\right)^\gamma, \qquad
  \dot H = k_H \left(\frac{1}{1 + u} - H\right), \qquad
  \dot f_i = k_i \left(\frac{H}{H + \rho_i (1 - H)} - f_i\right),$$

$i$ = II, VII, IX, X and protein C; $k_i$ its published turnover, $\rho_i$ its sensitivity relative
to factor II (on a stable dose factor VII lies higher and factor X lower), $K$ the vitamin K at hand
relative to that of an ordinary diet. At rest $f_i = 1 / (1 + \rho_i u)$. The prothrombin time in
the cascade of Wajima 2009 depends, within 2.5 % up to four times its normal, on the product of
factors II, VII and X alone:

$$INR = BASE \, \exp(a L + b L^2), \qquad L = -\sum_i w_i \ln f_i,$$

with weights $w_i$ (1 in that cascade; a thromboplastin may see more of factor VII). What is fitted,
to what, and what is predicted: `benchmarks.warfarin_factors_fit`, `benchmarks.warfarin_evidence`.
The state carries deficits $1 - H$, $1 - f_i$, zero without the drug.
"""

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from hemosim_jax.core.node import Node
from hemosim_jax.core.scalar import Scalar
from hemosim_jax.integrate import transit
from hemosim_jax.integrate.linear import one_compartment_oral
from hemosim_jax.tasks.warfarin import hamberg2007, hamberg2010
from hemosim_jax.tasks.warfarin.covariates import (
    REFERENCE_AGE_Y,
    Calibration,
    Covariates,
    FactorCalibration,
    Inputs,
    RandomEffects,
    allele_sum,
    by_genotype,
    clearance_ratio,
    ec50_ratio,
)
from hemosim_jax.tasks.warfarin.model import WarfarinModel

FACTORS = ("II", "VII", "IX", "X", "PC")
# Half-lives (h) of II, VII, IX and X after prothrombin complex in 15 healthy volunteers (Ostermann
# et al., Thromb Haemost 2007;98:790); protein C: assumption, 8 to 10 h in textbooks.
HALF_LIFE_H = (59.7, 4.2, 16.7, 30.7, 9.0)
TURNOVER_PER_H = tuple(0.6931471805599453 / hours for hours in HALF_LIFE_H)
# Turnover of vitamin K hydroquinone in the cycle of Wajima 2009 (`d_VKH2`).
HYDROQUINONE_PER_H = 0.228
TYPICAL_BASELINE_INR = 1.02  # median of 35 healthy donors (Watala et al., Thromb J 2003;1:7)
# The prothrombin time of `physiology.coagulation.wajima`, as a function of L; see the tests.
PT_LINEAR, PT_QUADRATIC = 0.185, 0.0018
ABSORPTION_RATE_PER_H = hamberg2010.ABSORPTION_RATE_PER_H
_SMALLEST = 1e-30  # stands for zero in a logarithm
LEAST_LEVEL = 1e-3  # below it no clotting time is measured
# Rise of the levels per U/kg of four-factor prothrombin complex (50 U/kg, ibid.; protein C:
# assumption).
RECOVERY_PER_U_PER_KG = (0.0244, 0.0124, 0.0146, 0.0316, 0.025)
# Vitamin K given by mouth, relative to that of the diet; it acts at once and is lost at one rate.
# Fitted to the INR 14 to 16 h after 1 mg (Crowther et al., Thromb Haemost 1998;79:1116) and 2.5 and
# 5 mg (Baker et al., Br J Haematol 2006;133:331); the half-life is an assumption.
VITAMIN_K_HALF_LIFE_H = 12.0
VITAMIN_K_LOSS_PER_H = 0.6931471805599453 / VITAMIN_K_HALF_LIFE_H
VITAMIN_K_PER_MG = 0.7
# Eight points do where the hydroquinone smooths what a dose does; eight fill a vector register.
AFTER_DOSE = transit.panels((0.0, 1 / 10, 1.0), points=4)
NEWTON_STEPS = 8


PUBLISHED = FactorCalibration(
    **{
        name: getattr(hamberg2010.PUBLISHED, name)
        for name in (
            "amiodarone_clearance_ratio",
            "inducer_clearance_ratio",
            "omega_clearance_s",
            "omega_volume",
            "omega_ec50",
            "omega_clearance_r",
        )
    }
)


class Parameters(Node):
    """One patient's parameters."""

    clearance_s_l_per_h: Float[Array, ""]
    clearance_r_l_per_h: Float[Array, ""]
    volume_s_l: Float[Array, ""]
    volume_r_l: Float[Array, ""]
    ec50_mg_per_l: Float[Array, ""]
    baseline_inr: Float[Array, ""]
    hill: Float[Array, ""]
    r_potency: Float[Array, ""]
    sensitivity: tuple[Float[Array, ""], ...]
    pt_weights: tuple[Float[Array, ""], ...]


class State(Node):
    """Amounts (mg), deficits of the factors (fraction of normal), vitamin K given (mg) at work."""

    depot_mg: Float[Array, ""]  # of each enantiomer: half of the racemic dose still in the gut
    central_s_mg: Float[Array, ""]
    central_r_mg: Float[Array, ""]
    inhibition: Float[Array, ""]  # deficit of vitamin K hydroquinone (fraction of normal)
    deficits: tuple[Float[Array, ""], ...]
    vitamin_k_mg: Float[Array, ""]


class FactorTurnover(WarfarinModel):
    """See the module; time in hours."""

    PUBLISHED: ClassVar[Calibration] = PUBLISHED

    def individual_parameters(
        self, covariates: Covariates, effects: RandomEffects, calibration: Any
    ) -> Parameters:
        """Typical value of the covariates by a `FactorCalibration`, times the random effects."""
        typical_s = by_genotype(allele_sum(hamberg2010.CLEARANCE_S_L_PER_H), covariates.cyp2c9) * (
            1.0 - hamberg2010.CLEARANCE_S_AGE_PER_Y * (covariates.age_y - REFERENCE_AGE_Y)
        )
        volume_deviation = jnp.exp(effects.volume)
        ec50 = calibration.ec50_mg_per_l
        for code, ratio in enumerate(calibration.vkorc1_ec50_ratios, start=1):
            ec50 = ec50 * jnp.where(covariates.vkorc1 == code, ratio, 1.0)
        everyone = jnp.zeros_like(covariates.age_y)
        return Parameters(
            clearance_s_l_per_h=typical_s
            * clearance_ratio(covariates, calibration)
            * jnp.exp(effects.clearance_s),
            clearance_r_l_per_h=hamberg2007.typical_clearance_r(covariates.age_y)
            * jnp.exp(effects.clearance_r),
            volume_s_l=hamberg2010.VOLUME_S_L * volume_deviation,
            volume_r_l=hamberg2007.VOLUME_R_L * volume_deviation,
            ec50_mg_per_l=ec50 * ec50_ratio(covariates, calibration) * jnp.exp(effects.ec50),
            baseline_inr=covariates.baseline_inr,
            hill=everyone + calibration.hill,
            r_potency=everyone + calibration.r_potency,
            sensitivity=tuple(everyone + value for value in calibration.sensitivity),
            pt_weights=tuple(everyone + value for value in calibration.pt_weights),
        )

    def initial_state(self, parameters: Any = None) -> State:
        """A patient who has never taken warfarin."""
        zero = jnp.zeros((), jnp.result_type(float))
        return State(zero, zero, zero, zero, (zero,) * len(FACTORS), zero)

    def give_vitamin_k(self, state: State, dose_mg: Scalar) -> State:
        """Vitamin K1."""
        return state.replace(vitamin_k_mg=state.vitamin_k_mg + dose_mg)

    def give_prothrombin_complex(self, state: State, dose_u_per_kg: Scalar) -> State:
        """Four-factor concentrate, which raises the levels at once."""
        return state.replace(
            deficits=tuple(
                deficit - recovery * dose_u_per_kg
                for deficit, recovery in zip(state.deficits, RECOVERY_PER_U_PER_KG, strict=True)
            )
        )

    def vector_field(self, t: Any, state: State, args: tuple[Parameters, Inputs]) -> State:
        """The full system, per hour."""
        parameters, inputs = args
        elimination_s, elimination_r = _elimination_rates(parameters, inputs)
        absorbed = ABSORPTION_RATE_PER_H * state.depot_mg
        inhibited = _inhibited(
            state.central_s_mg, state.central_r_mg, state.vitamin_k_mg, parameters, inputs
        )
        return State(
            depot_mg=-absorbed,
            central_s_mg=absorbed - elimination_s * state.central_s_mg,
            central_r_mg=absorbed - elimination_r * state.central_r_mg,
            inhibition=HYDROQUINONE_PER_H * (inhibited - state.inhibition),
            deficits=tuple(
                rate * (share - deficit)
                for rate, share, deficit in zip(
                    TURNOVER_PER_H,
                    _share_lost(state.inhibition, parameters),
                    state.deficits,
                    strict=True,
                )
            ),
            vitamin_k_mg=-VITAMIN_K_LOSS_PER_H * state.vitamin_k_mg,
        )

    def levels(self, state: State) -> dict[str, Float[Array, ""]]:
        """The factors relative to normal, by name."""
        return {name: 1.0 - d for name, d in zip(FACTORS, state.deficits, strict=True)}

    def levels_at_rest(
        self, parameters: Parameters, target_inr: Scalar
    ) -> dict[str, Float[Array, "*b"]]:
        """The factors on the average concentrations that hold `target_inr`, by name."""
        u = jnp.exp(_log_inhibition(parameters, target_inr))
        return {
            name: 1.0 / (1.0 + rho * u)
            for name, rho in zip(FACTORS, parameters.sensitivity, strict=True)
        }

    def inr(self, state: State, parameters: Parameters) -> Float[Array, ""]:
        """International normalized ratio."""
        two, seven, _, ten, _ = state.deficits
        lengthening = -sum(
            weight * jnp.log1p(-jnp.minimum(deficit, 1.0 - LEAST_LEVEL))
            for weight, deficit in zip(parameters.pt_weights, (two, seven, ten), strict=True)
        )
        return parameters.baseline_inr * jnp.exp(
            lengthening * (PT_LINEAR + PT_QUADRATIC * lengthening)
        )

    def steady_state_dose_mg_per_day(
        self, parameters: Parameters, target_inr: Scalar
    ) -> Float[Array, "*b"]:
        """Daily racemic dose whose average concentrations hold `target_inr` (above baseline)."""
        log_u = _log_inhibition(parameters, target_inr)
        effective = parameters.ec50_mg_per_l * jnp.exp(log_u / parameters.hill)
        per_mg_per_h = 0.5 * (
            1.0 / parameters.clearance_s_l_per_h
            + parameters.r_potency / parameters.clearance_r_l_per_h
        )
        return 24.0 * effective / per_mg_per_h

    def flow(
        self, duration_h: Float[Array, ""], state: State, args: tuple[Parameters, Inputs]
    ) -> State:
        """Exact compartments and factors behind their smooth inputs.

        Accurate to 0.001 INR over 6 h, 0.006 over a day and 0.02 over three (INR below 6).
        """
        parameters, inputs = args
        elimination_s, elimination_r = _elimination_rates(parameters, inputs)
        rule = AFTER_DOSE

        def amounts(time):
            central_s_mg, central_r_mg = (
                one_compartment_oral(state.depot_mg, amount, ABSORPTION_RATE_PER_H, rate, time)
                for amount, rate in (
                    (state.central_s_mg, elimination_s),
                    (state.central_r_mg, elimination_r),
                )
            )
            vitamin_k_mg = state.vitamin_k_mg * jnp.exp(-VITAMIN_K_LOSS_PER_H * time)
            return central_s_mg, central_r_mg, vitamin_k_mg

        s_mg, r_mg, k_mg = amounts(transit.node_times(rule, duration_h))
        inhibited = _inhibited(s_mg, r_mg, k_mg, parameters, inputs)
        inhibition = transit.turnover_at_nodes(
            state.inhibition, inhibited, HYDROQUINONE_PER_H, duration_h, rule
        )
        (end,) = transit.advance_turnovers(
            (state.inhibition,), (inhibited,), (HYDROQUINONE_PER_H,), duration_h, rule
        )
        lost = _share_lost(inhibition, parameters)
        central_s_mg, central_r_mg, vitamin_k_mg = amounts(duration_h)
        return State(
            depot_mg=state.depot_mg * jnp.exp(-ABSORPTION_RATE_PER_H * duration_h),
            central_s_mg=central_s_mg,
            central_r_mg=central_r_mg,
            inhibition=end,
            deficits=transit.advance_turnovers(
                state.deficits, lost, TURNOVER_PER_H, duration_h, rule
            ),
            vitamin_k_mg=vitamin_k_mg,
        )


def _log_inhibition(parameters: Parameters, target_inr: Scalar) -> Float[Array, "*b"]:
    """ln u at which the INR rests at `target_inr`, by Newton's method."""
    log_ratio = jnp.log(target_inr / parameters.baseline_inr)
    root = jnp.sqrt(PT_LINEAR**2 + 4.0 * PT_QUADRATIC * log_ratio)
    needed = (root - PT_LINEAR) / (2.0 * PT_QUADRATIC)  # L
    two, seven, _, ten, _ = parameters.sensitivity
    pairs = tuple(zip(parameters.pt_weights, (two, seven, ten), strict=True))
    log_u = jnp.zeros_like(needed)
    for _ in range(NEWTON_STEPS):
        u = jnp.exp(log_u)
        length = sum(weight * jnp.log1p(rho * u) for weight, rho in pairs)
        slope = sum(weight * rho * u / (1.0 + rho * u) for weight, rho in pairs)
        # On the logarithm of the length, in which the problem is nearly linear.
        log_u = log_u - length / slope * jnp.log(length / needed)
    return log_u


def _elimination_rates(parameters: Parameters, inputs: Inputs):
    return (
        parameters.clearance_s_l_per_h * inputs.clearance_s_ratio / parameters.volume_s_l,
        parameters.clearance_r_l_per_h / parameters.volume_r_l,
    )


def _inhibited(central_s_mg, central_r_mg, vitamin_k_mg, parameters, inputs):
    """By how much the recycling of vitamin K is reduced (0..1)."""
    effective = (
        central_s_mg / parameters.volume_s_l
        + parameters.r_potency * central_r_mg / parameters.volume_r_l
    )
    ec50 = parameters.ec50_mg_per_l * inputs.ec50_ratio * (1.0 + VITAMIN_K_PER_MG * vitamin_k_mg)
    log_u = parameters.hill * jnp.log(jnp.maximum(effective, _SMALLEST) / ec50)
    return jax.nn.sigmoid(log_u)


def _share_lost(inhibition, parameters):
    """By how much the synthesis of each factor is reduced (0..1)."""
    left = 1.0 - inhibition
    return tuple(rho * inhibition / (left + rho * inhibition) for rho in parameters.sensitivity)
