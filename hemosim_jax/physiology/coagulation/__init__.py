"""The coagulation cascade: three published networks, and the assays that run them."""
