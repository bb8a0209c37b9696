"""`WarfarinDosing-POMDP-v0`: warfarin as a clinic gives it, the INR measured when it is ordered."""

from hemosim_jax.core.laboratory.wrapper import Ordered, OrderedLaboratory
from hemosim_jax.core.options import Difficulty
from hemosim_jax.physiology import assay_catalog
from hemosim_jax.tasks.warfarin.environment import (
    INR,
    PATIENT_FIELDS,
    Ancestry,
    CalibrationName,
    ModelName,
    WarfarinDosing,
)


def warfarin_dosing_pomdp(
    difficulty: Difficulty = "medium",
    *,
    ancestry: Ancestry = "European",
    calibration: CalibrationName = "iwpc",
    model: ModelName = "factors",
    antidotes: bool = False,
    within_patient: bool = True,
    measurement_error: bool = True,
    slots: int = 4,
) -> OrderedLaboratory:
    """`WarfarinDosing` by an ordered laboratory; the INR of admission is known at the start.

    Observation: newest INR, whether there is one, its age (up to 28 days), whether one is under
    way; age, weight, CYP2C9 and VKORC1 genotype, day. Action: the day's dose, and an order of the
    INR, drawn before the dose. Reward: that of `WarfarinDosing-v0` for the true INR, less 0.004
    for each franc of orders. Options: those of `WarfarinDosing`, and `slots`.

    **Raises:** `ValueError` as `WarfarinDosing`, or if `slots` is less than 1.
    """
    return OrderedLaboratory(
        WarfarinDosing(
            difficulty,
            ancestry=ancestry,
            calibration=calibration,
            model=model,
            antidotes=antidotes,
            within_patient=within_patient,
            measurement_error=measurement_error,
        ),
        {"inr": Ordered(assay_catalog.INR, INR)},
        name="WarfarinDosing-POMDP-v0",
        version="2",
        visible=PATIENT_FIELDS,
        on_admission=("inr",),
        oldest_h=28.0 * 24.0,
        slots=slots,
    )
