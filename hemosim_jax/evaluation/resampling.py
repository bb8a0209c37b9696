"""Means over patients, with bootstrap intervals."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

RESAMPLES = 1000
_PERCENTILES = (2.5, 97.5)
FEWEST = 5  # patients that can be resampled
_BLOCK_NUMBERS = 10_000_000  # of weights at a time, to bound the memory


class Interval(NamedTuple):
    """A mean of the patients who have a value, and its 95 % interval."""

    mean: float
    low: float
    high: float
    patients: int


def mean_intervals(
    columns: ArrayLike, bounds: Sequence[tuple[float, float] | None] | None = None
) -> list[Interval]:
    """Of every column of `patient, column`: percentiles of the means of resampled patients.

    The patients are resampled together, so that a column may be the difference of two others. A
    value that is not finite is left out; without any the mean is NaN. Of fewer than `FEWEST`
    patients the interval is NaN.

    - `bounds`: what one patient's value can be, for each column, or None. Where no two patients
      differ, resampling sees no uncertainty: the interval is then exact for the share of patients
      who could have had another value (none of n: below 1 - 0.025^(1/n)), at the bound.
    """
    values = np.asarray(columns, np.float64)
    has_value = np.isfinite(values)
    counted = has_value.sum(axis=0)
    means = _mean(np.where(has_value, values, 0.0).sum(axis=0), counted)
    # About the mean, so that what does not vary has no interval.
    deviations = np.where(has_value, values - means, 0.0)
    resampled = means + np.concatenate(
        [
            _mean(weights @ deviations, weights @ has_value.astype(np.float64))
            for weights in _resampling_weights(values.shape[0])
        ]
    )
    # A sample of patients of whom none has a value says nothing.
    resampled = np.where(counted > 0, resampled, 0.0)
    enough = counted >= FEWEST
    low, high = np.where(enough, np.nanpercentile(resampled, _PERCENTILES, axis=0), np.nan)
    for column, allowed in enumerate(bounds or ()):
        if allowed and enough[column] and not np.any(deviations[:, column]):
            share = 1.0 - 0.025 ** (1.0 / counted[column])
            low[column] += share * (allowed[0] - means[column])
            high[column] += share * (allowed[1] - means[column])
    return [
        Interval(float(means[column]), float(low[column]), float(high[column]), int(count))
        for column, count in enumerate(counted)
    ]


def mean_interval(values: ArrayLike) -> Interval:
    """`mean_intervals` of one column."""
    return mean_intervals(np.asarray(values)[:, None])[0]


def _mean(total, count):
    return np.divide(total, count, out=np.full(np.shape(total), np.nan), where=count > 0)


def _resampling_weights(patients: int):
    """How often every patient is drawn in each of `RESAMPLES` samples, a block at a time."""
    rng = np.random.default_rng(0)
    block = max(1, min(RESAMPLES, _BLOCK_NUMBERS // patients))
    for start in range(0, RESAMPLES, block):
        rows: list[np.ndarray] = [
            np.bincount(rng.integers(patients, size=patients), minlength=patients)
            for _ in range(min(block, RESAMPLES - start))
        ]
        yield np.stack(rows).astype(np.float64)
