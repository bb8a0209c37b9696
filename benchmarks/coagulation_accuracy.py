"""The cascades beside the reference numbers: the largest difference of every kind.

    python -m benchmarks.coagulation_accuracy

Hockin & Mann and Danforth (every row of `ref_metrics.csv` and `sensitivity_TF5.csv`), Wajima (PT,
aPTT, deficiencies, INR on warfarin), the reduced cascade (its published fit).
"""

import diffrax
import jax
import jax.numpy as jnp
import numpy as np

from hemosim_jax.integrate.reference import solve_reference
from hemosim_jax.physiology.coagulation import hockin_mann, reduced
from hemosim_jax.physiology.coagulation.clotting_times import fit
from tests.conftest import SHARED
from tests.physiology.coagulation.beside_reference import (
    CLOTTING_TIMES,
    all_clotting_times,
    all_metrics,
    all_sensitivities,
    inr_on_warfarin,
    rows,
)

FOLDER = SHARED / "reference/coagulation"
AREA_NM_MIN = np.log(3400.0 / 2000.0) / 7.1e-6 / 60.0


def largest(ours, reference, names):
    """Largest relative difference over these columns; times in seconds apart."""
    relative, seconds = 0.0, 0.0
    for theirs, mine in names.items():
        expected = np.array([float(row[theirs]) for row in reference])
        known = np.isfinite(expected)
        assert np.array_equal(known, np.isfinite(ours[mine])), theirs
        difference = np.abs(ours[mine] - expected)[known]
        if theirs.startswith("t"):
            seconds = max(seconds, difference.max())
        else:
            relative = max(relative, (difference / expected[known]).max())
    return relative, seconds


def thrombin_generation():
    reference = rows(FOLDER / "ref_metrics.csv")
    columns = [name for name in reference[0] if name not in ("model", "TF_pM", "signal")]
    factor = np.array([float(row["TF_pM"]) * 1e-3 for row in reference])
    start = {
        name: np.full_like(factor, hockin_mann.NORMAL_NM.get(name, 0.0))
        for name in hockin_mann.SPECIES
    }
    start["TF"] = factor
    total = np.array(
        [row["signal"] == "IIa+mIIa" and float(row["TF_pM"]) >= 10 for row in reference]
    )
    for dtype in ("float64", "float32"):
        ours, last, ok = all_metrics(reference, dtype)
        assert ok.all(), "the solver failed"
        relative, seconds = largest(ours, reference, {name: name for name in columns})
        drift = max(
            np.abs(sum(last[n] for n in m) / sum(start[n] for n in m) - 1.0).max()
            for m in hockin_mann.CONSERVED.values()
        )
        area = np.abs(ours["AUC20min_nM_min"][total] / AREA_NM_MIN - 1.0).max()
        print(
            f"Hockin & Mann and Danforth, {len(reference)} rows, {dtype}: peak, rate, area "
            f"{relative:.4%}, times {seconds:.3f} s; ten totals {drift:.1e}; "
            f"area against {AREA_NM_MIN:.1f} nM min {area:.4%}"
        )
    reference = rows(FOLDER / "sensitivity_TF5.csv")
    names = {
        "t10_s": "t10nM_s",
        "peak_nM": "peak_nM",
        "t_peak_s": "t_peak_s",
        "maxrate": "maxrate_nM_s",
        "AUC20_nMmin": "AUC20min_nM_min",
    }
    ours, _, ok = all_sensitivities(reference)
    assert ok.all(), "the solver failed"
    relative, seconds = largest(ours, reference, names)
    print(
        f"factor sensitivity, {len(reference)} rows: peak, rate, area {relative:.4%}, "
        f"times {seconds:.3f} s"
    )


def clotting():
    for dtype in ("float64", "float32"):
        times = all_clotting_times(dtype)
        worst = max(
            abs(ours / theirs - 1.0)
            for column, position in ((times.pt_s, 1), (times.aptt_s, 2))
            for ours, case in zip(column, CLOTTING_TIMES, strict=False)
            if (theirs := case[position]) is not None
        )
        print(
            f"Wajima, {dtype}: PT {times.pt_s[0]:.3f} s (11.048), aPTT {times.aptt_s[0]:.3f} s "
            f"(34.367); deficiency table {worst:.2%}"
        )
    doses = (1.0, 2.0, 4.0, 6.0, 8.0)
    reference = rows(FOLDER / "wajima_warfarin_ref.csv")
    ratio, _ = inr_on_warfarin(doses, (40,))
    for dose, ours in zip(doses, ratio[:, 0], strict=True):
        theirs = next(
            float(r["INR"]) for r in reference if (float(r["dose_mg"]), r["day"]) == (dose, "40")
        )
        print(f"  INR on {dose:.0f} mg a day: {ours:.4f} (reference {theirs:.4f})")


def reduced_fit():
    full = rows(FOLDER / "thrombin_curves_hockin2002.csv")
    with jax.enable_x64():
        times = jnp.arange(0.0, 1201.0)
        for pm in (1, 2, 5, 10, 15, 25):
            states = solve_reference(
                reduced.vector_field,
                reduced.initial_state(jnp.ones(())),
                times,
                reduced.parameters(jnp.asarray(float(pm))),
                solver=diffrax.Kvaerno5(),
            )
            reference = np.array([float(row[f"TF{pm}_IIa+mIIa_nM"]) for row in full])
            error = np.sqrt(np.mean((np.asarray(states.iia) - reference) ** 2)) / reference.max()
            print(f"reduced cascade at {pm} pM against Hockin & Mann: {error:.2%} of the peak")


def formulas():
    for name, refit in zip(("PT", "aPTT"), fit(), strict=True):
        exponents = ", ".join(f"{k} {x:.4f}" for k, x in refit.exponents.items())
        print(f"formula of {name}, refitted: {exponents}; {refit.rms_error:.2%} (rms)")


if __name__ == "__main__":
    thrombin_generation()
    clotting()
    formulas()
    reduced_fit()
