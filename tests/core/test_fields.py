import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hemosim_jax.core.fields import (
    ActionFields,
    Field,
    ObservationFields,
    Reading,
    category,
    flag,
)
from hemosim_jax.core.spaces import Box, Discrete, MultiDiscrete

SEEN = ObservationFields(
    (
        Field("aptt_s", "s", (20.0, 200.0), can_be_missing=True),
        Field("score", bounds=(0.0, 8.0), kind="count"),
        category("genotype", ("GG", "GA", "AA")),
        flag("under_way"),
        Field("hours", "h", (0.0, 120.0), open_above=True),
        Field("drug", bounds=(-1.0, 1.0), kind="category", one_hot=True),
    )
)


def values(**changes):
    usual = {
        "aptt_s": Reading(jnp.float32(65.0), jnp.asarray(True)),
        "score": jnp.int32(5),
        "genotype": jnp.int32(1),
        "under_way": jnp.asarray(True),
        "hours": jnp.float32(180.0),
        "drug": jnp.int32(-1),
    }
    return usual | changes


def test_what_is_encoded_is_decoded():
    observation = SEEN.encode(values())
    assert observation.shape == SEEN.space().shape == (9,)
    assert SEEN.space().contains(observation)
    seen = SEEN.decode(observation)
    assert seen.aptt_s.value == pytest.approx(65.0, rel=1e-6)
    assert seen.aptt_s.known
    assert (int(seen.score), int(seen.genotype), int(seen.drug)) == (5, 1, -1)
    assert seen.under_way
    assert seen.hours == pytest.approx(180.0)  # a clock is not clipped
    assert observation[6:].tolist() == [1.0, 0.0, 0.0]


@pytest.mark.parametrize("fields", [SEEN])
def test_every_count_and_code_survives(fields):
    for score in range(9):
        assert fields.decode(fields.encode(values(score=jnp.int32(score)))).score == score
    for code in range(3):
        seen = fields.decode(fields.encode(values(genotype=jnp.int32(code), drug=jnp.int32(1))))
        assert (int(seen.genotype), int(seen.drug)) == (code, 1)


def test_a_missing_value_is_no_number_with_a_mask_beside_it():
    missing = Reading(jnp.float32(65.0), jnp.asarray(False))
    observation = SEEN.encode(values(aptt_s=missing))
    assert observation[:2].tolist() == [0.0, 0.0]
    assert np.isfinite(observation).all()
    reading = SEEN.decode(observation).aptt_s
    assert not reading.known
    assert np.isnan(reading.value)
    # A value at the lower bound is another thing.
    lowest = SEEN.decode(SEEN.encode(values(aptt_s=Reading(jnp.float32(20.0), jnp.asarray(True)))))
    assert lowest.aptt_s.known
    assert lowest.aptt_s.value == 20.0


def test_batches_under_jit():
    batch = jax.tree.map(lambda x: jnp.stack([x, x]), values())
    seen = jax.jit(jax.vmap(lambda v: SEEN.decode(SEEN.encode(v))))(batch)
    assert seen.score.shape == (2,)


DOSES = ActionFields((Field("rate_u_per_h", "U/h", (0.0, 2500.0)), flag("bolus")))
UNITS = ActionFields((category("plasma", (0.0, 2.0, 4.0)), category("heparin", (0.0, 500.0))))
ONE = ActionFields((category("change", (-2.0, 0.0, 2.0)),))


def test_spaces_follow_from_the_fields():
    assert isinstance(DOSES.space(), Box)
    assert isinstance(UNITS.space(), MultiDiscrete)
    assert UNITS.space().sizes == (3, 2)
    assert isinstance(ONE.space(), Discrete)
    with pytest.raises(ValueError, match="numbers and flags, or categories"):
        ActionFields((category("a", (0, 1)), flag("b")))


def test_actions_round_trip():
    action = DOSES.encode(rate_u_per_h=1250.0, bolus=True)
    np.testing.assert_allclose(action, [0.5, 1.0])
    decoded = DOSES.decode(action)
    assert (float(decoded.rate_u_per_h), bool(decoded.bolus)) == (1250.0, True)
    assert UNITS.decode(UNITS.encode(plasma=2, heparin=1)) == (4.0, 500.0)
    assert ONE.decode(ONE.encode(change=0)).change == -2.0
    assert UNITS.decode(jnp.array([9, -1])) == (4.0, 0.0)


def test_an_action_that_is_no_number_decodes_to_none():
    decoded = DOSES.decode(jnp.array([0.5, jnp.nan]))
    assert np.isnan(decoded.rate_u_per_h)
    assert not decoded.bolus


def test_wrong_names_and_fields_are_named():
    with pytest.raises(ValueError, match="the action's fields are rate_u_per_h, bolus; got rate"):
        DOSES.encode(rate=1.0)
    with pytest.raises(ValueError, match="aptt: kind must be one of number, count, category, flag"):
        Field("aptt", kind="text")
    with pytest.raises(ValueError, match=r"aptt: bounds must rise, got \(1.0, 1.0\)"):
        Field("aptt", bounds=(1.0, 1.0))


def test_tables_list_every_field():
    table = SEEN.table()
    assert table.count("\n") == 1 + len(SEEN.fields)
    assert "| `aptt_s` | number, may be missing" in table
    assert "| `hours` | number | h | 0 to 120 and beyond |" in table
    assert "| `plasma` | category | - | 0, 2, 4 |" in UNITS.table()


def test_a_batch_of_codes():
    drugs = jnp.array([-1, 0, 1])
    batch = jnp.stack([SEEN.encode(values(drug=drug)) for drug in drugs], axis=1)
    np.testing.assert_array_equal(SEEN.decode(batch).drug, drugs)


def test_two_fields_of_one_name():
    with pytest.raises(ValueError, match="two fields 'a': give one another name"):
        ObservationFields((Field("a"), Field("a")))
