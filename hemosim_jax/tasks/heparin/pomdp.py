"""`HeparinInfusion-POMDP-v0`: the patient is hidden, the laboratory answers what it is asked."""

from dataclasses import replace

from hemosim_jax.core.laboratory.wrapper import Ordered, OrderedLaboratory
from hemosim_jax.core.options import Difficulty
from hemosim_jax.physiology import assay_catalog
from hemosim_jax.tasks.heparin import environment
from hemosim_jax.tasks.heparin.environment import HeparinInfusion, ReagentName


def heparin_infusion_pomdp(
    difficulty: Difficulty = "medium",
    *,
    reagent: ReagentName = "paper",
    protamine: bool = False,
    within_patient: bool = True,
    measurement_error: bool = True,
    slots: int = 4,
) -> OrderedLaboratory:
    """`HeparinInfusion` by an ordered laboratory; aPTT and platelets of admission are known.

    Observation: of aPTT, anti-Xa and platelets the newest result, whether there is one, its age (up
    to 48 h), whether one is under way; weight, renal function on admission, hours. Action:
    infusion, bolus, and orders of the three. Reward: that of `HeparinInfusion-v0` for the true
    aPTT, less 0.004 for each franc of orders. Options: those of `HeparinInfusion`, and `slots`.

    **Raises:** `ValueError` as `HeparinInfusion`, or if `slots` is less than 1.
    """
    return OrderedLaboratory(
        HeparinInfusion(
            difficulty,
            reagent=reagent,
            protamine=protamine,
            within_patient=within_patient,
            measurement_error=measurement_error,
        ),
        {
            "aptt": Ordered(assay_catalog.APTT, environment.APTT_S),
            "anti_xa": Ordered(assay_catalog.ANTI_XA, environment.ANTI_XA_U_PER_ML),
            "platelets": Ordered(assay_catalog.PLATELETS, environment.PLATELETS_1E9_PER_L),
        },
        name="HeparinInfusion-POMDP-v0",
        version="2",
        visible=(
            environment.WEIGHT_KG,
            replace(environment.RENAL_FUNCTION, name="renal_function_on_admission"),
            environment.HOURS,
        ),
        on_admission=("aptt", "platelets"),
        slots=slots,
    )
