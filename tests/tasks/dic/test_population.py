import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hemosim_jax.core.random_draws import uniform_vector
from hemosim_jax.tasks.dic import disturbances, population
from hemosim_jax.tasks.dic.cohort import read_dic_cohort
from hemosim_jax.tasks.dic.model import DICModel, with_blood
from hemosim_jax.tasks.dic.population import CAUSES


@pytest.fixture(scope="module")
def drawn():
    sample = jax.jit(jax.vmap(lambda key: population.sample(key, population.MEDIUM)))
    return sample(jax.random.split(jax.random.key(0), 20_000))


def test_causes_are_as_frequent_as_asked(drawn):
    shares = np.bincount(np.asarray(drawn.covariates.cause), minlength=len(CAUSES)) / 20_000
    np.testing.assert_allclose(shares, population.MEDIUM.cause_shares, atol=0.015)


def test_each_cause_has_its_own_course(drawn):
    cause = np.asarray(drawn.covariates.cause)
    decay = np.asarray(drawn.parameters.decay_per_h)
    for index, one in enumerate(CAUSES):
        np.testing.assert_allclose(np.log(2.0) / decay[cause == index], one.half_life_h, rtol=1e-5)
        assert np.all(np.asarray(drawn.parameters.lytic)[cause == index] == np.float32(one.lytic))


def test_severity_is_that_of_the_population(drawn):
    septic = np.asarray(drawn.covariates.cause) == 0
    for field, (median, log_sd) in (
        ("tissue_factor_pm", population.MEDIUM.tissue_factor_pm),
        ("inflammation", population.MEDIUM.inflammation),
    ):
        logs = np.log(np.asarray(getattr(drawn.parameters, field))[septic])
        assert np.exp(np.median(logs)) == pytest.approx(median, rel=0.03)
        assert logs.std() == pytest.approx(log_sd, rel=0.03)


def test_who_bleeds_on_admission_is_a_matter_of_the_cause(drawn):
    cause, bleeds = np.asarray(drawn.covariates.cause), np.asarray(drawn.bleeding) > 0.0
    for index, one in enumerate(CAUSES):
        assert bleeds[cause == index].mean() == pytest.approx(one.bleeding_share, abs=0.03)
    sample = jax.vmap(lambda key: population.sample(key, population.HARD))
    assert np.all(sample(jax.random.split(jax.random.key(1), 500)).bleeding > 0.0)


def test_on_admission_the_longer_ill_are_worse(drawn):
    patient = jax.tree.map(lambda x: x[0], drawn)
    early, late = (
        population.on_admission(patient.replace(onset_h=jnp.asarray(hours)))
        for hours in (6.0, 48.0)
    )
    assert late.platelets_1e9_per_l < early.platelets_1e9_per_l
    assert late.antithrombin < early.antithrombin
    assert late.organ_function < early.organ_function < patient.organ_function


def test_bleeds_come_with_poor_hemostasis(drawn):
    patients = jax.tree.map(lambda x: x[:2000], drawn)
    blood = jax.vmap(population.on_admission)(patients).replace(bleeding=jnp.zeros(2000))
    empty = blood.replace(platelets_1e9_per_l=jnp.full(2000, 8.0))
    infusion = jnp.zeros(())

    def share(blood, hours):
        def course(key, patient, own):
            condition = disturbances.at_admission(patient.until_bleed, patient.until_death)
            state = with_blood(own)

            def step(carry, key):
                state, condition = carry
                after, _ = DICModel().advance(state, hours, patient.parameters, infusion)
                after = after.replace(blood=own)  # a blood that stays as it is
                draws = uniform_vector(key, 3)
                condition, later = disturbances.begin_bleeding(
                    draws, condition, state, after, patient.parameters
                )
                return (after, condition), later.bleeding > 0.0

            keys = jax.random.split(key, round(12.0 / float(hours)))
            return jax.lax.scan(step, (state, condition), keys)[1].any()

        keys = jax.random.split(jax.random.key(1), 2000)
        return float(jax.jit(jax.vmap(course))(keys, patients, blood).mean())

    assert share(blood, jnp.asarray(4.0)) < 0.02 < 0.03 < share(empty, jnp.asarray(4.0))
    # The first bleed is where the patient's hazard reaches it, however a course is cut.
    shares = [share(empty, jnp.asarray(hours)) for hours in (1.0, 4.0)]
    assert shares[0] == pytest.approx(shares[1], abs=0.01)


def test_a_file_of_patients(tmp_path):
    path = tmp_path / "cohort.csv"
    path.write_text("cause,age,weight_kg\nsepsis,70,80\nNA,50,60\nobstetric,31,NA\ntrauma,25,90\n")
    records = read_dic_cohort(path)
    assert records.left_out == {"cause missing": 1, "weight missing": 1}
    names = [CAUSES[int(i)].name for i in records.covariates.cause]
    assert names == ["sepsis", "trauma"]
    cohort = population.complete_cohort(jax.random.key(0), records.covariates, population.MEDIUM)
    patient = cohort.draw(jax.random.key(1))
    assert float(patient.covariates.weight_kg) in (80.0, 90.0)


@pytest.mark.parametrize(
    ("row", "message"),
    [("flu,70,80", "cause is 'flu'; allowed: sepsis"), ("sepsis,700,80", "age is '700'; allowed")],
)
def test_what_cannot_be_read_is_named(tmp_path, row, message):
    path = tmp_path / "cohort.csv"
    path.write_text(f"cause,age,weight_kg\n{row}\n")
    with pytest.raises(ValueError, match=message):
        read_dic_cohort(path)
