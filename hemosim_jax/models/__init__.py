"""Drugs and physiology as ODEs, one file per model."""
