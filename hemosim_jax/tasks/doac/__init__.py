"""Direct oral anticoagulants: a year in atrial fibrillation."""

from hemosim_jax.core.task import DisplaySpec, Signal, Task, Variant
from hemosim_jax.tasks.doac import cohort, metrics, population, protocols
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
    display=DisplaySpec(
        time=Signal("days", "days"),
        signals=(
            Signal("exposure", "exposure (1: typical)", (0.5, 2.0)),
            Signal("creatinine_clearance_ml_per_min", "creatinine clearance, mL/min"),
        ),
        treatments=(Signal("daily_dose_mg", "daily dose, mg"),),
        outcome=Signal("harmed_percent", "patients with a stroke or a major bleed, %"),
        lower_is_better=True,
    ),
)
