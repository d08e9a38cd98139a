"""The group of commands."""

import typer

app = typer.Typer(
    name="ldnet",
    help="Language models for LD-Net: pretraining, pruning, and what they cost",
    no_args_is_help=True,
)
