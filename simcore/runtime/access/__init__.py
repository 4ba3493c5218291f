"""Reads and writes of the program's own data as events: its modules are rewritten when they are imported.

`rewrite.py` puts a call of a hook in the place of each access, `loader.py` has the import system use it, the hooks record.
"""
