"""simcore in a notebook: a cell run as a program, and what a run, a diff or a comparison looks like as a picture.

`extension` is what `%load_ext simcore` loads, `display` what a notebook asks of an object. The pictures are SVG that needs
neither a script nor a style sheet: `picture` puts one together, `timeline`, `difference` and `comparison` say what is on it.
"""
