"""What became of a patient: scores and events from a course of measurements."""
