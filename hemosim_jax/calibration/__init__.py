"""Parameters from data, kept apart from what papers published."""
