"""The pipeline components. Nothing here imports torch."""
