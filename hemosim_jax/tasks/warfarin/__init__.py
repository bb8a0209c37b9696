"""Warfarin: ninety days of dosing by the INR."""

from hemosim_jax.core.task import DisplaySpec, Outcome, Signal, Task, Variant
from hemosim_jax.tasks.warfarin import cohort, metrics, population, protocols
from hemosim_jax.tasks.warfarin.covariates import CYP2C9_GENOTYPES, VKORC1_GENOTYPES
from hemosim_jax.tasks.warfarin.environment import WarfarinDosing
from hemosim_jax.tasks.warfarin.pomdp import warfarin_dosing_pomdp

TASK = Task(
    variants={
        "WarfarinDosing-v0": Variant(WarfarinDosing, protocols.PROTOCOLS),
        "WarfarinDosing-POMDP-v0": Variant(warfarin_dosing_pomdp, protocols.POMDP_PROTOCOLS),
    },
    metrics=metrics.metrics,
    groups={"cyp2c9": CYP2C9_GENOTYPES, "vkorc1": VKORC1_GENOTYPES},
    describe=population.describe,
    complete_cohort=cohort.complete_cohort,
    complete_patient=cohort.complete_patient,
    covariates=cohort.COVARIATES,
    display=DisplaySpec(
        time=Signal("day", "day"),
        signals=(Signal("inr", "INR", "therapeutic_inr"),),
        treatments=(Signal("dose_taken_mg", "warfarin, mg/day"),),
        outcomes=(
            Outcome("time_in_range_percent", "time in therapeutic range, %", higher_is_better=True),
            Outcome("above_percent", "days with INR > 4, %"),
            Outcome("below_percent", "days with INR < 1.5, %"),
        ),
        medians=("first_in_range_day",),
        hours_per_time=24.0,
    ),
)
