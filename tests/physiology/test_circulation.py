"""The circulation at rest against its own vector field, and what is known of it."""

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hemosim_jax.integrate.reference import solve_reference
from hemosim_jax.physiology import circulation
from hemosim_jax.physiology.circulation import Beat, Circulation, Reflex

PATIENTS = 200


def adult(**changes):
    """Of 70 kg, at rest."""
    values = {
        "volume_l": 4.9,
        "unstressed_l": 4.31,
        "capacity_l_per_mmhg": 0.098,
        "venous_resistance": 1.0,
        "resistance": 15.9,
        "heart_rate_per_min": 72.0,
        "stroke_l": 0.13,
        "afterload": 0.08,
        "set_mmhg": 88.0,
        **changes,
    }
    return Circulation(
        **{name: jnp.asarray(value, jnp.result_type(float)) for name, value in values.items()},
        reflex=Reflex(),
    )


def sick(count=PATIENTS):
    """Anything from hemorrhage to full vasodilation, stacked."""
    rng = np.random.default_rng(0)
    return jax.vmap(lambda *values: adult(**dict(zip(NAMES, values, strict=True))))(
        *(
            jnp.asarray(rng.uniform(low, high, count), jnp.result_type(float))
            for low, high in BOUNDS.values()
        )
    )


BOUNDS = {
    "volume_l": (4.4, 5.6),
    "unstressed_l": (3.9, 4.4),
    "resistance": (4.0, 20.0),
    "heart_rate_per_min": (60.0, 120.0),
    "stroke_l": (0.05, 0.2),
    "afterload": (0.05, 0.3),
    "set_mmhg": (75.0, 105.0),
}
NAMES = tuple(BOUNDS)


def test_a_healthy_adult():
    found = circulation.steady(adult())
    np.testing.assert_allclose(found.pressure_mmhg, 88.0, atol=1.0)
    np.testing.assert_allclose(found.output_l_per_min, 5.5, atol=0.1)
    np.testing.assert_allclose(found.venous_mmhg, 0.3, atol=0.2)


def test_rest_is_where_the_vector_field_ends():
    with jax.enable_x64():

        def half_an_hour(own):
            one = jnp.ones(())
            start = Beat(80.0 * one, 0.0 * one)
            return solve_reference(
                circulation.vector_field,
                start,
                jnp.array([30.0]),
                own,
                solver=diffrax.Kvaerno5(),
            )

        end = jax.jit(jax.vmap(half_an_hour))(sick())
        exact = np.asarray(end.pressure_mmhg[:, 0])
    found = np.asarray(jax.jit(jax.vmap(circulation.steady))(sick()).pressure_mmhg)
    np.testing.assert_allclose(found, exact, rtol=1e-3)


def test_the_pressure_returns_within_minutes():
    """Right at a minute: after a sudden change the reflex has done its work in two."""
    with jax.enable_x64():
        before = circulation.steady(adult())
        dilated = adult(resistance=10.0)
        courses = solve_reference(
            circulation.vector_field,
            Beat(before.pressure_mmhg, jnp.log(before.pressure_mmhg / 88.0)),
            jnp.array([0.1, 2.0, 30.0]),
            dilated,
            solver=diffrax.Kvaerno5(),
        )
        pressure = np.asarray(courses.pressure_mmhg)
    assert pressure[0] < pressure[2] - 3.0  # lower before the reflex than after it
    np.testing.assert_allclose(pressure[1], pressure[2], rtol=0.01)


@pytest.mark.parametrize(
    ("name", "sign"),
    [("volume_l", 1), ("unstressed_l", -1), ("resistance", 1), ("stroke_l", 1), ("afterload", 1)],
)
def test_what_raises_the_pressure(name, sign):
    """Everybody is below the set point: there a greater power of the afterload helps the heart."""
    low = sick().replace(set_mmhg=jnp.full(PATIENTS, 100.0))
    value = getattr(low, name)
    high = low.replace(**{name: 1.05 * value})
    lower, higher = (jax.vmap(circulation.steady)(one) for one in (low, high))
    rises = np.asarray(higher.pressure_mmhg - lower.pressure_mmhg)
    below = np.asarray(lower.pressure_mmhg < 95.0)
    assert below.sum() > 20
    assert (sign * rises[below] > 0.0).all()


def test_gradients_are_finite():
    def pressure(volume):
        return circulation.steady(adult(volume_l=volume)).pressure_mmhg

    slopes = jax.vmap(jax.grad(pressure))(jnp.linspace(2.0, 7.0, 11))
    assert np.isfinite(slopes).all()
    assert (np.asarray(slopes) >= 0.0).all()
