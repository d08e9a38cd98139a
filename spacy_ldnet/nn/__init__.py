"""The networks, in torch alone: nothing here imports spaCy or thinc."""
