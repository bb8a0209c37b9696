"""The command line, and what a training run was started with."""
