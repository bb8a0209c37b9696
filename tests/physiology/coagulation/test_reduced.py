import csv
import json

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hemosim_jax.integrate.reference import solve_reference
from hemosim_jax.physiology.coagulation import reduced
from tests.conftest import shared_file


@pytest.fixture(scope="module")
def curves():
    """All states over 20 minutes at 1 to 25 pM, every second."""
    times = jnp.arange(0.0, 1201.0)
    with jax.enable_x64():

        def run(pm):
            return solve_reference(
                reduced.vector_field,
                reduced.initial_state(jnp.ones(())),
                times.astype(float),
                reduced.parameters(pm),
                solver=diffrax.Kvaerno5(),
            )

        pm = (1.0, 2.0, 5.0, 10.0, 15.0, 25.0)
        states = jax.jit(jax.vmap(run))(jnp.asarray(pm))
        return pm, jax.tree.map(np.asarray, states)


def test_constants_are_the_fitted_ones():
    fitted = json.loads(shared_file("reference/coagulation/reduced8.json").read_text())
    values = fitted["set_A_TF5"]["params"]
    assert {k: values[k] for k in reduced.K} == dict(reduced.K)
    assert values["Va0"] == reduced.SEED_VA_NM
    assert fitted["set_A_power"]["p"] == reduced.TISSUE_FACTOR_EXPONENT


def test_fit_to_the_full_model(curves):
    """Root mean square error over the peak, of section 4.3 of the science file."""
    published = {1.0: 9.45, 2.0: 3.25, 5.0: 0.31, 10.0: 1.36, 15.0: 2.17, 25.0: 2.99}
    with shared_file("reference/coagulation/thrombin_curves_hockin2002.csv").open() as file:
        full = list(csv.DictReader(file))
    pm, states = curves
    for i, factor in enumerate(pm):
        reference = np.array([float(row[f"TF{factor:.0f}_IIa+mIIa_nM"]) for row in full])
        error = np.sqrt(np.mean((states.iia[i] - reference) ** 2)) / reference.max()
        assert 100.0 * error == pytest.approx(published[factor], abs=0.02), factor


def test_curve_of_the_reference(curves):
    with shared_file("reference/coagulation/reduced8_curves.csv").open() as file:
        rows = list(csv.DictReader(file))
    ours = curves[1].iia[2]
    for row in rows:
        expected = pytest.approx(float(row["reducedA_TF5_nM"]), rel=1e-4, abs=1e-5)
        assert ours[int(row["time_s"])] == expected


def test_conservation_and_area(curves):
    states = curves[1]
    prothrombin = 1400.0 - states.iia - states.antithrombin_bound
    assert prothrombin.min() > -1e-6
    np.testing.assert_allclose(states.fibrinogen + states.fibrin, 9000.0, rtol=1e-7)
    assert states.platelets_activated.min() >= 0.0
    assert states.platelets_activated.max() <= 1.0
    area = np.trapezoid(states.iia[2:], dx=1.0, axis=1) / 60.0
    np.testing.assert_allclose(area, 1245.6, rtol=1e-3)
    assert states.antithrombin_bound[3, -1] == pytest.approx(1400.0, abs=0.5)


def test_no_tissue_factor_no_thrombin():
    parameters = reduced.parameters(jnp.zeros(()))
    assert parameters.k1_nm_per_s == 0.0
    gradient = jax.grad(lambda pm: reduced.parameters(pm).k1_nm_per_s)(0.0)
    assert jnp.isfinite(gradient)
