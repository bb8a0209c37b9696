"""The contract between tasks and everything that uses them; knows no medicine."""
