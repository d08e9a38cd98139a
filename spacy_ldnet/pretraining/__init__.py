"""Pretraining of the language models: raw text, training, perplexity."""
