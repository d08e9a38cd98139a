"""The corpora that the workflow knows, and how their files are read."""
