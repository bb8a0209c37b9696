"""What can be said of one real patient: forecasts."""
