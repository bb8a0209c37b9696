"""Low-molecular-weight heparin: ten days of enoxaparin for venous thromboembolism."""

from hemosim_jax.core.task import DisplaySpec, Outcome, Signal, Task, Variant
from hemosim_jax.tasks.lmwh import cohort, metrics, population, protocols
from hemosim_jax.tasks.lmwh.laboratory import enoxaparin_dosing

TASK = Task(
    variants={"EnoxaparinDosing-v0": Variant(enoxaparin_dosing, protocols.PROTOCOLS)},
    metrics=metrics.metrics,
    groups={"kidneys": ("below 30 mL/min", "30 to 60 mL/min", "above 60 mL/min")},
    describe=population.describe,
    complete_cohort=cohort.complete_cohort,
    complete_patient=cohort.complete_patient,
    covariates=cohort.COVARIATES,
    display=DisplaySpec(
        time=Signal("hours", "hours"),
        signals=(
            Signal("peak_iu_per_ml", "peak anti-Xa, IU/mL", "therapeutic_peak_iu_per_ml"),
            Signal("anti_xa_iu_per_ml", "anti-Xa, IU/mL"),
            Signal("creatinine_clearance_ml_per_min", "creatinine clearance, mL/min"),
        ),
        treatments=(Signal("given_mg_per_kg", "enoxaparin given, mg/kg"),),
        outcomes=(
            Outcome("expected_events_percent", "bleeds and recurrences expected, %"),
            Outcome("expected_bleeds_percent", "bleeds expected, %"),
            Outcome("expected_recurrences_percent", "recurrences expected, %"),
        ),
        events=(Signal("major_bleed", "major bleed"), Signal("recurrence", "recurrence")),
    ),
)
