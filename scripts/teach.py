"""Pseudo-labels for a pruned pipeline: the step `teach` of the project."""

from spacy_ldnet.cli.teach import teach_cli as main

if __name__ == "__main__":
    import typer

    typer.run(main)
