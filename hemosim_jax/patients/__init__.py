"""Who the patients are: covariates, populations, cohorts."""
