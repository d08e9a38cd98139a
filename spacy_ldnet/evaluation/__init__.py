"""Evaluation of pipelines side by side: scores, errors, cost and speed."""
