"""Shared by the experiments: trainings that are done once, tables and pictures."""
