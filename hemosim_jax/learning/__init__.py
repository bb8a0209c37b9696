"""Learning a policy for any gymnax environment; knows no medicine."""
