"""Medicine that two tasks need."""
