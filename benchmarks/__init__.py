"""Commands that produce every figure the README states. Run them from the repository's root."""
