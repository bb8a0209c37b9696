r"""Unfractionated heparin: level, antithrombin, aPTT, platelets.

Structure: de Swart et al., Blood 1982;60:1251 (a saturable path through endothelium and
macrophages beside a linear, renal one, one compartment the size of the blood). The numbers are a
working calibration (assumption: no published estimates were found): they give the half-lives of
30, 60 and 150 min after 25, 100 and 400 U/kg (Hirsh & Raschke, Chest 2004;126:188S) within a half,
and at 18 U/kg/h the level that the trial of Raschke 1993 implies.

With $C$ the anti-Xa level, $A$ antithrombin, $B$ the activity of heparin-dependent antibodies, $P$
platelets, $R$ the infusion,

$$C' = R/V - \frac{V_{max} C / (K_m + C) + k_l C}{V (1 + a \cos(2 \pi t / 24 h))}$$
$$A' = (A_0 - A (1 + \alpha C)) / \tau_A$$
$$B' = I\,h(C) (1 - B) / \tau_{on} - (1 - h(C)) B / \tau_{off}, \quad h(C) = C / (C + C_h)$$
$$P' = (P_0 - P) / \tau_P - k_B B P$$

where $I$ says whether the patient is immunized and $t$ is counted from the hour of the day at which
the level is highest. Without antibodies platelets stay where they are.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from hemosim_jax.core.model import Model
from hemosim_jax.core.node import Node
from hemosim_jax.core.scalar import Scalar
from hemosim_jax.integrate import StepMap, solve
from hemosim_jax.integrate.exponential import relax, rosenbrock_step
from hemosim_jax.physiology import aptt_reagent
from hemosim_jax.physiology.aptt_reagent import Reagent

TYPICAL_APTT_S = 30.0  # without heparin (working calibration)
TYPICAL_PLATELETS_1E9_PER_L = 240.0  # assumption

# Working calibration (assumption), per kg at 80 kg. The heavy need less for each kg: at therapeutic
# aPTT 2,017 U/h at 130 kg or more and 1,582 at 95 to 104 kg (J Crit Care 2015), 2,146 U/h above
# 150 kg and 1,229 below 100 kg (200 patients, Int J Clin Pharm 2020), both an exponent of about
# 0.65. Blood volume goes with the root of the weight at a given height (Lemmens et al., Obes Surg
# 2006, recalled).
REFERENCE_WEIGHT_KG = 80.0
CLEARANCE_WEIGHT_EXPONENT, VOLUME_WEIGHT_EXPONENT = 0.65, 0.5
VOLUME_ML_PER_KG = 50.0
MAX_ELIMINATION_U_PER_H_PER_KG = 77.9
MICHAELIS_U_PER_ML = 1.466
LINEAR_CLEARANCE_ML_PER_H_PER_KG = 4.0  # at normal renal function

# At a constant rate level and aPTT are highest at night: 26 % of the mean lie between the highest
# and the lowest anti-Xa level in nine patients (J Intern Med 1994), 40 % in six (Decousus et al.,
# Br Med J 1985;290:341), and 22 to 50 % of the aPTT. The hour differs between patients.
CIRCADIAN_AMPLITUDE = 0.17  # of elimination: 40 % in the level on a usual infusion, 23 in the aPTT
RADIANS_PER_H = 2.0 * math.pi / 24.0

# Antithrombin falls by 0.16 U/mL (SD 0.13) in a week of infusion, mostly in the first three days
# (198 patients with deep vein thrombosis; Holm et al., Scand J Haematol 1985, authors recalled),
# and is back two or three days after (Marciniak & Gockerman, Lancet 1977;2:581).
ANTITHROMBIN_TURNOVER_H = 48.0  # assumption, from those days
ANTITHROMBIN_CONSUMPTION_ML_PER_U = 0.48  # alpha: a steady 0.4 U/mL lowers it by 0.16
# Heparin's effect goes with A / (A + K): little is lost until antithrombin is far below normal (no
# relation of antithrombin and heparin requirement in 232 patients, Thromb Res 1987;46:539). It is 1
# at the level of patients on heparin, from whom a reagent's curve is taken.
ANTITHROMBIN_HALF_EFFECT = 0.15  # K; assumption
ANTITHROMBIN_ON_HEPARIN = 0.9  # assumption, after the first days

# Heparin-induced thrombocytopenia. Platelets are back at 150 some 4 days after stopping (recalled).
PLATELET_TURNOVER_H = 120.0  # assumption: production is stimulated, the lifespan is 8–10 days
ANTIBODY_RISE_H = 12.0  # assumption
ANTIBODY_FALL_H = 12.0  # assumption: without heparin the complexes go, the antibodies stay
ANTIBODY_HEPARIN_U_PER_ML = 0.02  # C_h: traces suffice (assumption)
# Destruction x turnover: 3.8 gives a nadir of 50 from 240 (recalled median: 50–60).
PLATELET_DESTRUCTION_PER_H = 3.8 / PLATELET_TURNOVER_H

# Major bleeding: 7 % more for each 10 s of aPTT (recalled, OASIS-2). The relation is taken as it is
# down to the drug-free aPTT, where it leaves 0.8 of the hazard at 60 s (assumption).
BLEEDING_PER_APTT_S = 0.1 * 0.0677  # log(1.07) / 10 s
BLEEDING_REFERENCE_APTT_S = 60.0

# 1 mg for 100 U in the blood; not more than 50 mg at once (labels).
PROTAMINE_U_PER_MG = 100.0
MAX_PROTAMINE_MG = 50.0

# Step boundaries as fractions of the interval: dense after a bolus. Five steps keep the aPTT within
# 1.1 s in 20,000 values for intervals up to 12 h, half of them within 0.03 s; longer intervals are
# stable, but rough after a high bolus.
_GRID = tuple((i / 5.0) ** 1.5 for i in range(6))


class Parameters(Node):
    """One patient's parameters."""

    volume_ml: Float[Array, ""]
    max_elimination_u_per_h: Float[Array, ""]
    michaelis_u_per_ml: Float[Array, ""]
    linear_clearance_ml_per_h: Float[Array, ""]
    baseline_aptt_s: Float[Array, ""]
    aptt_gain: Float[Array, ""]  # on the logarithm of the reagent's prolongation; 1: typical
    baseline_antithrombin: Float[Array, ""]  # fraction of normal
    baseline_platelets_1e9_per_l: Float[Array, ""]
    platelet_destruction_per_h: Float[Array, ""]  # at full antibody activity
    clock_at_start_h: Float[Array, ""]  # since the level's daily peak


class Inputs(Node):
    """What acts on the patient, constant over an interval."""

    infusion_u_per_h: Float[Array, ""]
    elimination_ratio: Float[Array, ""]  # on the saturable path; 1: as at the start
    renal_function: Float[Array, ""]  # on the linear path; 1: normal
    immunized: Float[Array, ""]  # share of the interval after the onset of antibodies
    reagent: Reagent = aptt_reagent.PAPER  # of the aPTT that bleeding follows
    circadian_amplitude: Scalar = 0.0  # of elimination, relative to its mean


class State(Node):
    """Level (U/mL), antithrombin (fraction of normal), antibody activity (0..1), platelets."""

    anti_xa_u_per_ml: Float[Array, ""]
    antithrombin: Float[Array, ""]
    antibody_activity: Float[Array, ""]
    platelets_1e9_per_l: Float[Array, ""]
    bleeding_h: Float[Array, ""]  # hours gathered so far, each by its hazard relative to 60 s
    # Cosine and sine of the hour of the day, counted from the level's daily peak.
    rhythm: tuple[Float[Array, ""], Float[Array, ""]]


def typical_parameters(weight_kg: Float[Array, "*b"]) -> Parameters:
    """The patient without individual differences."""
    one = jnp.ones_like(weight_kg)
    log_size = jnp.log(weight_kg / REFERENCE_WEIGHT_KG)
    clearing_kg = REFERENCE_WEIGHT_KG * jnp.exp(CLEARANCE_WEIGHT_EXPONENT * log_size)
    volume_kg = REFERENCE_WEIGHT_KG * jnp.exp(VOLUME_WEIGHT_EXPONENT * log_size)
    return Parameters(
        volume_ml=VOLUME_ML_PER_KG * volume_kg,
        max_elimination_u_per_h=MAX_ELIMINATION_U_PER_H_PER_KG * clearing_kg,
        michaelis_u_per_ml=MICHAELIS_U_PER_ML * one,
        linear_clearance_ml_per_h=LINEAR_CLEARANCE_ML_PER_H_PER_KG * clearing_kg,
        baseline_aptt_s=TYPICAL_APTT_S * one,
        aptt_gain=one,
        baseline_antithrombin=one,
        baseline_platelets_1e9_per_l=TYPICAL_PLATELETS_1E9_PER_L * one,
        platelet_destruction_per_h=PLATELET_DESTRUCTION_PER_H * one,
        clock_at_start_h=0.0 * one,
    )


def give_bolus(state: State, bolus_u: Float[Array, ""], parameters: Parameters) -> State:
    """An intravenous bolus, mixed at once."""
    return state.replace(anti_xa_u_per_ml=state.anti_xa_u_per_ml + bolus_u / parameters.volume_ml)


def give_protamine(state: State, protamine_mg: Float[Array, ""], parameters: Parameters) -> State:
    """At most 50 mg; neutralizes at once what it meets, and what is left over has no effect."""
    given_mg = jnp.minimum(protamine_mg, MAX_PROTAMINE_MG)
    neutralized = PROTAMINE_U_PER_MG * given_mg / parameters.volume_ml
    return state.replace(anti_xa_u_per_ml=_not_negative(state.anti_xa_u_per_ml - neutralized))


def protamine_dose_mg(state: State, parameters: Parameters) -> Float[Array, ""]:
    """The dose that neutralizes the heparin now in the blood, 50 mg at most."""
    heparin_u = state.anti_xa_u_per_ml * parameters.volume_ml
    return jnp.minimum(heparin_u / PROTAMINE_U_PER_MG, MAX_PROTAMINE_MG)


def aptt_s(state: State, parameters: Parameters, reagent: Reagent) -> Float[Array, ""]:
    """Activated partial thromboplastin time; at most the reagent's limit."""
    k, usual = ANTITHROMBIN_HALF_EFFECT, ANTITHROMBIN_ON_HEPARIN
    effect = state.antithrombin / (state.antithrombin + k) * ((usual + k) / usual)
    effective = state.anti_xa_u_per_ml * effect
    log_ratio = parameters.aptt_gain * aptt_reagent.prolongation(effective, reagent)
    # Cut before the exponential: a level far beyond the limit must not overflow.
    log_limit = jnp.log(reagent.limit_s / parameters.baseline_aptt_s)
    return parameters.baseline_aptt_s * jnp.exp(jnp.minimum(log_ratio, log_limit))


def relative_bleeding_hazard(aptt_s: Float[Array, ""]) -> Float[Array, ""]:
    """Of major bleeding; 1 at an aPTT of 60 s."""
    return jnp.exp(BLEEDING_PER_APTT_S * (aptt_s - BLEEDING_REFERENCE_APTT_S))


def aptt_slope_s_per_h(
    state: State, parameters: Parameters, inputs: Inputs, reagent: Reagent
) -> Float[Array, ""]:
    """How fast the aPTT changes with the level; antithrombin, which is slow, is left out."""

    def reading(level):
        return aptt_s(state.replace(anti_xa_u_per_ml=level), parameters, reagent)

    level = state.anti_xa_u_per_ml
    slope = _level_slope(level, state.rhythm[0], parameters, inputs)
    return jax.jvp(reading, (level,), (slope,))[1]


def steady_state_anti_xa(
    infusion_u_per_h: Float[Array, ""], parameters: Parameters, renal_function: Float[Array, ""]
) -> Float[Array, ""]:
    """The level at which a constant infusion is eliminated as fast as it is given (U/mL)."""
    linear = parameters.linear_clearance_ml_per_h * renal_function
    km = parameters.michaelis_u_per_ml
    half_b = 0.5 * (parameters.max_elimination_u_per_h + linear * km - infusion_u_per_h)
    root = jnp.sqrt(half_b**2 + linear * km * infusion_u_per_h)
    return infusion_u_per_h * km / (half_b + root)  # the quadratic's positive root


class HeparinModel(Model):
    """See the module; time in hours."""

    def initial_state(self, parameters: Parameters) -> State:
        """Before heparin: an equilibrium."""
        zero = jnp.zeros_like(parameters.volume_ml)
        return State(
            anti_xa_u_per_ml=zero,
            antithrombin=parameters.baseline_antithrombin,
            antibody_activity=zero,
            platelets_1e9_per_l=parameters.baseline_platelets_1e9_per_l,
            bleeding_h=zero,
            rhythm=_rhythm(parameters.clock_at_start_h),
        )

    def vector_field(self, t: Any, state: State, args: tuple[Parameters, Inputs]) -> State:
        """The full system, per hour."""
        parameters, inputs = args
        level = state.anti_xa_u_per_ml
        bound = level / (level + ANTIBODY_HEPARIN_U_PER_ML)
        antibodies, platelets = state.antibody_activity, state.platelets_1e9_per_l
        return State(
            anti_xa_u_per_ml=_level_slope(level, state.rhythm[0], parameters, inputs),
            antithrombin=(
                parameters.baseline_antithrombin
                - state.antithrombin * (1.0 + ANTITHROMBIN_CONSUMPTION_ML_PER_U * level)
            )
            / ANTITHROMBIN_TURNOVER_H,
            antibody_activity=inputs.immunized * bound * (1.0 - antibodies) / ANTIBODY_RISE_H
            - (1.0 - bound) * antibodies / ANTIBODY_FALL_H,
            platelets_1e9_per_l=(parameters.baseline_platelets_1e9_per_l - platelets)
            / PLATELET_TURNOVER_H
            - parameters.platelet_destruction_per_h * antibodies * platelets,
            bleeding_h=relative_bleeding_hazard(aptt_s(state, parameters, inputs.reagent)),
            rhythm=(-RADIANS_PER_H * state.rhythm[1], RADIANS_PER_H * state.rhythm[0]),
        )

    def advance(
        self,
        state: State,
        duration: Float[Array, ""],
        parameters: Parameters,
        inputs: Inputs,
        *,
        differentiable: bool = False,
    ) -> tuple[State, Bool[Array, ""]]:
        """The state `duration` hours later; boluses are given before. Stable for any duration."""
        return solve(
            self.vector_field,
            StepMap(_flow),
            state,
            duration,
            (parameters, inputs),
            grid=_GRID,
            differentiable=differentiable,
        )


def _not_negative(level):
    # `maximum` would halve the gradient at zero, where every course starts.
    return jnp.where(level < 0.0, 0.0, level)


def _rhythm(clock_h):
    angle = RADIANS_PER_H * clock_h
    return jnp.cos(angle), jnp.sin(angle)


def _later(rhythm, duration_h):
    """The rhythm so many hours later: a rotation."""
    (cosine, sine), (of_cosine, of_sine) = _rhythm(duration_h), rhythm
    return of_cosine * cosine - of_sine * sine, of_sine * cosine + of_cosine * sine


def _elimination(cosine, parameters: Parameters, inputs: Inputs):
    per_ml = 1.0 / (parameters.volume_ml * (1.0 + inputs.circadian_amplitude * cosine))
    saturable = parameters.max_elimination_u_per_h * inputs.elimination_ratio
    linear = parameters.linear_clearance_ml_per_h * inputs.renal_function
    return saturable * per_ml, linear * per_ml


def _level_slope(level, cosine, parameters: Parameters, inputs: Inputs):
    saturable, linear = _elimination(cosine, parameters, inputs)
    infused = inputs.infusion_u_per_h / parameters.volume_ml
    return infused - saturable * level / (parameters.michaelis_u_per_ml + level) - linear * level


def _flow(duration_h, state: State, args: tuple[Parameters, Inputs]) -> State:
    """One step: the level by `rosenbrock_step`; what it drives, exactly at its mean."""
    parameters, inputs = args
    # Elimination at its mean over the step; it changes meanwhile, by what is eliminated at rest.
    cosine, sine = _later(state.rhythm, 0.5 * duration_h)
    cosine = cosine * jnp.sinc(duration_h / 24.0)
    saturable, linear = _elimination(cosine, parameters, inputs)
    km, infused = parameters.michaelis_u_per_ml, inputs.infusion_u_per_h / parameters.volume_ml
    amplitude = inputs.circadian_amplitude
    growth_per_h = amplitude * RADIANS_PER_H * sine / (1.0 + amplitude * cosine)

    def slope(level):
        level = _not_negative(level)  # a stage of a long step may fall below
        return infused - saturable * level / (km + level) - linear * level

    level, mean_level = rosenbrock_step(
        slope,
        lambda level: -saturable * km / (km + level) ** 2 - linear,
        state.anti_xa_u_per_ml,
        duration_h,
        tilt=-growth_per_h * infused,
    )
    # A step much longer than a high level takes to be eliminated would go through zero.
    level, mean_level = _not_negative(level), _not_negative(mean_level)
    antithrombin, _ = relax(
        state.antithrombin,
        parameters.baseline_antithrombin / ANTITHROMBIN_TURNOVER_H,
        (1.0 + ANTITHROMBIN_CONSUMPTION_ML_PER_U * mean_level) / ANTITHROMBIN_TURNOVER_H,
        duration_h,
    )
    bound = mean_level / (mean_level + ANTIBODY_HEPARIN_U_PER_ML)
    rise = inputs.immunized * bound / ANTIBODY_RISE_H
    antibodies, mean_antibodies = relax(
        state.antibody_activity, rise, rise + (1.0 - bound) / ANTIBODY_FALL_H, duration_h
    )
    platelets, _ = relax(
        state.platelets_1e9_per_l,
        parameters.baseline_platelets_1e9_per_l / PLATELET_TURNOVER_H,
        1.0 / PLATELET_TURNOVER_H + parameters.platelet_destruction_per_h * mean_antibodies,
        duration_h,
    )
    middle = state.replace(
        anti_xa_u_per_ml=mean_level, antithrombin=0.5 * (state.antithrombin + antithrombin)
    )
    bleeding = relative_bleeding_hazard(aptt_s(middle, parameters, inputs.reagent))
    return State(
        anti_xa_u_per_ml=level,
        antithrombin=antithrombin,
        antibody_activity=antibodies,
        platelets_1e9_per_l=platelets,
        bleeding_h=state.bleeding_h + duration_h * bleeding,
        rhythm=_later(state.rhythm, duration_h),
    )
