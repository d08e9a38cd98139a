"""A user's own labels: files of any annotation tool in, a corpus for training out."""
