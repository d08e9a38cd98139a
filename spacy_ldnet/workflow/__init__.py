"""Shared by the project's scripts, experiments and benchmarks: raw text as documents,
rows of results, and errors of scripts."""
