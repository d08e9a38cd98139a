"""Shared by the project's scripts, experiments and benchmarks: raw text as documents,
teachers, scores and their comparison."""
