"""The commands of ``authrim``, one file each: they read the command line, call a function and print its answer.

From outside: ``root``, which finds the others by their names.
"""
