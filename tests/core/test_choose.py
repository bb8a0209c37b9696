import jax
import jax.numpy as jnp
import numpy as np

from hemosim_jax.core.choose import choose


def test_it_is_indexing_with_the_index_held_in_bounds():
    index = jnp.array([-1, 0, 1, 2, 9])
    np.testing.assert_array_equal(choose(index, (10.0, 20.0, 30.0)), [10.0, 10.0, 20.0, 30.0, 30.0])
    assert choose(jnp.int32(1), (1, 2)).dtype == jnp.int32


def test_pytrees_and_gradients():
    values = ({"a": 1.0, "b": (2.0,)}, {"a": 3.0, "b": (4.0,)})
    chosen = choose(jnp.int32(1), values)
    assert jax.tree.map(float, chosen) == values[1]
    slope = jax.grad(lambda x: choose(jnp.int32(1), (x, x**2, x**3)))(3.0)
    assert slope == 6.0
