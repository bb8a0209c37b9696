"""What four trials and an exposure-response analysis say of DOAC's hazards, with its uncertainty.

    python -m benchmarks.doac_posterior [--write]

A hierarchical model, sampled by NUTS (numpyro). Fitted to: strokes and bleeds by site in the ten
arms, as counts over the trial's patient-years, and the slopes of both on the log of dabigatran's
trough in RE-LY's patients. Every trial has its own factors, every drug its own coefficients, from
distributions that are fitted too: a new trial, or a drug that was left out, is drawn from them.
`--write` stores draws in the package; the medians printed are what `hazards` and `trials` keep.
"""

import argparse
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
from numpyro import distributions as dist
from numpyro.infer import MCMC, NUTS, init_to_median

from hemosim_jax.evaluation.streams import training
from hemosim_jax.physiology import oral_dosing
from hemosim_jax.tasks.doac import disturbances, drugs, hazards, population, posterior, trial_rates
from hemosim_jax.tasks.doac.hazards import SITES, Coefficients
from hemosim_jax.tasks.doac.trials import RE_LY, TRIALS, Trial

PATIENTS = 20_000  # simulated, of every trial
BINS = 50  # of like exposure
DRAWS = 1000  # that are kept
DABIGATRAN = drugs.DRUGS.index("dabigatran")

# Slope of the log rate on the log of dabigatran's trough in RE-LY's 9,183 patients with a level,
# risk held constant (Reilly et al., J Am Coll Cardiol 2014;63:321). Strokes: as given to this
# project. Bleeds (assumption): the medians of those with and without, 116 and 75 ng/mL, and the
# spread of the log, 0.68, give 0.93; less, because age raises both.
STROKE_SLOPE = (-0.24, 0.12)
BLEEDING_SLOPE = (0.85, 0.25)
# Warfarin against nothing: 64 % [49, 74] fewer strokes (recalled).
WARFARIN_STROKE_LOG_SD = 0.17


class Data(NamedTuple):
    """Of a trial, by arm; arrays over bins of patients of like exposure, equally many in each."""

    trial: Trial
    risks: list[tuple[Any, Any]]  # as `trial_rates.risks_of`
    exposures: list[Any]
    log_troughs: list[tuple[Any, Any]]  # mean and mean square, ng/mL; of RE-LY's two arms


def data_of(trial, key, size=PATIENTS):
    """The trial's simulated patients."""
    patients = trial_rates.sample_patients(trial, key, size)
    own = trial_rates.risks_of(patients)
    data = Data(trial, [], [], [])
    for arm in trial.arms:
        of_all = jnp.ones(size) if arm.drug is None else trial_rates.exposure(arm, patients)
        order = jnp.argsort(of_all)

        def in_bins(values, order=order):
            return jnp.mean(values[order].reshape(BINS, -1), axis=1)

        data.risks.append(tuple(map(in_bins, own)))
        data.exposures.append(jnp.exp(in_bins(jnp.log(of_all))))
        if trial is RE_LY and arm.drug is not None:
            trough = log_trough(arm, patients)
            data.log_troughs.append((in_bins(trough), in_bins(trough**2)))
    return data


def log_trough(arm, patients):
    """Of every patient after a month on this dose of dabigatran."""

    def of_one(patient):
        zero = jnp.zeros_like(patient.covariates.age_y)
        well = disturbances.well(patient.thresholds)
        covariates = population.pharmacokinetic_covariates(patient, well, zero)
        own = drugs.parameters(covariates, patient.effects, len(drugs.DRUGS))[DABIGATRAN]
        regimen = drugs.regimen(arm.dose_mg, DABIGATRAN)
        start = oral_dosing.TABLETS.initial_state(own)
        end, _ = oral_dosing.TABLETS.advance(start, jnp.float32(720.0), own, regimen)
        return jnp.log(oral_dosing.concentration_ng_per_ml(end, own))

    return jax.jit(jax.vmap(of_one))(patients)


def _of_group(name, shape, mean, sd, between):
    """The logs of a group of coefficients around a mean that is fitted too, not centered."""
    center = numpyro.sample(f"{name}_mean", dist.Normal(mean, sd).to_event(jnp.ndim(mean)))
    spread = numpyro.sample(f"{name}_sd", dist.HalfNormal(between))
    own = numpyro.sample(f"{name}_own", dist.Normal(0.0, 1.0).expand(shape).to_event(len(shape)))
    return center + spread * own


def coefficients():
    """Drawn from their priors."""
    n = len(drugs.DRUGS)
    half = jnp.exp(_of_group("half", (n,), jnp.log(0.6), 0.5, 0.4))
    stroke = jnp.exp(_of_group("stroke_steepness", (n,), 0.0, 0.5, 0.3))
    bleeding = jnp.exp(_of_group("bleeding_steepness", (n,), 0.0, 0.5, 0.3))
    ratios = jnp.exp(_of_group("ratio", (n, len(SITES)), jnp.full(len(SITES), -0.7), 0.7, 0.5))
    return Coefficients(
        stroke_scale=jnp.exp(numpyro.sample("stroke_scale", dist.Normal(0.0, 0.5))),
        bleeding_scale=jnp.exp(numpyro.sample("bleeding_scale", dist.Normal(0.0, 0.5))),
        background_bleeding=numpyro.sample("background", dist.Beta(2.0, 4.0)),
        stroke_half_exposure=tuple(half),
        stroke_steepness=tuple(stroke),
        bleeding_steepness=tuple(bleeding),
        site_ratios=tuple(tuple(row) for row in ratios),
    )


def published(arm):
    """Strokes of any kind and bleeds by site, % per year."""
    known = arm.intracranial_percent_per_y, arm.gastrointestinal_percent_per_y
    return arm.stroke_percent_per_y, *known, arm.major_bleeding_percent_per_y - sum(known)


def slopes(data, rates):
    """Of the logs of both hazards on the log trough, each patient's own risk held constant."""
    x, x_squared = (jnp.concatenate(parts) for parts in zip(*data.log_troughs, strict=True))
    untreated, on_warfarin = (jnp.concatenate(parts) for parts in zip(*data.risks[:2], strict=True))

    def slope(hazard, risk):
        w = hazard / jnp.sum(hazard)
        center = jnp.sum(w * x)
        covariance = jnp.sum(w * (x - center) * jnp.log(hazard / risk))
        return covariance / (jnp.sum(w * x_squared) - center**2)

    return (
        slope(jnp.concatenate([r.stroke for r in rates]), untreated),
        slope(jnp.concatenate([hazards.all_bleeds(r) for r in rates]), on_warfarin),
    )


def model(every):
    """The joint density of everything."""
    own = coefficients()
    warfarin = numpyro.sample("warfarin_stroke", dist.Normal(0.0, WARFARIN_STROKE_LOG_SD))
    spread = numpyro.sample("between_trials", dist.HalfNormal(0.3).expand((2,)).to_event(1))
    factors = numpyro.sample("factor", dist.Normal(0.0, 1.0).expand((len(every), 2)).to_event(2))
    factors = jnp.exp(spread * factors)
    for data, (stroke_factor, bleeding_factor) in zip(every, factors, strict=True):
        trial = data.trial
        by_arm = [
            trial_rates.hazards_in(trial, arm, exposure, risks, own)
            for arm, exposure, risks in zip(trial.arms, data.exposures, data.risks, strict=True)
        ]
        for arm, rates in zip(trial.arms, by_arm, strict=True):
            ratio = stroke_factor * (jnp.exp(warfarin) if arm.drug is None else 1.0)
            expected = with_factors(rates, ratio, bleeding_factor)
            counted = published(arm)
            if arm.drug is None:  # the sites' shares on warfarin are given
                expected, counted = total(expected), total(counted)
            years = 0.01 * arm.patient_years
            for what, number, found in zip(("stroke", *SITES), expected, counted, strict=False):
                name = f"{trial.name}, {arm.name}, {what}"
                numpyro.factor(
                    name, dist.Poisson(years * number).log_prob(jnp.round(years * found))
                )
        if data.log_troughs:
            for name, slope, (mean, sd) in zip(
                ("stroke", "bleeding"),
                slopes(data, by_arm[:2]),
                (STROKE_SLOPE, BLEEDING_SLOPE),
                strict=True,
            ):
                numpyro.sample(f"{name}_slope", dist.Normal(slope, sd), obs=jnp.asarray(mean))


def with_factors(rates, stroke_factor, bleeding_factor):
    """As `trial_rates.percent_per_y`; hemorrhagic strokes have the factor of bleeding."""
    rates = rates.replace(bleeding=tuple(bleeding_factor * site for site in rates.bleeding))
    return trial_rates.percent_per_y(rates, stroke_factor)


def total(rates):
    """Strokes, and bleeds of all sites."""
    return rates[0], sum(rates[1:])


def sample(every, key, warmup=600, draws=600, chains=4):
    """Draws of everything; prints what did not converge."""
    kernel = NUTS(model, target_accept_prob=0.95, init_strategy=init_to_median())
    mcmc = MCMC(
        kernel,
        num_warmup=warmup,
        num_samples=draws,
        num_chains=chains,
        chain_method="vectorized",
        progress_bar=False,
    )
    mcmc.run(key, every)
    found = mcmc.get_samples(group_by_chain=True)
    summary = numpyro.diagnostics.summary(found)
    worst = max(float(np.max(one["r_hat"])) for one in summary.values())
    least = min(float(np.min(one["n_eff"])) for one in summary.values())
    divergent = int(np.sum(mcmc.get_extra_fields()["diverging"]))
    print(f"r-hat at most {worst:.3f}, effective draws at least {least:.0f}, {divergent} divergent")
    return mcmc.get_samples()


def as_coefficients(found):
    """Stacked over draws."""
    handler = numpyro.handlers.substitute
    return jax.vmap(lambda one: handler(coefficients, data=one)())(found)


def factors_of(found):
    """Of stroke and of bleeding, by draw, trial and event."""
    return jnp.exp(found["between_trials"][:, None] * found["factor"])


def fit(trials=TRIALS, key=None, size=PATIENTS, **lengths):
    """Draws of the joint posterior given these trials."""
    of_data, of_chains = jax.random.split(training(20).key() if key is None else key)
    keys = jax.random.split(of_data, len(trials))
    every = [data_of(trial, one, size) for trial, one in zip(trials, keys, strict=True)]
    return sample(every, of_chains, **lengths)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    found = fit()
    own = as_coefficients(found)
    names = jax.tree_util.tree_leaves_with_path(own)
    for path, leaf in names:
        low, middle, high = np.percentile(leaf, (5, 50, 95))
        print(f"{jax.tree_util.keystr(path)}: {middle:.3g} [{low:.3g}, {high:.3g}]")
    for trial, factors in zip(TRIALS, np.median(factors_of(found), axis=0), strict=True):
        print(f"{trial.name}: factors of stroke {factors[0]:.3g}, of bleeding {factors[1]:.3g}")
    if options.write:
        kept = np.linspace(0, len(found["background"]) - 1, DRAWS).astype(int)
        path = Path(posterior.__file__).with_name(posterior.FILE)
        posterior.save(jax.tree.map(lambda leaf: leaf[kept], own), path)


if __name__ == "__main__":
    main()
