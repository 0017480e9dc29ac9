"""The commands of ``authrim``, a file each: they read the command line, call a function and print its answer."""
