import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hemosim_jax.physiology.coagulation import hockin_mann, reactions, wajima
from hemosim_jax.physiology.coagulation.reactions import enzymatic, mass_action


def test_a_catalyst_is_not_consumed():
    reaction = mass_action("E + S -> E + P", "k")
    assert reaction.change == {"S": -1, "P": 1}
    assert reaction.inputs == ("E", "S")
    assert reaction.rate({"k": 2.0}, 3.0, 4.0) == 24.0


def test_an_enzyme_saturates_and_is_never_negative():
    reaction = enzymatic("S -> P", "E", "v", "k")
    parameters = {"v": 10.0, "k": 1e-6}
    assert reaction.rate(parameters, 2.0, jnp.asarray(1.0)) == pytest.approx(20.0, rel=1e-4)
    assert reaction.rate(parameters, 2.0, jnp.asarray(-1e-6)) == 0.0


@pytest.mark.parametrize(
    ("network", "parameters"),
    [
        (hockin_mann.REACTIONS, hockin_mann.PARAMETERS["danforth2009"]),
        (wajima.IN_VIVO, dict(wajima.PARAMETERS)),
        (wajima.IN_VITRO, dict(wajima.PARAMETERS)),
    ],
)
def test_jacobian_is_that_of_the_vector_field(network, parameters):
    names = reactions.species(network)
    with jax.enable_x64():
        rng = np.random.default_rng(1)
        state = {
            name: jnp.asarray(x) for name, x in zip(names, rng.random(len(names)), strict=True)
        }
        sparse = reactions.jacobian(network)(0.0, state, parameters)
        dense = jax.jacfwd(lambda y: reactions.vector_field(network)(0.0, y, parameters))(state)
    for effect in names:
        for cause in names:
            expected = pytest.approx(float(dense[effect][cause]), rel=1e-9, abs=1e-12)
            assert float(sparse.get((effect, cause), 0.0)) == expected, (effect, cause)
