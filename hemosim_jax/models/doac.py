"""The direct oral anticoagulants side by side: doses, parameters, read-outs."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from hemosim_jax.choose import choose
from hemosim_jax.models import apixaban, dabigatran, edoxaban, oral_dosing, rivaroxaban
from hemosim_jax.models.doac_covariates import Covariates
from hemosim_jax.models.oral_dosing import Parameters, Regimen, State

DRUGS = ("rivaroxaban", "dabigatran", "apixaban", "edoxaban")
MODELS = (rivaroxaban, dabigatran, apixaban, edoxaban)
LEVELS = ("low", "standard", "high")
N_EFFECTS = sum(model.N_EFFECTS for model in MODELS)

# LMWH-calibrated anti-Xa per concentration: apixaban has 67 ng/mL for 1 IU/mL (recalled); the two
# others, assumptions of that size. Dabigatran does not inhibit factor Xa.
ANTI_XA_IU_PER_NG = (1.0 / 67.0, 0.0, 1.0 / 67.0, 1.0 / 67.0)
# Diluted thrombin time, linear in dabigatran (Stangier 2012): 65 s at 200 ng/mL, a normal time of
# 32 s (recalled).
THROMBIN_TIME_S = 32.0
THROMBIN_TIME_S_PER_NG = (65.0 - THROMBIN_TIME_S) / 200.0


def doses_mg(label: str) -> tuple[tuple[float, ...], ...]:
    """Low, standard and high dose of every drug, each time it is taken; label "EU" or "US"."""
    doses = {drug: model.DOSES_MG for drug, model in zip(DRUGS, MODELS, strict=True)}
    if label == "US":
        doses["dabigatran"] = (dabigatran.US_LOW_DOSE_MG, *dabigatran.DOSES_MG[1:])
    return tuple(doses.values())


def parameters(
    covariates: Covariates, normals: Sequence[Float[Array, ""]], number_of_drugs: int
) -> tuple[Parameters, ...]:
    """Of the first `number_of_drugs` drugs in one patient, given `N_EFFECTS` standard normals."""
    of_drugs, first = [], 0
    for model in MODELS[:number_of_drugs]:
        of_drugs.append(model.parameters(covariates, normals[first : first + model.N_EFFECTS]))
        first += model.N_EFFECTS
    return tuple(of_drugs)


def regimen(dose_mg: float, drug: int) -> Regimen:
    """What of a dose of this drug is absorbed, morning and evening, if it is taken as labelled."""
    model = MODELS[drug]
    absorbed_mg = dose_mg * model.relative_bioavailability(dose_mg)
    evening_mg = absorbed_mg if model.DOSES_PER_DAY == 2 else 0.0
    return Regimen(absorbed_mg, evening_mg, held_h=0.0)


def advance(
    compartments: tuple[State, ...],
    duration_h: Float[Array, ""],
    parameters: tuple[Parameters, ...],
    drug: Int[Array, ""],
    regimen: Regimen,
    *,
    differentiable: bool = False,
) -> tuple[tuple[State, ...], Bool[Array, ""]]:
    """All drugs `duration_h` later, one of them taken, the rest of the others eliminated.

    The areas under the curve start anew: they are those of the interval. Returns also whether the
    solver succeeded.
    """
    compartments = tuple(
        one.replace(auc_ng_h_per_ml=jnp.zeros_like(one.auc_ng_h_per_ml)) for one in compartments
    )
    taken, solver_ok = oral_dosing.advance(
        choose(drug, compartments),
        duration_h,
        choose(drug, parameters),
        regimen,
        differentiable=differentiable,
    )
    later = []
    for index, (one, its_parameters) in enumerate(zip(compartments, parameters, strict=True)):
        rest, fine = oral_dosing.advance(
            one, duration_h, its_parameters, None, differentiable=differentiable
        )
        solver_ok = solver_ok & fine
        later.append(jax.tree.map(lambda a, b, i=index: jnp.where(drug == i, a, b), taken, rest))
    return tuple(later), solver_ok


def anti_xa_iu_per_ml(
    concentration_ng_per_ml: Float[Array, "*b"], drug: Int[Array, "*b"]
) -> Float[Array, "*b"]:
    """Of an assay calibrated with low-molecular-weight heparin."""
    return concentration_ng_per_ml * choose(drug, ANTI_XA_IU_PER_NG)


def thrombin_time_s(dabigatran_ng_per_ml: Float[Array, "*b"]) -> Float[Array, "*b"]:
    """Diluted thrombin time."""
    return THROMBIN_TIME_S + THROMBIN_TIME_S_PER_NG * dabigatran_ng_per_ml
