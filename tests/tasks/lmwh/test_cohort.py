import jax
import numpy as np
import pytest

import hemosim_jax
from hemosim_jax.core.task import read_cohort
from hemosim_jax.registry import task_of


def test_reads_what_is_recorded_and_draws_the_rest(tmp_path):
    path = tmp_path / "cohort.csv"
    path.write_text(
        "age,sex,weight_kg,creatinine_mg_per_dl\n70,F,60,2.5\n50,M,90,NA\n60,NA,80,1.0\n"
    )
    env, params = hemosim_jax.make("EnoxaparinDosing-v0")
    task = task_of(env.name)
    file = read_cohort(task, path, env, params, jax.random.key(0))
    assert file.cohort.size == 2
    assert file.left_out == {"sex missing": 1}
    own = file.cohort.patients.covariates
    np.testing.assert_allclose(own.weight_kg, [60.0, 90.0])
    assert own.creatinine_mg_per_dl[0] == 2.5
    assert 0.3 < own.creatinine_mg_per_dl[1] < 4.0
    assert ((own.height_cm > 140.0) & (own.height_cm < 210.0)).all()
    patient = jax.tree.map(lambda x: x[0], file.cohort.patients)
    assert task.describe(patient)["creatinine_clearance_ml_per_min"] == pytest.approx(19.8, abs=0.1)


def test_one_line_for_what_is_wrong(tmp_path):
    path = tmp_path / "cohort.csv"
    path.write_text("age,sex,weight_kg\n70,X,60\n")
    env, params = hemosim_jax.make("EnoxaparinDosing-v0")
    with pytest.raises(ValueError, match="sex is 'X'; allowed: F, M, NA"):
        read_cohort(task_of(env.name), path, env, params, jax.random.key(0))
