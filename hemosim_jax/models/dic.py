r"""Disseminated intravascular coagulation: what tissue factor consumes, what returns (hours).

Each hour a share `exposed_per_h` of the plasma meets the tissue factor of the underlying disease
for five minutes; what the coagulation cascade does to it there (`models.coagulation.exposure`) is
lost. With $c_i$ the share of protein $i$ that one exposure consumes, $\phi$ the share exposed, and
$\ell$ what bleeding loses,

$$dX_i/dt = k_i (s_i P - X_i) - (\phi c_i + \ell) X_i .$$

$k_i$ follows from the half-life; $P$, the liver's production, falls with organ function. Of the
fibrin that forms, a share is lysed at once, the rest is microthrombi, which damage organs until
they are lysed; both leave D-dimer.
Published: half-lives, increments of products, the cascade. Assumptions: all that is called so.
"""

import math

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Float

from hemosim_jax.integrate.exact_flow import ExactFlow
from hemosim_jax.integrate.exponential import relax
from hemosim_jax.integrate.solve import solve
from hemosim_jax.models import aptt_reagent
from hemosim_jax.models.coagulation import clotting_formulas, exposure, reduced
from hemosim_jax.models.coagulation.clotting_formulas import NORMAL_PT_S
from hemosim_jax.models.coagulation.exposure import Exposure
from hemosim_jax.models.coagulation.plasma import Plasma, inhibition_ratio

CASCADES = ("reduced", "hockin_mann")
FACTORS = ("II", "V", "VII", "VIII", "X")

# Half-lives, h: middle of the published ranges; platelets and antithrombin 3-4 and 2-3 days;
# D-dimer recalled.
HALF_LIFE_H = {
    "II": 65.0,
    "V": 24.0,
    "VII": 5.0,
    "VIII": 10.0,
    "X": 34.0,
    "antithrombin": 60.0,
    "fibrinogen": 96.0,
    "platelets": 84.0,
    "d_dimer": 7.0,
}
RATE_PER_H = {name: math.log(2.0) / hours for name, hours in HALF_LIFE_H.items()}

# The exposure. II, V and VIII as the cascade says. Assumptions: its length; the constants of
# platelets (k11 of the reduced cascade, uncertain) and of fibrinogen (k10 there, such that clotting
# coincides with 10 nM of thrombin); that VII and X go with prothrombin, as they do at the bedside:
# up to 25 pM the full cascade itself consumes a hundredth of X and a seventh of VII
# (`benchmarks.dic_accuracy`).
EXPOSURE_S = 300.0
CONSUMPTION_PER_NM_S = {"platelets": 1.03e-3, "fibrinogen": 7.05e-4}

# Heparin (unfractionated). Assumptions: it spreads in the volume of blood and has a half-life of
# an hour, without the saturable part of the heparin task.
HEPARIN_VOLUME_ML_PER_KG = 70.0
HEPARIN_RATE_PER_H = math.log(2.0)

NORMAL_FIBRINOGEN_G_PER_L = 3.0  # 9 uM of the cascade
NORMAL_D_DIMER_MG_PER_L = 0.3

# Assumptions: fibrin, organs, bleeding.
D_DIMER_YIELD = 30.0  # mg/L from 1 g/L of fibrin lysed
MICROTHROMBI_LYSIS_PER_H = 0.1
ORGAN_RECOVERY_PER_H = 0.010
LIVER_WITHOUT_ORGANS = 0.6  # production of factors left when organ function is 0
SHOCK_PER_H = 0.06  # loss of organ function at the worst bleeding
BLOOD_LOSS_PER_H = 0.02  # of the blood, at the worst bleeding
BLEEDING_GROWTH_PER_H = 0.15
HEALING_HEMOSTASIS = 0.25  # above it bleeding heals
HALF_PLATELETS_1E9_PER_L = 25.0
HALF_FIBRINOGEN_G_PER_L = 0.8
HALF_PT_RATIO = 2.0
HALF_ANTI_XA_U_PER_ML = 1.0
HEMOGLOBIN_G_PER_DL = 13.0
TRANSFUSION_TRIGGER_G_PER_DL = 7.0  # red cells keep it there


@struct.dataclass
class Parameters:
    """Of one patient."""

    weight_kg: Float[Array, "*b"]
    tissue_factor_pm: Float[Array, "*b"]  # at the start
    tissue_factor_decay_per_h: Float[Array, "*b"]  # as the cause is treated
    exposed_per_h: Float[Array, "*b"]
    lysed: Float[Array, "*b"]  # share of the fibrin that is lysed at once
    organ_damage: Float[Array, "*b"]  # per h and g/L of microthrombi
    bleeding_tendency: Float[Array, "*b"]  # 1: usual
    normal_platelets_1e9_per_l: Float[Array, "*b"]
    normal_fibrinogen_g_per_l: Float[Array, "*b"]  # the liver's set-point


@struct.dataclass
class State:
    """Factors and antithrombin as fractions of normal."""

    factors: dict[str, Float[Array, "*b"]]  # by `FACTORS`
    antithrombin: Float[Array, "*b"]
    fibrinogen_g_per_l: Float[Array, "*b"]
    platelets_1e9_per_l: Float[Array, "*b"]
    d_dimer_mg_per_l: Float[Array, "*b"]
    microthrombi_g_per_l: Float[Array, "*b"]
    anti_xa_u_per_ml: Float[Array, "*b"]
    tissue_factor_pm: Float[Array, "*b"]
    hemoglobin_g_per_dl: Float[Array, "*b"]
    organ_function: Float[Array, "*b"]  # 1 normal, 0 none
    bleeding: Float[Array, "*b"]  # severity, 0 to 1


@struct.dataclass
class Consumption:
    """Shares of the exposed plasma's content that one exposure consumes."""

    factors: dict[str, Float[Array, "*b"]]
    antithrombin: Float[Array, "*b"]
    fibrinogen: Float[Array, "*b"]
    platelets: Float[Array, "*b"]


def no_consumption(like: Float[Array, "*b"]) -> Consumption:
    """Of a plasma that meets nothing."""
    zero = jnp.zeros_like(like)
    return Consumption(dict.fromkeys(FACTORS, zero), zero, zero, zero)


def healthy(parameters: Parameters) -> State:
    """Before the disease."""
    one = jnp.ones_like(parameters.weight_kg)
    zero = jnp.zeros_like(one)
    return State(
        factors=dict.fromkeys(FACTORS, one),
        antithrombin=one,
        fibrinogen_g_per_l=parameters.normal_fibrinogen_g_per_l,
        platelets_1e9_per_l=parameters.normal_platelets_1e9_per_l,
        d_dimer_mg_per_l=NORMAL_D_DIMER_MG_PER_L * one,
        microthrombi_g_per_l=zero,
        anti_xa_u_per_ml=zero,
        tissue_factor_pm=parameters.tissue_factor_pm,
        hemoglobin_g_per_dl=HEMOGLOBIN_G_PER_DL * one,
        organ_function=one,
        bleeding=zero,
    )


def untreated(
    parameters: Parameters, duration_h: Float[Array, "*b"], *, differentiable: bool = False
) -> State:
    """After some hours of disease: where a patient starts (assumption), at little cost.

    Every exposure consumes what the first one does, in normal plasma; the tissue factor decays
    under treatment only, and who bleeds is drawn on admission. In two steps: D-dimer lives for
    hours, it is that of the second half's fibrinogen.
    """
    well = healthy(parameters)
    consumed = consumption(exposure.expose_normal_plasma(parameters.tissue_factor_pm), well)
    zero = jnp.zeros_like(parameters.tissue_factor_pm)

    def half(hours, state, args):
        now = Rates(consumed, zero, _liver(state), zero, zero)
        later = _flow(hours, state, (parameters, zero, now))
        return later.replace(tissue_factor_pm=state.tissue_factor_pm, bleeding=state.bleeding)

    ill, _ = solve(
        _still,
        ExactFlow(half),
        well,
        duration_h,
        None,
        grid=(0.0, 0.5, 1.0),
        differentiable=differentiable,
    )
    return ill


def expose(
    state: State, cascade: str, *, steps: int = exposure.STEPS, differentiable: bool = False
) -> tuple[Exposure, Bool[Array, ""]]:
    """What an exposure does to this plasma now."""
    levels, anti_xa = state.factors, state.anti_xa_u_per_ml
    if cascade == "hockin_mann":
        # IX and TFPI stay normal.
        own = {**levels, "VIIa": levels["VII"], "ATIII": state.antithrombin}
        return exposure.expose_full(state.tissue_factor_pm, Plasma(own, anti_xa), EXPOSURE_S)
    parameters = reduced.parameters(
        state.tissue_factor_pm,
        levels["II"],
        state.antithrombin,
        inhibition_ratio(anti_xa),
    )
    outcome = exposure.expose_reduced(
        parameters,
        jnp.asarray(EXPOSURE_S, state.antithrombin.dtype),
        steps=steps,
        differentiable=differentiable,
    )
    return outcome, jnp.isfinite(outcome.thrombin_nm_s)


def consumption(of: Exposure, state: State) -> Consumption:
    """Shares consumed, by the thrombin that forms in this plasma."""
    share = {k: -jnp.expm1(-rate * of.thrombin_nm_s) for k, rate in CONSUMPTION_PER_NM_S.items()}
    normal = reduced.NORMAL_NM
    prothrombin = _share(of.prothrombin_nm, normal["II"] * state.factors["II"])
    factors = dict.fromkeys(("II", "VII", "X"), prothrombin)
    factors |= dict.fromkeys(("V", "VIII"), of.cofactors)
    antithrombin = _share(of.prothrombin_nm, normal["ATIII"] * state.antithrombin)
    return Consumption(factors, antithrombin, share["fibrinogen"], share["platelets"])


def _share(amount, of_all):
    return jnp.clip(amount / jnp.maximum(of_all, 1e-3), 0.0, 1.0)


def hemostasis(state: State) -> Float[Array, "*b"]:
    """How well bleeding is stopped: 1 perfectly, 0 not at all (assumption)."""
    platelets = (state.platelets_1e9_per_l / HALF_PLATELETS_1E9_PER_L) ** 2
    fibrinogen = (state.fibrinogen_g_per_l / HALF_FIBRINOGEN_G_PER_L) ** 2
    prolonged = jnp.maximum(pt_s(state) / NORMAL_PT_S - 1.0, 0.0) / (HALF_PT_RATIO - 1.0)
    heparin = state.anti_xa_u_per_ml / HALF_ANTI_XA_U_PER_ML
    clots = platelets / (1.0 + platelets) * fibrinogen / (1.0 + fibrinogen)
    return clots / ((1.0 + prolonged**2) * (1.0 + heparin))


def pt_s(state: State) -> Float[Array, "*b"]:
    """Prothrombin time (s)."""
    return clotting_formulas.pt_s(_levels(state))


def aptt_s(state: State) -> Float[Array, "*b"]:
    """Activated partial thromboplastin time (s), by the reagent of the heparin task."""
    heparin = aptt_reagent.prolongation(state.anti_xa_u_per_ml, aptt_reagent.PAPER)
    return clotting_formulas.aptt_s(_levels(state)) * jnp.exp(heparin)


def _levels(state: State) -> dict[str, Float[Array, "*b"]]:
    # Factor IX stays normal (assumption).
    return {**state.factors, "Fg": state.fibrinogen_g_per_l / NORMAL_FIBRINOGEN_G_PER_L}


@struct.dataclass
class Rates:
    """What is taken as constant over a step of the fast path."""

    consumption: Consumption
    blood_loss_per_h: Float[Array, "*b"]
    liver: Float[Array, "*b"]  # production over normal
    shock_per_h: Float[Array, "*b"]  # loss of organ function by bleeding
    bleeding_growth_per_h: Float[Array, "*b"]


def _liver(state: State):
    return LIVER_WITHOUT_ORGANS + (1.0 - LIVER_WITHOUT_ORGANS) * state.organ_function


def rates(state: State, parameters: Parameters, consumed: Consumption) -> Rates:
    """In this state."""
    healing = HEALING_HEMOSTASIS * parameters.bleeding_tendency
    return Rates(
        consumption=consumed,
        blood_loss_per_h=BLOOD_LOSS_PER_H * state.bleeding,
        liver=_liver(state),
        shock_per_h=SHOCK_PER_H * state.bleeding**2,
        bleeding_growth_per_h=BLEEDING_GROWTH_PER_H * (healing - hemostasis(state)),
    )


def vector_field(t_h, state: State, args) -> State:
    """Per hour, the reduced cascade running at every evaluation: what the reference integrates.

    `args`: parameters, heparin (U/h), steps of the cascade.
    """
    parameters, heparin_u_per_h, steps = args
    outcome, _ = expose(state, "reduced", steps=steps)
    now = rates(state, parameters, consumption(outcome, state))
    return _slope(t_h, state, (parameters, heparin_u_per_h, now))


def _still(t, carry, args):
    """In place of a vector field where the steps are a solver's own."""
    return jax.tree.map(jnp.zeros_like, carry)


# Steps of the fast path, as fractions of an interval; the first follow a change of heparin.
_GRID = (0.0, 0.1, 0.4, 1.0)


def advance(
    state: State,
    before: Consumption,
    duration_h: Float[Array, ""],
    parameters: Parameters,
    heparin_u_per_h: Float[Array, ""],
    *,
    cascade: str = "reduced",
    differentiable: bool = False,
) -> tuple[State, Consumption, Bool[Array, ""]]:
    """The state `duration_h` hours later, by exponential midpoint steps.

    The middle of a step is predicted with the consumption of the step `before`; what the cascade
    and bleeding do there holds for the whole step, over which the rest is linear and solved
    exactly. Over four hours every laboratory value is within 1 % of the reference; over a day
    D-dimer and hemoglobin err by 5 %, organ function by 7 % (`benchmarks.dic_accuracy`): take
    several calls.

    **Returns:** the state, the consumption (for the next interval), whether all went well.
    """

    def midpoint(hours, carry, args):
        state, before, ok = carry
        now = rates(state, parameters, before)
        middle = _euler(0.5 * hours, state, (parameters, heparin_u_per_h, now))
        outcome, exposed_ok = expose(middle, cascade, differentiable=differentiable)
        consumed = consumption(outcome, middle)
        now = rates(middle, parameters, consumed)
        end = _flow(hours, state, (parameters, heparin_u_per_h, now))
        return end, consumed, jnp.where(exposed_ok, ok, 0.0)

    carry = (state, before, jnp.ones_like(duration_h))
    solver = ExactFlow(midpoint)
    (end, consumed, ok), _ = solve(
        _still, solver, carry, duration_h, None, grid=_GRID, differentiable=differentiable
    )
    return end, consumed, ok > 0.0


def _euler(hours, state: State, args) -> State:
    """First order, enough to predict the middle of a step; exact for what is fast (heparin)."""
    slope = _slope(0.0, state, args)
    parameters, heparin_u_per_h, _ = args
    heparin = _heparin(heparin_u_per_h, parameters)
    middle = jax.tree.map(lambda y, dy: y + hours * dy, state, slope)
    return middle.replace(anti_xa_u_per_ml=relax(state.anti_xa_u_per_ml, *heparin, hours)[0])


def _heparin(heparin_u_per_h, p: Parameters):
    given = heparin_u_per_h / (HEPARIN_VOLUME_ML_PER_KG * p.weight_kg)
    return given, jnp.full_like(given, HEPARIN_RATE_PER_H)


def _linear(state: State, p: Parameters, heparin_u_per_h, now: Rates):
    """Production and rate of loss of all that is linear, by field (factors: a dict of pairs)."""

    def turnover(name, set_point, consumed):
        k = RATE_PER_H[name]
        return k * set_point, k + p.exposed_per_h * consumed + now.blood_loss_per_h

    lost, one = now.consumption, jnp.ones_like(now.liver)
    bleeds = state.hemoglobin_g_per_dl > TRANSFUSION_TRIGGER_G_PER_DL
    return {
        "factors": {n: turnover(n, now.liver, lost.factors[n]) for n in FACTORS},
        "antithrombin": turnover("antithrombin", now.liver, lost.antithrombin),
        "fibrinogen_g_per_l": turnover(
            "fibrinogen", now.liver * p.normal_fibrinogen_g_per_l, lost.fibrinogen
        ),
        "platelets_1e9_per_l": turnover("platelets", p.normal_platelets_1e9_per_l, lost.platelets),
        "anti_xa_u_per_ml": _heparin(heparin_u_per_h, p),
        "tissue_factor_pm": (0.0 * one, p.tissue_factor_decay_per_h),
        "hemoglobin_g_per_dl": (0.0 * one, jnp.where(bleeds, now.blood_loss_per_h, 0.0)),
    }


def _organs(microthrombi_g_per_l, p: Parameters, now: Rates):
    """Recovery and rate of loss of their function."""
    damage = p.organ_damage * microthrombi_g_per_l + now.shock_per_h
    return jnp.full_like(damage, ORGAN_RECOVERY_PER_H), ORGAN_RECOVERY_PER_H + damage


def _microthrombi(fibrin_g_per_l_per_h, p: Parameters):
    """Production and rate of loss."""
    return (
        (1.0 - p.lysed) * fibrin_g_per_l_per_h,
        jnp.full_like(p.lysed, MICROTHROMBI_LYSIS_PER_H),
    )


def _d_dimer(fibrin_g_per_l_per_h, microthrombi_g_per_l, p: Parameters):
    """Production, from fibrin lysed at once or later, and rate of loss."""
    cleared = RATE_PER_H["d_dimer"]
    lysed = p.lysed * fibrin_g_per_l_per_h + MICROTHROMBI_LYSIS_PER_H * microthrombi_g_per_l
    return (
        D_DIMER_YIELD * lysed + cleared * NORMAL_D_DIMER_MG_PER_L,
        jnp.full_like(p.lysed, cleared),
    )


def _slope(t_h, state: State, args) -> State:
    parameters, heparin_u_per_h, now = args
    linear = _linear(state, parameters, heparin_u_per_h, now)
    fibrin = parameters.exposed_per_h * now.consumption.fibrinogen * state.fibrinogen_g_per_l
    factors = {
        name: production - rate * state.factors[name]
        for name, (production, rate) in linear.pop("factors").items()
    }
    linear["organ_function"] = _organs(state.microthrombi_g_per_l, parameters, now)
    linear["microthrombi_g_per_l"] = _microthrombi(fibrin, parameters)
    linear["d_dimer_mg_per_l"] = _d_dimer(fibrin, state.microthrombi_g_per_l, parameters)
    others = {
        name: production - rate * getattr(state, name)
        for name, (production, rate) in linear.items()
    }
    bleeding = now.bleeding_growth_per_h * state.bleeding * (1.0 - state.bleeding)
    return State(factors=factors, bleeding=bleeding, **others)


def _flow(hours, state: State, args) -> State:
    parameters, heparin_u_per_h, now = args
    linear = _linear(state, parameters, heparin_u_per_h, now)
    factors = {
        name: relax(state.factors[name], *pair, hours)[0]
        for name, pair in linear.pop("factors").items()
    }
    ends = {name: relax(getattr(state, name), *pair, hours) for name, pair in linear.items()}
    mean_fibrinogen = ends["fibrinogen_g_per_l"][1]
    fibrin = parameters.exposed_per_h * now.consumption.fibrinogen * mean_fibrinogen
    microthrombi = relax(state.microthrombi_g_per_l, *_microthrombi(fibrin, parameters), hours)
    d_dimer = _d_dimer(fibrin, microthrombi[1], parameters)
    organs = _organs(microthrombi[1], parameters, now)
    ends["organ_function"] = relax(state.organ_function, *organs, hours)
    ends["microthrombi_g_per_l"] = microthrombi
    ends["d_dimer_mg_per_l"] = relax(state.d_dimer_mg_per_l, *d_dimer, hours)
    # Red cells hold it from where it falls to the trigger.
    held = jnp.minimum(state.hemoglobin_g_per_dl, TRANSFUSION_TRIGGER_G_PER_DL)
    hemoglobin = jnp.maximum(ends.pop("hemoglobin_g_per_dl")[0], held)
    grown = jnp.exp(now.bleeding_growth_per_h * hours)
    bleeding = state.bleeding * grown / (1.0 + state.bleeding * (grown - 1.0))
    return State(
        factors=factors,
        bleeding=bleeding,
        hemoglobin_g_per_dl=hemoglobin,
        **{name: end for name, (end, _) in ends.items()},
    )
