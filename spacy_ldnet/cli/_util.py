"""The group of commands, and what they share."""

import typer

app = typer.Typer(
    name="ldnet",
    help="Language models for LD-Net: pretraining, pruning, and what they cost",
    no_args_is_help=True,
)
