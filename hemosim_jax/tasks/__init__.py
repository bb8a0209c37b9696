"""One folder a task; no task imports another."""
