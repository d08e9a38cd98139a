"""Work on files of text: find them, cut them into chunks, read their lines, do the work
in several processes or on several machines, and report what was skipped.
"""
