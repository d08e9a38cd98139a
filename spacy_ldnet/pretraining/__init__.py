"""Language models from raw text: corpus, training, and the directory they end in."""
