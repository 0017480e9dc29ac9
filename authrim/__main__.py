"""``python -m authrim``: the command line."""

from authrim.commands.root import main

main(prog_name="authrim")
