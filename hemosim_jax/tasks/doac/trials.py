"""The populations, arms and results of the four trials of direct oral anticoagulants.

Baseline: age, sex and the components of CHADS2 as published (PMC3829372, PMC4265383, the label of
edoxaban); myocardial infarction and peripheral disease as vascular disease; previous bleeding of
ARISTOTLE, weights, creatinine and what is the same in all are recalled or assumptions. Results:
PMC4586008, PMC3829372, PMC4884797; RE-LY as updated.
"""

from typing import NamedTuple

from hemosim_jax.tasks.doac.drugs import DRUGS
from hemosim_jax.tasks.doac.population import Population, Prevalences


class Arm(NamedTuple):
    """One arm of a trial. `drug` is an index into `drugs.DRUGS`, or None for warfarin."""

    name: str
    drug: int | None
    dose_mg: float  # each time it is taken
    reduced_dose_mg: float  # for those the trial's rule picked out
    stroke_percent_per_y: float  # or systemic embolism
    major_bleeding_percent_per_y: float
    intracranial_percent_per_y: float
    gastrointestinal_percent_per_y: float
    patient_years: float  # behind the rates: patients times the mean time each was followed


class Trial(NamedTuple):
    """A trial."""

    name: str
    population: Population
    arms: tuple[Arm, ...]  # of two doses the higher one first; warfarin last
    warfarin_time_in_range_percent: float
    mean_chads2: float  # recalled; a check of the population
    # Of all hazards in this trial: what the shared risk model leaves unexplained (fitted).
    stroke_factor: float
    bleeding_factor: float


_RIVAROXABAN, _DABIGATRAN, _APIXABAN, _EDOXABAN = range(len(DRUGS))

RE_LY = Trial(
    "RE-LY",
    Population(
        age_y=(71.5, 8.7),
        female=0.364,
        lowest_clearance_ml_per_min=30.0,
        asian=0.16,
        prevalences=Prevalences(
            heart_failure=0.32,
            hypertension=0.79,
            diabetes=0.23,
            prior_stroke=0.20,
            vascular_disease=0.20,
            antiplatelet=0.40,
            bleeding_history=0.08,
        ),
    ),
    (
        Arm("dabigatran 150", _DABIGATRAN, 150.0, 150.0, 1.11, 3.32, 0.30, 1.51, 6076 * 2.0),
        Arm("dabigatran 110", _DABIGATRAN, 110.0, 110.0, 1.54, 2.87, 0.23, 1.12, 6015 * 2.0),
        Arm("warfarin", None, 0.0, 0.0, 1.71, 3.57, 0.74, 1.02, 6022 * 2.0),
    ),
    warfarin_time_in_range_percent=64.0,
    mean_chads2=2.1,
    stroke_factor=1.09,
    bleeding_factor=1.15,
)

# Stroke: intention to treat. Gastrointestinal bleeding is printed as % of patients; divided here by
# the 1.56 years that turn their 5.6 % with a major bleed into 3.6 % per year.
ROCKET_AF = Trial(
    "ROCKET AF",
    Population(
        age_y=(73.0, 9.6),
        female=0.396,
        lowest_clearance_ml_per_min=30.0,
        asian=0.13,
        prevalences=Prevalences(
            heart_failure=0.625,
            hypertension=0.905,
            diabetes=0.40,
            prior_stroke=0.548,
            vascular_disease=0.22,
            antiplatelet=0.366,
            bleeding_history=0.08,
        ),
    ),
    (
        Arm("rivaroxaban 20", _RIVAROXABAN, 20.0, 15.0, 2.1, 3.6, 0.5, 2.05, 7081 * 1.6),
        Arm("warfarin", None, 0.0, 0.0, 2.4, 3.4, 0.7, 1.41, 7090 * 1.6),
    ),
    warfarin_time_in_range_percent=55.0,
    mean_chads2=3.5,
    stroke_factor=1.01,
    bleeding_factor=0.783,
)

ARISTOTLE = Trial(
    "ARISTOTLE",
    Population(
        age_y=(70.0, 9.7),
        female=0.353,
        lowest_clearance_ml_per_min=25.0,
        asian=0.15,
        prevalences=Prevalences(
            heart_failure=0.355,
            hypertension=0.875,
            diabetes=0.25,
            prior_stroke=0.195,
            vascular_disease=0.18,
            antiplatelet=0.31,
            bleeding_history=0.167,
        ),
    ),
    (
        Arm("apixaban 5", _APIXABAN, 5.0, 2.5, 1.27, 2.13, 0.33, 0.76, 9120 * 1.8),
        Arm("warfarin", None, 0.0, 0.0, 1.60, 3.09, 0.80, 0.86, 9081 * 1.8),
    ),
    warfarin_time_in_range_percent=62.0,
    mean_chads2=2.1,
    stroke_factor=1.06,
    bleeding_factor=1.02,
)

# Stroke: modified intention to treat, on treatment.
ENGAGE_AF = Trial(
    "ENGAGE AF",
    Population(
        age_y=(72.0, 10.0),
        female=0.381,
        lowest_clearance_ml_per_min=30.0,
        asian=0.14,
        prevalences=Prevalences(
            heart_failure=0.575,
            hypertension=0.936,
            diabetes=0.36,
            prior_stroke=0.283,
            vascular_disease=0.20,
            antiplatelet=0.29,
            bleeding_history=0.08,
        ),
    ),
    (
        Arm("edoxaban 60", _EDOXABAN, 60.0, 30.0, 1.18, 2.75, 0.39, 1.51, 7035 * 2.8),
        Arm("edoxaban 30", _EDOXABAN, 30.0, 15.0, 1.61, 1.61, 0.26, 0.82, 7034 * 2.8),
        Arm("warfarin", None, 0.0, 0.0, 1.50, 3.43, 0.85, 1.23, 7036 * 2.8),
    ),
    warfarin_time_in_range_percent=68.0,  # recalled
    mean_chads2=2.8,
    stroke_factor=0.797,
    bleeding_factor=1.14,
)

TRIALS = (RE_LY, ROCKET_AF, ARISTOTLE, ENGAGE_AF)
