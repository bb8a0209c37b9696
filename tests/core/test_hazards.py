"""Events of accumulating hazards."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hemosim_jax.core.hazards import gather
from hemosim_jax.core.random_draws import as_exponential, uniform_vector


@pytest.mark.parametrize("steps", [1, 7, 60])
def test_the_chance_does_not_depend_on_the_step(steps):
    patients, total = 20_000, 0.7

    def course(key):
        first, rest = jax.random.split(key)

        def step(left, key):
            event = gather(
                left, jnp.asarray(total / steps), as_exponential(*uniform_vector(key, 2))
            )
            return event.left, event.happened

        begin = as_exponential(*uniform_vector(first, 2))
        _, happened = jax.lax.scan(step, begin, jax.random.split(rest, steps))
        return happened.any()

    keys = jax.random.split(jax.random.key(steps), patients)
    share = float(jax.jit(jax.vmap(course))(keys).mean())
    chance = 1.0 - np.exp(-total)
    assert share == pytest.approx(chance, abs=4.0 * np.sqrt(chance * (1.0 - chance) / patients))


def test_rare_events_are_as_rare_as_they_say():
    keys = jax.random.split(jax.random.key(0), 2_000_000)
    first = jax.jit(jax.vmap(lambda key: as_exponential(*uniform_vector(key, 2))))(keys)
    expected = 2e6 * 1e-4
    assert float((first <= 1e-4).sum()) == pytest.approx(expected, abs=5.0 * np.sqrt(expected))
    assert float(first.min()) < 1e-5


def test_what_is_left_over_counts_for_the_next():
    event = gather(jnp.asarray(0.2), jnp.asarray(0.5), jnp.asarray(1.0))
    assert bool(event.happened)
    assert float(event.left) == pytest.approx(0.7)
    quiet = gather(jnp.asarray(0.2), jnp.asarray(0.05), jnp.asarray(1.0))
    assert not bool(quiet.happened)
    assert float(quiet.left) == pytest.approx(0.15)
