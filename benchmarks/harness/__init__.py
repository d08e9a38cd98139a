"""Shared by the benchmarks: the runner, and what several of them measure."""
