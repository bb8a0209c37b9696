"""Judging policies on patients they never saw; knows no medicine."""
