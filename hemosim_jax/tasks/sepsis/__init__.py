"""Sepsis: infection, circulation, organs. The patient; no task is registered yet."""
