"""``python -m authrim``: the command line."""

from authrim.cli import main

main(prog_name="authrim")
