"""Direct oral anticoagulants: a year in atrial fibrillation."""

from hemosim_jax.core.task import DisplaySpec, Outcome, Signal, Task, Variant
from hemosim_jax.tasks.doac import cohort, metrics, population, protocols
from hemosim_jax.tasks.doac.drugs import DRUGS
from hemosim_jax.tasks.doac.environment import DOACManagement

TASK = Task(
    variants={"DOACManagement-v0": Variant(DOACManagement, protocols.PROTOCOLS)},
    metrics=metrics.metrics,
    groups={
        "kidneys": ("below 50 mL/min", "50 to 80 mL/min", "above 80 mL/min"),
        "female": ("men", "women"),
    },
    describe=population.describe,
    complete_cohort=cohort.complete_cohort,
    complete_patient=cohort.complete_patient,
    covariates=cohort.COVARIATES,
    display=DisplaySpec(
        time=Signal("days", "days"),
        signals=(
            Signal("exposure", "exposure (1: typical)", "therapeutic_exposure"),
            Signal("creatinine_clearance_ml_per_min", "creatinine clearance, mL/min"),
        ),
        treatments=(
            Signal("daily_dose_mg", "daily dose, mg"),
            Signal("drug", "drug", levels=DRUGS),
        ),
        outcomes=(
            Outcome("harmed_percent", "patients with a stroke or a major bleed, %"),
            Outcome("stroke_percent", "strokes, per 100 patients"),
            Outcome("major_bleed_percent", "major bleeds, per 100 patients"),
        ),
        events=(Signal("stroke", "stroke"), Signal("major_bleed", "major bleed")),
        hours_per_time=24.0,
    ),
)
