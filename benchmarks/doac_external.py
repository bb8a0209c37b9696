"""Trials of direct oral anticoagulants as others predict them, and trials never fitted to.

    python -m benchmarks.doac_external [--few]

Each of the four trials is predicted by the posterior given the other three (`doac_posterior`; with
RE-LY its exposure-response is left out, too): its factors and its drug's coefficients are drawn
from what trials and drugs have in common. AVERROES and ELDERCARE-AF are predicted by all four.
Populations of the two: as published, and recalled where that was not at hand. People: rate per 100
patient-years with its Poisson interval, 95 %. Simulated: at steady state, with the middle 90 % of
what a trial of this size would publish, which should hold nine of ten.
"""

import argparse

import jax
import jax.numpy as jnp
import numpy as np
from scipy import stats

from benchmarks import doac_posterior
from benchmarks.comparison import Row, show
from hemosim_jax.evaluation.streams import held_out, training
from hemosim_jax.tasks.doac import drugs, hazards, trial_rates
from hemosim_jax.tasks.doac.population import Population, Prevalences
from hemosim_jax.tasks.doac.trials import RE_LY, TRIALS, Arm, Trial

APIXABAN, EDOXABAN = drugs.DRUGS.index("apixaban"), drugs.DRUGS.index("edoxaban")
ASPIRIN_STROKE_RATIO = 0.78  # against nothing (recalled: 22 % fewer, Hart et al. 2007)

# Connolly et al., N Engl J Med 2011;364:806; shares recalled but prior stroke and CHADS2.
AVERROES = Trial(
    "AVERROES",
    Population(
        age_y=(70.0, 9.5),
        female=0.41,
        lowest_clearance_ml_per_min=25.0,
        asian=0.20,
        prevalences=Prevalences(
            heart_failure=0.39,
            hypertension=0.86,
            diabetes=0.195,
            prior_stroke=0.14,
            vascular_disease=0.15,
            antiplatelet=0.10,
            bleeding_history=0.03,
        ),
    ),
    (Arm("apixaban 5", APIXABAN, 5.0, 2.5, 1.6, 1.4, 0.4, 0.4, 2808 * 1.1),),
    warfarin_time_in_range_percent=64.0,
    mean_chads2=2.0,
    stroke_factor=1.0,
    bleeding_factor=1.0,
)
# Okumura et al., N Engl J Med 2020;383:1735; mean age 86.6, 50.6 kg, 36 mL/min (recalled).
ELDERCARE = Trial(
    "ELDERCARE-AF",
    Population(
        age_y=(86.6, 4.2),
        female=0.57,
        weight_kg=((46.0, 0.19), (55.0, 0.19)),
        creatinine_mg_per_dl=((0.85, 0.30), (1.15, 0.30)),
        lowest_clearance_ml_per_min=15.0,
        asian=1.0,
        prevalences=Prevalences(
            heart_failure=0.54,
            hypertension=0.82,
            diabetes=0.23,
            prior_stroke=0.24,
            vascular_disease=0.14,
            antiplatelet=0.37,
            bleeding_history=0.25,
        ),
    ),
    (Arm("edoxaban 15", EDOXABAN, 15.0, 15.0, 2.3, 3.3, 0.3, 2.0, 492 * 1.28),),
    warfarin_time_in_range_percent=64.0,
    mean_chads2=3.1,
    stroke_factor=1.0,
    bleeding_factor=1.0,
)
FEW = {"warmup": 100, "draws": 50}

# Those without an anticoagulant: name, ratio of strokes, strokes and bleeds % per year, years.
CONTROLS = {
    "AVERROES": ("aspirin", ASPIRIN_STROKE_RATIO, (3.7, 1.2), 2791 * 1.1),
    "ELDERCARE-AF": ("placebo", 1.0, (6.7, 1.8), 492 * 1.28),
}


def poisson_interval(rate, years):
    """Exact, 95 %; per 100 years, as `rate`."""
    count = rate * years / 100.0
    low, high = stats.chi2.ppf([0.025, 0.975], [2.0 * count, 2.0 * count + 2.0]) / 2.0
    return 100.0 * low / years, 100.0 * high / years


def predicted(found, rates_of, years, key):
    """Draws of both rates, % per year, that a further trial of so many patient-years publishes.

    `rates_of(coefficients, warfarin_stroke_ratio)`: the hazards and the ratio of ischemic strokes.
    """
    of_trial, of_counts = jax.random.split(key)
    spread = found["between_trials"]
    factors = jnp.exp(spread * jax.random.normal(of_trial, spread.shape))

    def of_draw(draw):
        own, on_warfarin, (stroke_factor, bleeding_factor) = draw
        rates, ratio = rates_of(own, on_warfarin)
        by_site = doac_posterior.with_factors(rates, ratio * stroke_factor, bleeding_factor)
        return jnp.stack(doac_posterior.total(by_site))

    own = doac_posterior.as_coefficients(found)
    expected = jax.lax.map(of_draw, (own, jnp.exp(found["warfarin_stroke"]), factors))
    expected = 0.01 * years * expected
    return 100.0 * np.asarray(jax.random.poisson(of_counts, expected)) / years


def row(what, value, interval, draws):
    """People's value with its interval beside the draws of the prediction."""
    people = f"{value:.2f} ({interval[0]:.2f}-{interval[1]:.2f})"
    middle = tuple(np.percentile(draws, (5.0, 95.0)))
    return Row(what, people, float(np.median(draws)), middle, "predicted")


def compared(name, draws, published, years):
    """The two rows of an arm."""
    for event, rate, values in zip(("stroke", "bleed"), published, draws.T, strict=True):
        low, high = poisson_interval(rate, years)
        yield row(f"{name}: {event}s per 100 years", rate, (low, high), values), rate


def arms(trial, found, key):
    """Rows of every arm; strokes on warfarin vary with what warfarin does."""
    data = doac_posterior.data_of(trial, key)
    for index, (arm, exposure, risks) in enumerate(
        zip(trial.arms, data.exposures, data.risks, strict=True)
    ):

        def rates_of(own, on_warfarin, arm=arm, exposure=exposure, risks=risks):
            rates = trial_rates.hazards_in(trial, arm, exposure, risks, own)
            return rates, on_warfarin if arm.drug is None else 1.0

        draws = predicted(found, rates_of, arm.patient_years, jax.random.fold_in(key, index))
        published = arm.stroke_percent_per_y, arm.major_bleeding_percent_per_y
        yield from compared(f"{trial.name}, {arm.name}", draws, published, arm.patient_years)
    if trial.name in CONTROLS:
        name, ratio, published, years = CONTROLS[trial.name]

        def without(own, _):
            none = jnp.zeros_like(data.exposures[0])
            drug = jnp.zeros_like(none, jnp.int32)
            return hazards.hazards_on_drug(none, drug, *data.risks[0], own), ratio

        draws = predicted(found, without, years, jax.random.fold_in(key, 9))
        yield from compared(f"{trial.name}, {name}", draws, published, years)


def reilly(found, key):
    """Rows of the slopes on the log of dabigatran's trough."""
    data = doac_posterior.data_of(RE_LY, key)
    own = doac_posterior.as_coefficients(found)

    def slopes(coefficients):
        rates = [
            trial_rates.hazards_in(RE_LY, *of_arm, coefficients)
            for of_arm in zip(RE_LY.arms[:2], data.exposures, data.risks, strict=False)
        ]
        return jnp.stack(doac_posterior.slopes(data, rates))

    draws = np.asarray(jax.lax.map(slopes, own))
    known = doac_posterior.STROKE_SLOPE, doac_posterior.BLEEDING_SLOPE
    for event, (mean, sd), values in zip(("stroke", "bleed"), known, draws.T, strict=True):
        values = values + sd * np.random.default_rng(0).normal(size=len(values))
        known_within = mean - 2.0 * sd, mean + 2.0 * sd
        yield row(f"RE-LY: log rate of {event}s on log trough", mean, known_within, values), mean


def rows_and_rates(**lengths):
    """All comparisons, everything predicted, each with the published rate."""
    key_fit, key_people = training(20).key(), held_out(21).key()
    for index, trial in enumerate(TRIALS):
        others = [one for one in TRIALS if one is not trial]
        found = doac_posterior.fit(others, jax.random.fold_in(key_fit, index), **lengths)
        yield from arms(trial, found, jax.random.fold_in(key_people, index))
        if trial is RE_LY:
            yield from reilly(found, key_people)
    found = doac_posterior.fit(**lengths)
    for index, trial in enumerate((AVERROES, ELDERCARE)):
        yield from arms(trial, found, jax.random.fold_in(key_people, 10 + index))


def rows(**lengths):
    """All comparisons."""
    return [one for one, _ in rows_and_rates(**lengths)]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--few", action="store_true", help="short chains: does it run?")
    options = parser.parse_args()
    compared_with = list(rows_and_rates(**(FEW if options.few else {})))
    show("direct oral anticoagulants", [one for one, _ in compared_with], "90 %")
    inside = [one.interval[0] <= rate <= one.interval[1] for one, rate in compared_with]
    print(f"{sum(inside)} of {len(inside)} are in the interval of 90 %")


if __name__ == "__main__":
    main()
