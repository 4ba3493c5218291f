"""What a start method changes for a program: the differences, how they are measured, and how they are foretold.

Nothing is imported here: parts of this package are loaded inside the program that is looked at.
"""
