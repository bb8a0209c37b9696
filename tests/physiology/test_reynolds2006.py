"""The published equilibria, bifurcations, thresholds and courses."""

import csv
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import brentq, fsolve

from hemosim_jax.integrate.reference import solve_reference
from hemosim_jax.physiology import reynolds2006
from hemosim_jax.physiology.reynolds2006 import Parameters, State
from tests.conftest import shared_file

FOLDER = "reference/sepsis_cardiac_continuous"

HEALTH = (0.0, 0.0, 0.0, 0.125)
ASEPTIC = (0.0, 0.635014, 17.398956, 0.522864)
SADDLE = (0.0, 0.215332, 3.994768, 0.516044)
SEPTIC_06 = (4.93635, 0.98097, 17.49252, 0.52288)


def slope(values, k_pg):
    args = (Parameters(k_pg=k_pg), 0.0, 0.0)
    leaves = State(*(jnp.asarray(v, jnp.float64) for v in values))
    return jnp.stack(jax.tree.leaves(reynolds2006.vector_field(0.0, leaves, args)))


def eigenvalues(values, k_pg):
    with jax.enable_x64():
        jacobian = jax.jacobian(slope)(jnp.asarray(values, jnp.float64), k_pg)
    return np.linalg.eigvals(np.asarray(jacobian)).real


def equilibrium(near, k_pg):
    with jax.enable_x64():
        return fsolve(lambda y: np.asarray(slope(y, k_pg)), near, xtol=1e-13)


@pytest.mark.parametrize(
    ("values", "k_pg", "largest"),
    [(HEALTH, 0.3, -0.02), (ASEPTIC, 0.3, -0.01933), (SADDLE, 0.3, 0.0279), (SEPTIC_06, 0.6, None)],
)
def test_lasting_states(values, k_pg, largest):
    found = equilibrium(values, k_pg)
    np.testing.assert_allclose(found, values, rtol=1e-4, atol=1e-9)
    top = eigenvalues(found, k_pg).max()
    if largest is None:
        assert top < 0.0
    else:
        np.testing.assert_allclose(top, largest, atol=1e-4)


@pytest.mark.parametrize(("near", "published"), [(HEALTH, 1.5), (ASEPTIC, 1.754737)])
def test_where_growth_outruns_the_defense(near, published):
    """Health and the aseptic state lose their stability when the pathogen can grow in them."""

    def growth(k_pg):
        with jax.enable_x64():
            state = jnp.asarray(equilibrium(near, k_pg), jnp.float64)
            return float(jax.jacobian(slope)(state, k_pg)[0, 0])

    np.testing.assert_allclose(brentq(growth, 1.0, 2.4), published, rtol=1e-4)


def test_the_septic_state_appears_in_a_saddle_node():
    def at(y):
        return [*slope(y[:4], y[4]), np.linalg.det(np.asarray(jax.jacobian(slope)(y[:4], y[4])))]

    with jax.enable_x64():
        near = [2.16, 0.825, 17.48, 0.5229, 0.514]
        found = fsolve(lambda y: np.asarray(at(jnp.asarray(y))) * [1, 1, 1, 1, 1e3], near)
    expected = [2.15975, 0.825421, 17.47895, 0.522874, 0.513716]
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def course(pathogen, k_pg, hours):
    args = (Parameters(k_pg=k_pg), 0.0, 0.0)
    start = reynolds2006.infected(pathogen, args[0])
    return solve_reference(reynolds2006.vector_field, start, hours, args)


@pytest.mark.parametrize(
    ("name", "pathogen", "k_pg"),
    [
        ("healthy_P01.0_kpg0.3", 1.0, 0.3),
        ("aseptic_P01.5_kpg0.3", 1.5, 0.3),
        ("septic_P01.0_kpg0.6", 1.0, 0.6),
    ],
)
def test_canonical_courses(name, pathogen, k_pg):
    file = shared_file(f"{FOLDER}/reynolds2006_{name}.csv")
    table = np.loadtxt(file, delimiter=",", skiprows=1)[1:]
    with jax.enable_x64():
        found = course(jnp.float64(pathogen), jnp.float64(k_pg), jnp.asarray(table[:, 0]))
        found = np.stack(jax.tree.leaves(found), axis=1)
    np.testing.assert_allclose(found, table[:, 1:], rtol=1e-4, atol=1e-6)


def test_thresholds_of_the_first_dose():
    """A little less of the pathogen is overcome, a little more is not."""
    with shared_file(f"{FOLDER}/reynolds2006_P0_thresholds.csv").open() as file:
        rows = list(csv.DictReader(file))
    known = [(float(r["kpg"]), json.loads(r[list(r)[2]])) for r in rows]
    growth, threshold = np.array([(k_pg, found[0][0]) for k_pg, found in known if found]).T
    assert len(growth) >= 12
    margin = np.maximum(1e-4 * threshold, 6e-6)  # they are printed to five decimals
    with jax.enable_x64():

        def damage(pathogen):
            end = jax.vmap(lambda p, k: course(p, k, jnp.array([1500.0])))(
                jnp.asarray(pathogen), jnp.asarray(growth)
            )
            return np.asarray(end.damage[:, 0])

        below, above = damage(threshold - margin), damage(threshold + margin)
    assert (below < 0.1).all(), below
    assert (above > 17.0).all(), above
