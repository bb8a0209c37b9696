"""What is measured: assays that are ordered, monitors that run by themselves."""
