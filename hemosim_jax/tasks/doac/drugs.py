"""The direct oral anticoagulants side by side: doses, parameters, read-outs."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from hemosim_jax.core.choose import choose
from hemosim_jax.core.model import Model
from hemosim_jax.core.node import Node
from hemosim_jax.physiology.oral_dosing import TABLETS, Parameters, Regimen, State
from hemosim_jax.tasks.doac import apixaban, dabigatran, edoxaban, rivaroxaban
from hemosim_jax.tasks.doac.covariates import PharmacokineticCovariates

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
    covariates: PharmacokineticCovariates,
    normals: Sequence[Float[Array, "*b"]],
    number_of_drugs: int,
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


class Taken(Node):
    """Which drug is taken, and how."""

    drug: Int[Array, ""]  # index into DRUGS
    regimen: Regimen


class DirectAnticoagulants(Model):
    """All drugs in one patient, one of them taken, the rest of the others eliminated.

    Parameters and state are tuples by drug, inputs a `Taken`. Time in hours.
    """

    def initial_state(self, parameters: tuple[Parameters, ...]) -> tuple[State, ...]:
        """No drug in the body."""
        return tuple(map(TABLETS.initial_state, parameters))

    def vector_field(self, t: Any, state: tuple[State, ...], args: Any) -> tuple[State, ...]:
        """The systems between two doses, per hour."""
        parameters, _ = args
        return tuple(
            TABLETS.vector_field(t, one, (its_parameters, None))
            for one, its_parameters in zip(state, parameters, strict=True)
        )

    def advance(
        self,
        state: tuple[State, ...],
        duration: Float[Array, ""],
        parameters: tuple[Parameters, ...],
        inputs: Taken,
        *,
        differentiable: bool = False,
    ) -> tuple[tuple[State, ...], Bool[Array, ""]]:
        """The state `duration` hours later; the areas under the curve are those of the interval."""
        drug = inputs.drug
        state = tuple(
            one.replace(auc_ng_h_per_ml=jnp.zeros_like(one.auc_ng_h_per_ml)) for one in state
        )
        taken, solver_ok = TABLETS.advance(
            choose(drug, state),
            duration,
            choose(drug, parameters),
            inputs.regimen,
            differentiable=differentiable,
        )
        later = []
        for index, (one, its_parameters) in enumerate(zip(state, parameters, strict=True)):
            rest, fine = TABLETS.advance(
                one, duration, its_parameters, None, differentiable=differentiable
            )
            solver_ok = solver_ok & fine
            later.append(
                jax.tree.map(lambda a, b, i=index: jnp.where(drug == i, a, b), taken, rest)
            )
        return tuple(later), solver_ok


def anti_xa_iu_per_ml(
    concentration_ng_per_ml: Float[Array, "*b"], drug: Int[Array, "*b"]
) -> Float[Array, "*b"]:
    """Of an assay calibrated with low-molecular-weight heparin."""
    return concentration_ng_per_ml * choose(drug, ANTI_XA_IU_PER_NG)


def thrombin_time_s(dabigatran_ng_per_ml: Float[Array, "*b"]) -> Float[Array, "*b"]:
    """Diluted thrombin time."""
    return THROMBIN_TIME_S + THROMBIN_TIME_S_PER_NG * dabigatran_ng_per_ml
