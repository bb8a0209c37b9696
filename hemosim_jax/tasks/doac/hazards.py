r"""Hazards of stroke and major bleeding under an anticoagulant, driven by its exposure.

With $E$ the mean concentration of an interval over the drug's typical one,

$$h_{stroke} = s\,U(\text{CHA}_2\text{DS}_2\text{-VASc}) / (1 + (E / E_{50})^\gamma)$$
$$h_{site} = b\,H(\text{HAS-BLED})\,1.35^{(age - 70) / 10}\,w_{site}\,(u + m_{site} E^\beta)$$

$U$, the stroke rate of untreated patients, $H$, the bleeding rate on warfarin, and the effect of
age are published, $w$ is rounded from trials. Everything else is a joint fit to four trials and to
what one of them found in its patients (`posterior`), with its uncertainty.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from hemosim_jax.core.choose import choose
from hemosim_jax.core.node import Node
from hemosim_jax.core.scalar import Scalar

HOURS_PER_Y = 8766.0
SITES = ("intracranial", "gastrointestinal", "other")

# Published. Stroke without anticoagulant by CHA2DS2-VASc, % per year (Friberg et al., Eur Heart J
# 2012;33:1500); major bleeding on warfarin by HAS-BLED (Pisters 2010), the last for 5 and more.
UNTREATED_STROKE_PERCENT_PER_Y = (0.2, 0.6, 2.2, 3.2, 4.8, 7.2, 9.7, 11.2, 10.8, 12.2)
BLEEDING_PERCENT_PER_Y = (1.13, 1.02, 1.88, 3.74, 8.70, 12.50)
# Intracranial hemorrhage in ROCKET AF; taken over to all major bleeding (assumption), on warfarin
# in RE-LY 3.04 and 4.37 % per year below and above 75 y.
BLEEDING_RATIO_PER_DECADE = 1.35
# Deaths within 30 days in ARISTOTLE (Held 2013); the same on every drug (Skaistis 2015).
FATAL_SHARE = (0.425, 0.074, 0.074)  # by site; the abstract's
# Of intracranial hemorrhages, half are strokes (RE-LY's warfarin arm 0.38 of 0.74 % per year).
HEMORRHAGIC_STROKE_SHARE = 0.5

# Assumptions.
WARFARIN_STROKE_RATIO = 0.36  # recalled: 64 % fewer than with placebo; at 64 % of time in range
# For each percent of time in range more, of strokes and bleeds.
WARFARIN_RATIO_PER_PERCENT = -0.012
# Bleeding sites on warfarin, rounded from RE-LY, ROCKET AF, ARISTOTLE, ENGAGE AF.
WARFARIN_SITE_SHARES = (0.23, 0.33, 0.44)

# Mean concentration (ng/mL) of a man of 72 y and 82 kg, 70 mL/min, on the standard dose.
TYPICAL_MEAN_NG_PER_ML = (141.4, 128.8, 141.4, 75.7)


class Coefficients(Node):
    """What is fitted; tuples by drug (rivaroxaban, dabigatran, apixaban, edoxaban).

    Of the posterior (`posterior`) every leaf has an axis of draws.
    """

    stroke_scale: Scalar
    bleeding_scale: Scalar
    background_bleeding: Scalar  # u: without anticoagulant, as a share of that on warfarin
    stroke_half_exposure: tuple[Scalar, ...]
    stroke_steepness: tuple[Scalar, ...]
    bleeding_steepness: tuple[Scalar, ...]
    site_ratios: tuple[tuple[Scalar, ...], ...]  # m, by drug and site


# The posterior's medians (`python -m benchmarks.doac_posterior`).
CALIBRATED = Coefficients(
    stroke_scale=0.671,
    bleeding_scale=1.36,
    background_bleeding=0.182,
    stroke_half_exposure=(0.502, 0.455, 0.474, 0.416),
    stroke_steepness=(0.749, 0.795, 0.778, 0.864),
    bleeding_steepness=(1.03, 0.918, 0.96, 1.04),
    site_ratios=(
        (0.43, 1.61, 0.521),
        (0.158, 0.884, 0.727),
        (0.262, 0.533, 0.532),
        (0.305, 1.21, 0.393),
    ),
)


class Hazards(Node):
    """Per year. `stroke` is ischemic stroke and systemic embolism; bleeds by site."""

    stroke: Float[Array, "*b"]
    bleeding: tuple[Float[Array, "*b"], ...]


def stroke_without_treatment(cha2ds2_vasc: Int[Array, "*b"]) -> Float[Array, "*b"]:
    """$U$, per year."""
    return 0.01 * choose(cha2ds2_vasc, UNTREATED_STROKE_PERCENT_PER_Y)


def bleeding_on_warfarin(
    has_bled: Int[Array, "*b"], age_y: Float[Array, "*b"]
) -> Float[Array, "*b"]:
    """$H$ with the effect of age, per year."""
    by_score = choose(has_bled, BLEEDING_PERCENT_PER_Y)
    return 0.01 * by_score * BLEEDING_RATIO_PER_DECADE ** (0.1 * (age_y - 70.0))


def hazards_on_drug(
    exposure: Float[Array, "*b"],
    drug: Int[Array, "*b"],
    untreated_stroke: Float[Array, "*b"],
    warfarin_bleeding: Float[Array, "*b"],
    coefficients: Coefficients,
) -> Hazards:
    """On a direct anticoagulant; `exposure` is over the typical one, 0 without."""

    def of_drug(values):
        return choose(drug, values).astype(exposure.dtype)

    c = coefficients
    # The exponent of a log keeps the gradient finite where there is no drug.
    log_exposure = jnp.log(jnp.maximum(exposure, 1e-6))
    log_relative = log_exposure - jnp.log(of_drug(c.stroke_half_exposure))
    effect = jnp.exp(of_drug(c.stroke_steepness) * log_relative)
    driven = jnp.exp(of_drug(c.bleeding_steepness) * log_exposure)
    return Hazards(
        stroke=c.stroke_scale * untreated_stroke / (1.0 + effect),
        bleeding=tuple(
            c.bleeding_scale * warfarin_bleeding * share * (c.background_bleeding + ratio * driven)
            for share, ratio in zip(
                WARFARIN_SITE_SHARES,
                (of_drug([row[site] for row in c.site_ratios]) for site in range(len(SITES))),
                strict=True,
            )
        ),
    )


def exposure(mean_ng_per_ml: Sequence[Float[Array, "*b"]]) -> Float[Array, "*b"]:
    """Mean concentrations over the typical ones, of all drugs together (in the usual order)."""
    typical = TYPICAL_MEAN_NG_PER_ML[: len(mean_ng_per_ml)]
    total = mean_ng_per_ml[0] / typical[0]
    for mean, one in zip(mean_ng_per_ml[1:], typical[1:], strict=True):
        total = total + mean / one
    return total


def all_bleeds(rates: Hazards) -> Float[Array, "*b"]:
    """Of all sites together."""
    first, *others = rates.bleeding
    for site in others:
        first = first + site
    return first


def expected_events(
    exposure: Float[Array, "*b"],
    drug: Int[Array, "*b"],
    untreated_stroke: Float[Array, "*b"],
    warfarin_bleeding: Float[Array, "*b"],
    duration_h: Float[Array, "*b"],
    held_h: Float[Array, "*b"],
    coefficients: Coefficients,
) -> Hazards:
    """Numbers expected in an interval, in the first `held_h` hours of which no tablet is taken.

    `exposure` is the mean over the interval. All of it is counted to the time in which the drug is
    taken; before, there is none.
    """
    taking_h = duration_h - held_h
    while_taking = exposure * duration_h / jnp.where(taking_h > 0.0, taking_h, duration_h)

    def events(hours, of_exposure):
        rates = hazards_on_drug(
            of_exposure, drug, untreated_stroke, warfarin_bleeding, coefficients
        )
        return jax.tree.map(lambda rate: rate * hours / HOURS_PER_Y, rates)

    held = events(held_h, jnp.zeros_like(exposure))
    return jax.tree.map(jnp.add, events(taking_h, while_taking), held)


def hazards_on_warfarin(
    time_in_range_percent: float,
    untreated_stroke: Float[Array, "*b"],
    warfarin_bleeding: Float[Array, "*b"],
    stroke_scale: Scalar,
    bleeding_scale: Scalar,
) -> Hazards:
    """On warfarin whose INR is in range for this part of the time."""
    control = jnp.exp(WARFARIN_RATIO_PER_PERCENT * (time_in_range_percent - 64.0))
    return Hazards(
        stroke=stroke_scale * untreated_stroke * WARFARIN_STROKE_RATIO * control,
        bleeding=tuple(
            bleeding_scale * warfarin_bleeding * share * control for share in WARFARIN_SITE_SHARES
        ),
    )
