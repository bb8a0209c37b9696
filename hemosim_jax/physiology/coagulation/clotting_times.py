"""Refits the exponents of `clotting_formulas` to the clotting tests."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from hemosim_jax.physiology.coagulation import clotting_formulas
from hemosim_jax.physiology.coagulation.assays import clotting_times
from hemosim_jax.physiology.coagulation.plasma import Plasma


class Fit(NamedTuple):
    """Of one test."""

    exponents: dict[str, float]
    rms_error: float  # relative


def fit(plasmas: int = 2048, seed: int = 0) -> tuple[Fit, Fit]:
    """PT and aPTT, by least squares of the logarithms through the normal plasma."""
    rng = np.random.default_rng(seed)
    names = dict.fromkeys((*clotting_formulas.PT_EXPONENTS, *clotting_formulas.APTT_EXPONENTS))
    low, high = np.log(clotting_formulas.FITTED)
    logs = {name: rng.uniform(low, high, plasmas) for name in names}
    levels = {name: jnp.asarray(np.exp(x), jnp.result_type(float)) for name, x in logs.items()}
    test = jax.jit(jax.vmap(lambda lv: clotting_times(Plasma(lv))))
    times = test(levels)

    def of(seconds, normal_s, factors):
        matrix = np.stack([logs[name] for name in factors], axis=1)
        target = np.log(np.asarray(seconds, float) / normal_s)
        exponents, *_ = np.linalg.lstsq(matrix, target, rcond=None)
        error = np.expm1(matrix @ exponents - target)
        named = {name: float(x) for name, x in zip(factors, exponents, strict=True)}
        return Fit(named, float(np.sqrt(np.mean(error**2))))

    return (
        of(times.pt_s, clotting_formulas.NORMAL_PT_S, clotting_formulas.PT_EXPONENTS),
        of(times.aptt_s, clotting_formulas.NORMAL_APTT_S, clotting_formulas.APTT_EXPONENTS),
    )
