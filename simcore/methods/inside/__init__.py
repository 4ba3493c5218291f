"""What is loaded inside a program that `simcore compare` runs: it forces the start method and looks at each child.

Standard library only, and as little of that as can be: what is imported here would be imported in the program's children, too.
Nothing but times is taken in a timing run; a state run looks at everything.
"""
