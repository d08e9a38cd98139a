"""Distillation: a teacher labels text, and a student learns from its labels."""
