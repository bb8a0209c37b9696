"""Unfractionated heparin: five days of infusion by the aPTT."""

from hemosim_jax.core.policy import random_policy
from hemosim_jax.core.task import DisplaySpec, Outcome, Signal, Task, Variant
from hemosim_jax.tasks.heparin import cohort, metrics, population, protocols
from hemosim_jax.tasks.heparin.discrete import HeparinInfusionDiscrete
from hemosim_jax.tasks.heparin.environment import HeparinInfusion
from hemosim_jax.tasks.heparin.pomdp import heparin_infusion_pomdp

TASK = Task(
    variants={
        "HeparinInfusion-v0": Variant(HeparinInfusion, protocols.PROTOCOLS),
        "HeparinInfusion-POMDP-v0": Variant(heparin_infusion_pomdp, protocols.POMDP_PROTOCOLS),
        "HeparinInfusion-Discrete-v0": Variant(HeparinInfusionDiscrete, {"random": random_policy}),
    },
    metrics=metrics.metrics,
    groups={"recently_exposed": ("no recent heparin", "recent heparin")},
    describe=population.describe,
    complete_cohort=cohort.complete_cohort,
    complete_patient=cohort.complete_patient,
    covariates=cohort.COVARIATES,
    display=DisplaySpec(
        time=Signal("hours", "hours"),
        signals=(Signal("aptt_s", "aPTT, s", "therapeutic_aptt_s"),),
        treatments=(
            Signal("infusion_u_per_h", "heparin, U/h"),
            Signal("bolus_u", "bolus, U", at_once=True),
        ),
        outcomes=(
            Outcome("in_range_percent", "time in therapeutic range, %", higher_is_better=True),
            Outcome("above_percent", "aPTT > 120 s, % of decisions"),
            Outcome("below_percent", "aPTT < 40 s, % of decisions"),
            Outcome("bleed_percent", "patients with a major bleed, %"),
        ),
        events=(
            Signal("hit", "HIT"),
            Signal("major_bleed", "major bleed"),
            Signal("thrombosis", "thrombosis"),
        ),
        medians=("first_in_range_h",),
    ),
)
