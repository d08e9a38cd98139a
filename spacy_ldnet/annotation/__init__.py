"""A corpus of any size annotated by any pipeline: rows in, rows with spans out."""
