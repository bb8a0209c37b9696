"""Charts of learning, of courses and of comparisons; labels come from the environment."""
